"""Open the database of the control state and make its tables.

One machine uses a SQLite file that the ingress and the command line share; Google Cloud uses
PostgreSQL through the same models, where migrations make the tables instead.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.schema import CreateIndex, CreateTable

from ingress.control.models import Base

# Writers are the command line and one ingress, each for a millisecond; a wait this long means
# that something holds the file, and an error is better than a hang.
_BUSY_TIMEOUT_SECONDS: Final = 5.0
_FILE_MODE: Final = 0o600


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


def insert_if_absent(engine: Engine, model: type[DeclarativeBase], values: dict[str, Any]) -> None:
    """Insert a row unless one with its primary key is there; the first of two racers wins."""
    insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
    with engine.begin() as connection:
        connection.execute(insert(model).values(values).on_conflict_do_nothing())


def _create_tables(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(CreateIndex(index, if_not_exists=True))


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # FULL: a revocation or a content key that was confirmed survives a power cut.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
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
