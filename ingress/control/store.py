"""Open the database of the control state and make its tables.

One machine uses a SQLite file that the ingress and the command line share; Google Cloud uses
PostgreSQL through the same models, where migrations make the tables instead. A SQLite file of an
older version gets the columns that it lacks when it is opened; nothing is ever removed from it.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable, Table

from ingress.control.models import Base

# Writers are the command line and one ingress, each for a millisecond; a wait this long means
# that something holds the file, and an error is better than a hang.
_BUSY_TIMEOUT_SECONDS: Final = 5.0
_FILE_MODE: Final = 0o600

# What a change counter answers where the database cannot tell that it changed.
UNCOUNTED: Final = -1


def open_sqlite(path: Path) -> Engine:
    """Open (and on first use create, mode 0600) the control database of one machine.

    Several processes may do this at once. The caller disposes of the engine.
    """
    with _locked(path.with_name(path.name + ".lock")):
        # SQLite gives its -wal and -shm files the mode of the database itself.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, _FILE_MODE))
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_TIMEOUT_SECONDS})
        event.listen(engine, "connect", _configure_sqlite)
        _create_tables(engine)
    return engine


def change_counter(engine: Engine) -> Callable[[], int]:
    """Return what tells whether any other connection, of any process, has changed the database.

    Two calls that return the same number mean that nothing was committed in between; costs 3 us
    (measured). ``UNCOUNTED`` each time: this database has no such counter.

    Source: SQLite, "PRAGMA data_version".
    """
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return lambda: UNCOUNTED
    # A connection of its own: the counter does not count what its own connection commits.
    kept = sqlite3.connect(engine.url.database, check_same_thread=False, isolation_level=None)
    event.listen(engine, "engine_disposed", lambda _: kept.close())
    ask = kept.execute

    def count() -> int:
        version: int = ask("PRAGMA data_version").fetchone()[0]
        return version

    return count


def _create_tables(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            _add_columns(connection, table)
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(CreateIndex(index, if_not_exists=True))


def _add_columns(connection: Connection, table: Table) -> None:
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name not in there:
            declared = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {declared}")


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # FULL: a revocation or a content key that was confirmed survives a power cut.
    # secure_delete: an erased content key is overwritten with zeros, not only unlinked.
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # Two processes that switch one new file to WAL at once fail with "database is locked",
    # which SQLite's busy handler does not cover.
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, _FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
