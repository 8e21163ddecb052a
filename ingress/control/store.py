"""Open the database of the control state.

One machine uses a SQLite file that the ingress and the command line share; gateways on several
machines share one PostgreSQL database through the same models, where migrations make the tables
(``ingress.control.migrating``). A SQLite file of an older version gets the columns that it lacks
when it is opened; nothing is ever removed from it.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable, Table

from ingress.control import postgres
from ingress.control.migrating import require_current
from ingress.control.models import Base
from ingress.control.watching import KeyChanges

# Writers are the command line and one ingress, each for a millisecond; a wait this long means
# that something holds the file, and an error is better than a hang.
_BUSY_TIMEOUT_SECONDS: Final = 5.0
_FILE_MODE: Final = 0o600


class ControlPlace(Protocol):
    """Where the control state is; the gateway's settings tell it so."""

    @property
    def data_dir(self) -> Path:
        """Return the folder of the SQLite file."""

    @property
    def control_database(self) -> str:
        """Return the address on PostgreSQL; empty: SQLite."""

    @property
    def control_password_file(self) -> str:
        """Return the file of the password; empty: libpq's own ways."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the control state is, for those who have no settings of a gateway."""

    data_dir: Path
    control_database: str = ""
    control_password_file: str = ""


def open_control(place: ControlPlace) -> Engine:
    """Open the control database; the caller disposes of the engine.

    Raises:
        ControlDatabaseError: it is on PostgreSQL and cannot be used, or is not of this version.
    """
    if not place.control_database:
        return open_sqlite(place.data_dir / "control.db")
    engine = postgres.open_postgres(place.control_database, place.control_password_file)
    try:
        require_current(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_sqlite(path: Path) -> Engine:
    """Open (and on first use create, mode 0600) the control database of one machine.

    Several processes may do this at once. The caller disposes of the engine.
    """
    with _locked(path.with_name(path.name + ".lock")):
        # SQLite gives its -wal and -shm files the mode of the database itself.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, _FILE_MODE))
        engine = create_engine(
            f"sqlite:///{path}",
            connect_args={"timeout": _BUSY_TIMEOUT_SECONDS},
            hide_parameters=True,
        )
        event.listen(engine, "connect", _configure_sqlite)
        _create_tables(engine)
    return engine


def is_remote(engine: Engine) -> bool:
    """Tell whether the database is reached over a network: no event loop may wait for it."""
    return engine.dialect.name != "sqlite"


def change_counter(engine: Engine) -> Callable[[], int | None]:
    """Return what tells whether a gateway key was changed, by whatever process.

    Two calls that return the same number mean that no key was changed in between: on SQLite up to
    this moment (3 us, measured), on PostgreSQL up to a second before it. None: the database is out
    of reach, and it cannot be told.

    Source: SQLite, "PRAGMA data_version".
    """
    if is_remote(engine):
        return KeyChanges(engine).count
    if not engine.url.database:
        raise ValueError("a database in memory cannot be watched")
    # A connection of its own: the counter does not count what its own connection commits.
    kept = sqlite3.connect(engine.url.database, check_same_thread=False, isolation_level=None)
    event.listen(engine, "engine_disposed", lambda _: kept.close())
    ask = kept.execute

    def count() -> int:
        version: int = ask("PRAGMA data_version").fetchone()[0]
        return version

    return count


def scrub(engine: Engine) -> bool:
    """Overwrite or free what the database still holds of erased rows; False: a reader hinders."""
    if is_remote(engine):
        return postgres.scrub(engine)
    # Waits for readers as long as every statement waits for a lock.
    with engine.connect() as connection:
        busy, *_ = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()
    return not busy


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
