"""Rows become the protocol buffers that the Storage Write API takes."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from pipeline.encode import RowEncoder
from pipeline.errors import RowRefusedError
from schemas.bigquery import render_table
from schemas.tables import TABLES


def _column(name: str, kind: str, mode: str = "NULLABLE", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "mode": mode, **more}


COLUMNS = [
    _column("id", "STRING", "REQUIRED"),
    _column("at", "TIMESTAMP"),
    _column("count", "INTEGER"),
    _column("ratio", "FLOAT"),
    _column("held", "BOOLEAN"),
    _column("cost", "NUMERIC"),
    _column("sealed", "BYTES"),
    _column("groups", "STRING", "REPEATED"),
    _column("calls", "RECORD", "REPEATED", fields=[_column("name", "STRING", "REQUIRED")]),
]


def _decoded(encoder: RowEncoder, row: bytes) -> Any:
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="f", syntax="proto2")
    file.message_type.append(encoder.descriptor)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Row")).FromString(row)


def test_every_type_comes_back_as_it_went_in() -> None:
    encoder = RowEncoder(COLUMNS)
    at = datetime(2026, 11, 20, 18, 0, 0, 123456, tzinfo=UTC)

    row = _decoded(
        encoder,
        encoder.encode(
            {
                "id": "x",
                "at": at,
                "count": 2**63 - 1,
                "ratio": 0.5,
                "held": False,
                "cost": Decimal("0.000000012"),
                "sealed": b"\x00\xff",
                "groups": ("a", "b"),
                "calls": [{"name": "edit"}],
            }
        ),
    )

    assert row.at == int(at.timestamp()) * 1_000_000 + 123456
    assert (row.id, row.count, row.ratio, row.held) == ("x", 2**63 - 1, 0.5, False)
    assert row.cost == "0.000000012"
    assert (row.sealed, list(row.groups), row.calls[0].name) == (b"\x00\xff", ["a", "b"], "edit")
    assert row.HasField("held")


def test_none_and_a_missing_column_are_null() -> None:
    encoder = RowEncoder(COLUMNS)

    row = _decoded(encoder, encoder.encode({"id": "x", "at": None}))

    assert [field.name for field, _ in row.ListFields()] == ["id"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"count": 1}, "column_missing"),
        ({"id": "x", "count": "canary"}, "column_mistyped"),
        ({"id": "x", "canary": 1}, "column_mistyped"),
        ({"id": "x", "at": "canary"}, "column_mistyped"),
        ({"id": "x", "count": 2**63}, "column_mistyped"),
        ({"id": "x", "calls": [{"canary": "canary"}]}, "column_mistyped"),
        ({"id": "x\udc00canary"}, "column_mistyped"),
    ],
)
def test_row_that_does_not_fit_is_refused_without_its_values(row: Any, code: str) -> None:
    with pytest.raises(RowRefusedError) as refused:
        RowEncoder(COLUMNS).encode(row)

    assert refused.value.reason_code == code
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_table_of_the_contract_has_an_encoder(table: Any) -> None:
    columns = render_table(table)["schema"]

    assert [field.name for field in RowEncoder(columns).descriptor.field] == [
        column["name"] for column in columns
    ]
