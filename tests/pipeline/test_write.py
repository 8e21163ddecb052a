"""Rows reach BigQuery through the Storage Write API; wrong ones come back, the rest goes on."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import types
from google.rpc import status_pb2
from local_warehouse import Warehouse, ask

from pipeline import write
from pipeline.encode import RowEncoder
from pipeline.errors import WarehouseError
from pipeline.tables import apply_table
from pipeline.write import RowError, RowWriter, Target, open_writer

COLUMNS = [
    {"name": "at", "type": "TIMESTAMP", "mode": "REQUIRED"},
    {"name": "id", "type": "STRING", "mode": "REQUIRED"},
    {"name": "sealed", "type": "BYTES", "mode": "NULLABLE"},
]
DOCUMENT = {
    "dataset": "audit",
    "table_id": "rows_v1",
    "description": "Rows.",
    "schema": [{**c, "description": "c", "classification": "public"} for c in COLUMNS],
    "time_partitioning": {"type": "DAY", "field": "at", "expiration_ms": 86400000},
    "require_partition_filter": True,
    "clustering": ["id"],
}
ENCODER = RowEncoder(COLUMNS)
TARGET = Target("projects/p/datasets/audit/tables/rows_v1", ENCODER)


class FakeServer:
    """Answers appends as told; records the rows of each request."""

    def __init__(self, answer: Callable[[list[bytes]], Any]) -> None:
        self.answer = answer
        self.requests: list[list[bytes]] = []
        self.kept: list[bytes] = []

    def append_rows(self, requests: Iterator[Any], **options: Any) -> Iterator[Any]:
        assert options["timeout"] > 0
        assert options["retry"] is None
        request = next(requests)
        rows = list(request.proto_rows.rows.serialized_rows)
        self.requests.append(rows)
        answer = self.answer(rows)
        if isinstance(answer, Exception):
            raise answer
        if not answer.row_errors and not answer.error.code:
            self.kept += rows
        return iter((answer,))


def _writer(server: FakeServer) -> RowWriter:
    return RowWriter(server)  # type: ignore[arg-type]


def _accept(_: list[bytes]) -> types.AppendRowsResponse:
    return types.AppendRowsResponse()


def test_rows_that_the_server_names_come_back_and_the_rest_is_sent_again() -> None:
    def name_bad(rows: list[bytes]) -> types.AppendRowsResponse:
        errors = [
            types.RowError(index=i, code=types.RowError.RowErrorCode.FIELDS_ERROR, message="canary")
            for i, row in enumerate(rows)
            if row.startswith(b"bad")
        ]
        return types.AppendRowsResponse(row_errors=errors)

    server = FakeServer(name_bad)

    refused = _writer(server).append(TARGET, [b"a", b"bad1", b"b", b"bad2"])

    assert refused == [RowError(1, "fields_error"), RowError(3, "fields_error")]
    assert server.kept == [b"a", b"b"]


@pytest.mark.parametrize(
    "refusal",
    [
        exceptions.Unknown("canary"),
        exceptions.InvalidArgument("canary"),
        types.AppendRowsResponse(error=status_pb2.Status(code=3, message="canary")),
    ],
    ids=["unknown", "invalid", "error in the answer"],
)
def test_wrong_row_is_found_by_halves_when_the_server_names_none(refusal: Any) -> None:
    server = FakeServer(lambda rows: refusal if b"bad" in rows else _accept(rows))
    rows = [b"%d" % n for n in range(100)]
    rows[61] = b"bad"

    refused = _writer(server).append(TARGET, rows)

    assert refused == [RowError(61, "row_refused")]
    assert sorted(server.kept) == sorted(row for row in rows if row != b"bad")
    assert len(server.requests) < 20


def test_table_that_refuses_every_row_stops_the_load() -> None:
    server = FakeServer(lambda _: exceptions.InvalidArgument("schema"))

    with pytest.raises(WarehouseError, match="every row"):
        _writer(server).append(TARGET, [b"x"] * 100)

    assert len(server.requests) < 250


@pytest.mark.parametrize(
    "failure",
    [
        exceptions.ServiceUnavailable("canary"),
        exceptions.DeadlineExceeded("canary"),
        exceptions.NotFound("canary"),
        exceptions.PermissionDenied("canary"),
        exceptions.ResourceExhausted("canary"),
        types.AppendRowsResponse(error=status_pb2.Status(code=8, message="canary")),
    ],
)
def test_server_that_fails_blames_no_row(failure: Any) -> None:
    server = FakeServer(lambda _: failure)

    with pytest.raises(WarehouseError) as raised:
        _writer(server).append(TARGET, [b"a", b"b"])

    assert "canary" not in str(raised.value)
    assert len(server.requests) == 1


def test_batches_stay_under_the_request_limit() -> None:
    server = FakeServer(_accept)
    row = b"x" * (3 * 1024 * 1024)

    refused = _writer(server).append(TARGET, [row] * 5)

    assert refused == []
    assert [len(request) for request in server.requests] == [2, 2, 1]


def test_row_over_the_request_limit_is_refused_and_the_rest_goes_on() -> None:
    server = FakeServer(_accept)

    refused = _writer(server).append(TARGET, [b"a", b"x" * (write.ROW_BYTES_MAX + 1), b"b"])

    assert refused == [RowError(1, "row_too_large")]
    assert server.kept == [b"a", b"b"]


def test_unreachable_server_is_given_up_at_the_deadline() -> None:
    started = time.monotonic()

    with (
        open_writer("127.0.0.1:1", deadline_seconds=1) as writer,
        pytest.raises(WarehouseError),
    ):
        writer.append(TARGET, [b""])

    assert time.monotonic() - started < 5


def test_acknowledged_rows_answer_a_query(warehouse: Warehouse) -> None:
    client = warehouse.client()
    client.create_dataset("audit", timeout=10)
    apply_table(client, DOCUMENT)
    target = Target(f"projects/{client.project}/datasets/audit/tables/rows_v1", ENCODER)
    at = datetime(2026, 11, 20, 18, 0, 0, 123456, tzinfo=UTC)
    rows = [ENCODER.encode({"at": at, "id": f"{n:04}", "sealed": b"\x00\xff"}) for n in range(3)]

    with open_writer(warehouse.storage) as writer:
        refused = writer.append(target, rows)

    assert refused == []
    assert ask(client, "SELECT * FROM audit.rows_v1 ORDER BY id LIMIT 1") == [
        {"at": at, "id": "0000", "sealed": b"\x00\xff"}
    ]
    assert ask(client, "SELECT COUNT(*) AS n FROM audit.rows_v1") == [{"n": 3}]


def test_row_that_the_warehouse_cannot_hold_comes_back_alone(warehouse: Warehouse) -> None:
    client = warehouse.client()
    client.create_dataset("audit", timeout=10)
    apply_table(client, DOCUMENT)
    # The writer believes that `at` is any text; the table knows better.
    lenient = RowEncoder([{**COLUMNS[0], "type": "STRING"}, *COLUMNS[1:]])
    target = Target(f"projects/{client.project}/datasets/audit/tables/rows_v1", lenient)
    times = ["2026-11-20T00:00:00Z"] * 5 + ["never"] + ["2026-11-20T00:00:00Z"] * 2
    rows = [lenient.encode({"at": at, "id": str(n)}) for n, at in enumerate(times)]

    with open_writer(warehouse.storage) as writer:
        refused = writer.append(target, rows)

    assert refused == [RowError(5, "row_refused")]
    assert ask(client, "SELECT COUNT(*) AS n FROM audit.rows_v1") == [{"n": 7}]
