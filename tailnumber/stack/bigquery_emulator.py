"""Bend bqemulator where the one-machine warehouse needs it: four changes, each with its reason.

Written against bqemulator 1.4, which pyproject.toml pins; the tests of this module fail if a
later version moves what is replaced here. Nothing else in the project names bqemulator.
"""

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bqemulator import server as emulator_server
from bqemulator.api.routes import tabledata
from bqemulator.config import LogLevel, PersistenceMode, Settings
from bqemulator.grpc_api import write_servicer
from bqemulator.jobs import executor
from bqemulator.storage.engine import DuckDBEngine
from bqemulator.versioning.snapshots import SnapshotManager

if TYPE_CHECKING:
    import duckdb

# Query results that the server keeps for late readers; bqemulator itself keeps every one.
RESULTS_KEPT: Final = 256

# Between two looks at the kept results.
TRIM_SECONDS: Final = 5.0

# Memory that DuckDB may take before it spills to disk; its own default is 80 % of the machine.
_MEMORY_LIMIT: Final = "2GB"


class ThreadSafeEngine(DuckDBEngine):
    """Give each thread a cursor of its own.

    bqemulator shares one connection between the threads that append and the loop that asks: a
    result can be replaced between execution and fetch, and one failed append aborts the queries
    of others (seen: 14 of 252 queries beside a stream of appends). Cursors of one database see
    each other's committed rows.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._local = threading.local()
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self._home = threading.get_ident()

    async def start(self) -> None:
        """Open the database and bound its memory."""
        self._home = threading.get_ident()
        await super().start()
        super().connection.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")

    async def stop(self) -> None:
        """Close every cursor, then the database."""
        for cursor in self._cursors:
            cursor.close()
        self._cursors.clear()
        await super().stop()

    @property
    def connection(self) -> "duckdb.DuckDBPyConnection":
        """Return the calling thread's cursor."""
        base = super().connection
        if threading.get_ident() == self._home:
            return base
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = base.cursor()
            # The zone belongs to the session, not to the database.
            cursor.execute("SET TimeZone = 'UTC'")
            self._local.cursor = cursor
            self._cursors.append(cursor)
        return cursor


class NoHistory(SnapshotManager):
    """Copy no table on change.

    bqemulator copies the whole table at each append, for time travel: a table of 100,000 rows
    would be written anew for each row. Time travel is refused here instead.
    """

    def capture(self, *reference: Any, kind: str = "AUTO") -> Any:
        """Capture what somebody asked for by name, nothing else."""
        if kind == "AUTO":
            return None
        return super().capture(*reference, kind=kind)


def arrow_schema(table: Any) -> Any:
    """Return a table's Arrow schema with the fields of its records.

    bqemulator's Storage Write leaves them out, so a table with a RECORD column takes no row.
    """
    return tabledata._build_arrow_schema([_field(f) for f in table.schema_.fields])  # noqa: SLF001  (no public way to it)


def _field(field: Any) -> dict[str, Any]:
    nested = [_field(each) for each in field.fields]
    return {"name": field.name, "type": field.type, "mode": field.mode, "fields": nested}


def bend() -> None:
    """Put the changes in place; call it once, before a server is made."""
    for module, name, ours in (
        (emulator_server, "DuckDBEngine", ThreadSafeEngine),
        (emulator_server, "SnapshotManager", NoHistory),
        (write_servicer, "_table_arrow_schema", arrow_schema),
    ):
        # Fails where a later version has no such thing.
        getattr(module, name)
        setattr(module, name, ours)


def settings(
    data_dir: Path, *, host: str, rest_port: int, grpc_port: int, project: str
) -> Settings:
    """Return the server's settings: on disk, quiet, nothing fetched from elsewhere."""
    return Settings(
        rest_host=host,
        rest_port=rest_port,
        grpc_host=host,
        grpc_port=grpc_port,
        persistence_mode=PersistenceMode.PERSISTENT,
        data_dir=data_dir,
        default_project_id=project,
        time_travel_retention_days=0,
        enable_format_extensions=False,
        log_level=LogLevel.WARNING,
        metrics_enabled=False,
    )


async def trim_results() -> None:
    """Forget old query results for as long as the server runs."""
    while True:
        await asyncio.sleep(TRIM_SECONDS)
        for kept in (executor.JOB_RESULTS, executor.JOB_SCHEMAS):
            for job in list(kept)[:-RESULTS_KEPT]:
                kept.pop(job, None)
