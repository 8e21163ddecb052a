import multiprocessing
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from control_state import NOW, control_database
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from ingress.control.models import Base, ContentKeyRow
from ingress.control.store import change_counter, open_sqlite
from ingress.identity.keys import KeyStore, LocalIssuer


def content_key(principal_id: str = "p", created_at: datetime = NOW) -> dict[str, object]:
    return {
        "key_id": "ck_1",
        "principal_id": principal_id,
        "quarter": "2026Q4",
        "wrapped_keyset": b"w",
        "created_at": created_at,
    }


def insert(engine: Engine, values: dict[str, object]) -> None:
    with Session(engine) as session:
        session.add(ContentKeyRow(**values))
        session.commit()


def open_and_count(path: Path) -> int:
    engine = open_sqlite(path)
    with engine.connect() as connection:
        tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        count = len(tables.all())
    engine.dispose()
    return count


def test_database_is_readable_by_its_owner_only(tmp_path):
    with control_database(tmp_path):
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}

    assert modes["control.db"] == 0o600
    assert all(mode & 0o077 == 0 for mode in modes.values())


def test_database_is_durable_before_it_confirms(tmp_path):
    with control_database(tmp_path) as engine, engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"


@pytest.mark.usefixtures("control_backend")
def test_rows_survive_a_second_opening(tmp_path):
    with control_database(tmp_path) as engine:
        insert(engine, content_key())

    with control_database(tmp_path) as engine, Session(engine) as session:
        assert session.scalars(select(ContentKeyRow.key_id)).all() == ["ck_1"]


def test_processes_may_create_the_database_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    with context.Pool(4) as pool:
        counts = pool.map(open_and_count, [tmp_path / "control.db"] * 8)

    assert counts == [len(Base.metadata.tables)] * 8


@pytest.mark.usefixtures("control_backend")
def test_times_come_back_aware_and_in_utc(tmp_path):
    local = datetime(2026, 11, 20, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    with control_database(tmp_path) as engine:
        insert(engine, content_key(created_at=local))

        with Session(engine) as session:
            stored = session.scalars(select(ContentKeyRow.created_at)).one()

    assert stored == NOW
    assert stored.tzinfo is UTC


@pytest.mark.usefixtures("control_backend")
def test_naive_time_is_refused(tmp_path):
    naive = NOW.replace(tzinfo=None)

    with control_database(tmp_path) as engine, pytest.raises(StatementError):
        insert(engine, content_key(created_at=naive))


def test_database_of_an_older_version_gets_the_columns_it_lacks_and_keeps_its_rows(tmp_path):
    with control_database(tmp_path) as engine:
        LocalIssuer(KeyStore(engine)).mint("ada", now=NOW)
        with engine.begin() as connection:
            for column in ("key_class", "exposed_at"):
                connection.execute(text(f"ALTER TABLE gateway_keys DROP COLUMN {column}"))
            connection.execute(text("DROP TABLE control_events"))

    with control_database(tmp_path) as engine:
        (record,) = KeyStore(engine).list()

    assert (record.subject, record.key_class, record.exposed_at) == ("ada", "header", None)


def test_counter_tells_a_change_of_any_other_connection_and_nothing_else(tmp_path):
    with control_database(tmp_path) as engine, control_database(tmp_path) as elsewhere:
        count = change_counter(engine)
        before = count()
        assert count() == before

        KeyStore(elsewhere).list()
        assert count() == before

        insert(elsewhere, content_key())
        assert count() != before


def test_database_that_cannot_be_watched_is_refused():
    engine = create_engine("sqlite://")

    with pytest.raises(ValueError, match="in memory"):
        change_counter(engine)

    engine.dispose()
