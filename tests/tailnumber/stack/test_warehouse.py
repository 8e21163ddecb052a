"""One-machine warehouse: starts, refuses clearly, and keeps every row that it acknowledged."""

import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from local_warehouse import Warehouse, ask, start_warehouse

from pipeline.encode import RowEncoder
from pipeline.errors import WarehouseError
from pipeline.tables import apply_table
from pipeline.write import Target, open_writer

PROJECT = "test-crash"
DOCUMENT = {
    "dataset": "audit",
    "table_id": "counters_v1",
    "description": "Numbers.",
    "schema": [
        {"name": "at", "type": "TIMESTAMP", "mode": "REQUIRED", "classification": "public"},
        {"name": "n", "type": "INTEGER", "mode": "REQUIRED", "classification": "public"},
        {
            "name": "calls",
            "type": "RECORD",
            "mode": "REPEATED",
            "classification": "public",
            "fields": [
                {"name": "tool", "type": "STRING", "mode": "REQUIRED", "classification": "public"},
                {"name": "files", "type": "STRING", "mode": "REPEATED", "classification": "public"},
            ],
        },
    ],
    "time_partitioning": {"type": "DAY", "field": "at", "expiration_ms": 86400000},
    "require_partition_filter": True,
    "clustering": ["n"],
}
for column in DOCUMENT["schema"]:
    column["description"] = "a column"
    for nested in column.get("fields", ()):
        nested["description"] = "a column"

ENCODER = RowEncoder(DOCUMENT["schema"])


def _target(project: str) -> Target:
    return Target(f"projects/{project}/datasets/audit/tables/counters_v1", ENCODER)


def _row(n: int) -> bytes:
    return ENCODER.encode(
        {"at": datetime(2026, 1, 1, tzinfo=UTC), "n": n, "calls": [{"tool": "t", "files": ["a"]}]}
    )


def _with_table(warehouse: Warehouse, project: str) -> None:
    client = warehouse.client(project)
    client.create_dataset("audit", timeout=10, exists_ok=True)
    apply_table(client, DOCUMENT)


def _numbers(warehouse: Warehouse, project: str) -> list[int]:
    rows = ask(warehouse.client(project), "SELECT n FROM audit.counters_v1 ORDER BY n")
    return [row["n"] for row in rows]


@pytest.mark.slow
def test_kill_keeps_every_acknowledged_row(tmp_path: Path) -> None:
    first = start_warehouse(tmp_path)
    _with_table(first, PROJECT)
    acknowledged: list[int] = []
    # In the middle of an append, however slow the machine is.
    killer = threading.Timer(0.02, first.process.kill)
    with open_writer(first.storage, deadline_seconds=5) as writer:
        for n in range(100_000):
            try:
                writer.append(_target(PROJECT), [_row(n)])
            except WarehouseError:
                break
            acknowledged.append(n)
            if n == 20:
                killer.start()
    killer.join()
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL

    second = start_warehouse(tmp_path)
    kept = _numbers(second, PROJECT)

    assert second.stop(signal.SIGINT) == 0
    assert len(acknowledged) > 10
    assert kept[: len(acknowledged)] == acknowledged


def test_queries_hold_beside_a_stream_of_appends(warehouse: Warehouse) -> None:
    client = warehouse.client()
    _with_table(warehouse, client.project)
    stop = threading.Event()
    appended = []

    def append() -> None:
        with open_writer(warehouse.storage) as writer:
            while not stop.is_set():
                appended.append(writer.append(_target(client.project), [_row(len(appended))]))

    thread = threading.Thread(target=append)
    thread.start()
    answers = []
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        sql = f"SELECT {len(answers)} AS asked, COUNT(*) AS n FROM audit.counters_v1"
        answers.append(ask(client, sql)[0])
    stop.set()
    thread.join()

    assert [answer["asked"] for answer in answers] == list(range(len(answers)))
    assert not any(appended)
    assert sorted(answer["n"] for answer in answers) == [answer["n"] for answer in answers]


def test_nested_records_and_their_lists_come_back(warehouse: Warehouse) -> None:
    client = warehouse.client()
    _with_table(warehouse, client.project)

    with open_writer(warehouse.storage) as writer:
        refused = writer.append(_target(client.project), [_row(7)])

    rows = ask(
        client, "SELECT c.tool, f FROM audit.counters_v1, UNNEST(calls) c, UNNEST(c.files) f"
    )
    assert refused == []
    assert rows == [{"tool": "t", "f": "a"}]


def test_appends_do_not_copy_the_table(warehouse: Warehouse) -> None:
    client = warehouse.client()
    _with_table(warehouse, client.project)
    before = _size(warehouse.data_dir)

    with open_writer(warehouse.storage) as writer:
        for _ in range(20):
            writer.append(_target(client.project), [_row(n) for n in range(500)])

    # Ten copies on the way to 10,000 rows would be 100,000 rows more.
    assert _size(warehouse.data_dir) - before < 2_000_000


def _size(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.iterdir())


def _run(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tailnumber.stack.warehouse", "--data-dir", str(data_dir)]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def test_port_in_use_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = _run(tmp_path, "--port", str(port))

    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"warehouse: cannot listen on 127.0.0.1:{port} (Address already in use); choose another port"
    ]


@pytest.mark.slow
def test_data_directory_in_use_is_said_in_one_sentence(warehouse: Warehouse) -> None:
    result = _run(warehouse.data_dir)

    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        f"warehouse: cannot open {warehouse.data_dir}: another warehouse uses it, "
        "or it is not writable\n"
    )


def test_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    assert start_warehouse(tmp_path).stop(signal.SIGTERM) == 0
