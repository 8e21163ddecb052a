"""Bring a control database on PostgreSQL to the version of this program, or back from it.

Each version is a file of ``migrations/versions``, run by Alembic; all that one call does is one
transaction, and of several callers one works while the others wait.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from ingress.control import postgres
from ingress.control.models import Base, KeyChangesRow
from ingress.errors import ControlDatabaseError

# What PostgreSQL counts for itself.
_KEY_CHANGES: Final = KeyChangesRow.__table__
VERSION_TABLE: Final = "control_version"
_MIGRATIONS: Final = Path(__file__).with_name("migrations")
# Any number that nobody else in the database uses for an advisory lock: "tailnumb" in ASCII.
_LOCK: Final = 0x7461696C6E756D62
_LOCK_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Versions:
    """The version of a database and of this program; a database without tables has none."""

    database: str | None
    program: str
    # Whether this program knows the database's version.
    known: bool

    @property
    def state(self) -> str:
        """Return ``current``, ``empty``, ``older`` or ``newer``, said of the database."""
        if self.database == self.program:
            return "current"
        if self.database is None:
            return "empty"
        return "older" if self.known else "newer"


def versions(engine: Engine) -> Versions:
    """Return the versions.

    Raises:
        ControlDatabaseError: the database cannot be used.
    """
    try:
        with engine.connect() as connection:
            found = _version(connection)
    except SQLAlchemyError as error:
        raise postgres.unusable(engine, error) from error
    return _compare(found)


def require_current(engine: Engine) -> None:
    """Make sure that the database has the tables of this program.

    Raises:
        ControlDatabaseError: it cannot be used, or the sentence says what to run.
    """
    there = versions(engine)
    name = postgres.place(engine.url)
    if there.state == "newer":
        raise ControlDatabaseError(
            f"The control database {name} is at version {there.database}, of a newer Tailnumber "
            f"than this one ({there.program}): run that one, or with it: tailnumber control "
            f"migrate --to {there.program}"
        )
    if there.state != "current":
        has = "no tables yet" if there.database is None else f"version {there.database}"
        raise ControlDatabaseError(
            f"The control database {name} has {has} and this Tailnumber needs version "
            f"{there.program}; run: tailnumber control migrate"
        )


def migrate(engine: Engine, to: str | None = None) -> Versions:
    """Bring the database to a version, this program's if none is named; return how it was before.

    Raises:
        ControlDatabaseError: it cannot be used, is newer than this program, or no version is
            called so; nothing was changed.
    """
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            before = _compare(_version(connection))
            if before.state == "newer":
                raise ControlDatabaseError(
                    f"The control database {postgres.place(engine.url)} is at version "
                    f"{before.database}, which this Tailnumber ({before.program}) does not know; "
                    "use the newer one"
                )
            _run(connection, to or before.program)
    except SQLAlchemyError as error:
        raise postgres.unusable(engine, error) from error
    return before


def import_rows(source: Engine, engine: Engine) -> int:
    """Copy the control state of one machine into a database that has none yet; return the rows.

    Raises:
        ControlDatabaseError: it has rows, or cannot be used; nothing was copied.
    """
    count = 0
    tables = [table for table in Base.metadata.sorted_tables if table is not _KEY_CHANGES]
    try:
        with source.connect() as reading, engine.begin() as connection:
            for table in tables:
                if connection.execute(select(table).limit(1)).first() is not None:
                    raise ControlDatabaseError(
                        f"The control database {postgres.place(engine.url)} has rows already, in "
                        f"{table.name}; one machine's state can only fill an empty one"
                    )
                rows = [row._asdict() for row in reading.execute(select(table))]
                if rows:
                    connection.execute(insert(table), rows)
                count += len(rows)
    except SQLAlchemyError as error:
        raise postgres.unusable(engine, error) from error
    return count


def _version(connection: Connection) -> str | None:
    there = text("SELECT to_regclass(:name) IS NOT NULL")
    if not connection.execute(there, {"name": VERSION_TABLE}).scalar_one():
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608  (a constant)
    version: str | None = found.scalar_one_or_none()
    return version


def _compare(found: str | None) -> Versions:
    script = _script()
    known = {revision.revision for revision in script.walk_revisions()}
    return Versions(found, str(script.get_current_head()), known=found in known)


def _script() -> Any:
    try:
        from alembic.script import ScriptDirectory
    except ModuleNotFoundError:
        raise ControlDatabaseError(
            "PostgreSQL needs Alembic; install it with: pip install 'tailnumber[postgres]'"
        ) from None
    return ScriptDirectory(str(_MIGRATIONS))


def _run(connection: Connection, to: str) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script.revision import RevisionError
    from alembic.util import CommandError

    script = _script()
    order = [revision.revision for revision in script.walk_revisions()]
    if to not in order:
        listed = ", ".join(sorted(order))
        raise ControlDatabaseError(f"There is no version {to!r}; there are: {listed}")

    def steps(current: Any, _context: object) -> Any:
        # Newest first: what stands before the wanted one is to be taken back.
        back = bool(current) and order.index(current[0]) < order.index(to)
        return script._downgrade_revs(to, current) if back else script._upgrade_revs(to, current)  # noqa: SLF001

    try:
        with EnvironmentContext(Config(), script, fn=steps) as environment:
            environment.configure(connection=connection, version_table=VERSION_TABLE)
            environment.run_migrations()
    except (CommandError, RevisionError) as error:
        raise ControlDatabaseError(f"The migrations do not fit together: {error}") from error
