"""What is replaced in bqemulator is still where it was."""

import asyncio
from collections.abc import Iterator

import pytest
from bqemulator.jobs import executor

from tailnumber.stack import bigquery_emulator


@pytest.fixture
def unbent() -> Iterator[None]:
    from bqemulator import server
    from bqemulator.grpc_api import write_servicer

    kept = server.DuckDBEngine, server.SnapshotManager, write_servicer._table_arrow_schema
    yield
    server.DuckDBEngine, server.SnapshotManager, write_servicer._table_arrow_schema = kept


def test_everything_that_is_replaced_is_there(unbent: None) -> None:
    from bqemulator import server

    bigquery_emulator.bend()

    assert server.DuckDBEngine is bigquery_emulator.ThreadSafeEngine
    assert server.SnapshotManager is bigquery_emulator.NoHistory


def test_old_results_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bigquery_emulator, "TRIM_SECONDS", 0.01)
    monkeypatch.setattr(bigquery_emulator, "RESULTS_KEPT", 2)
    executor.JOB_RESULTS.update({f"job-{n}": None for n in range(5)})

    async def trim() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bigquery_emulator.trim_results(), 0.1)

    asyncio.run(trim())

    assert list(executor.JOB_RESULTS) == ["job-3", "job-4"]
    executor.JOB_RESULTS.clear()
