"""Migrations make the tables of the models, once, and a program knows whose tables it finds."""

import shutil
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from control_state import NOW
from postgres_server import postgres_server
from sqlalchemy import inspect, text

from ingress.control import migrating
from ingress.control.migrating import VERSION_TABLE, migrate, require_current, versions
from ingress.control.models import Base
from ingress.control.postgres import open_postgres
from ingress.errors import ControlDatabaseError
from ingress.identity.keys import KeyStore, LocalIssuer

pytestmark = pytest.mark.postgres


NEXT_VERSION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade():
    op.add_column("gateway_keys", sa.Column("more", sa.Text))


def downgrade():
    op.drop_column("gateway_keys", "more")
"""


@pytest.fixture
def engine(request):
    server = postgres_server()
    name = f"m_{abs(hash(request.node.name)):x}"
    server.run_sql("postgres", f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    engine = open_postgres(server.address(name), str(server.password_file))
    yield engine
    engine.dispose()


def set_version(engine, version):
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{version}'"))


def test_migrated_database_is_what_the_models_say(engine):
    migrate(engine)

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, Base.metadata) == []


def test_empty_database_is_refused_with_the_command_that_fills_it(engine):
    with pytest.raises(ControlDatabaseError, match=r"no tables yet .* tailnumber control migrate$"):
        require_current(engine)

    assert versions(engine).state == "empty"
    assert migrate(engine).database is None
    require_current(engine)


def test_database_of_a_newer_program_is_refused_and_left_alone(engine):
    before = migrate(engine).program
    set_version(engine, "9999")

    with pytest.raises(ControlDatabaseError, match=f"newer Tailnumber.*migrate --to {before}$"):
        require_current(engine)
    with pytest.raises(ControlDatabaseError, match="does not know"):
        migrate(engine)
    assert versions(engine).state == "newer"


def test_several_that_migrate_at_once_do_it_once(engine):
    found, failed = [], []

    def run():
        try:
            found.append(migrate(engine).database)
        except ControlDatabaseError as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failed
    assert sorted(found, key=bool) == [None, *[versions(engine).program] * 3]


def test_migration_that_fails_leaves_nothing(engine):
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE usage (mine integer)"))

    with pytest.raises(ControlDatabaseError):
        migrate(engine)

    assert inspect(engine).get_table_names() == ["usage"]


def test_upgrade_and_the_way_back_keep_the_rows(engine, tmp_path, monkeypatch):
    migrate(engine)
    record, _ = LocalIssuer(KeyStore(engine)).mint("ada", now=NOW)
    own = migrating._MIGRATIONS
    newer = shutil.copytree(own, tmp_path / "migrations")
    (newer / "versions" / "0002_next.py").write_text(NEXT_VERSION)

    monkeypatch.setattr(migrating, "_MIGRATIONS", newer)
    with pytest.raises(ControlDatabaseError, match=r"has version 0001 .* needs version 0002"):
        require_current(engine)
    assert migrate(engine).database == "0001"
    require_current(engine)
    monkeypatch.setattr(migrating, "_MIGRATIONS", own)
    with pytest.raises(ControlDatabaseError, match=r"newer Tailnumber .*--to 0001"):
        require_current(engine)
    monkeypatch.setattr(migrating, "_MIGRATIONS", newer)
    assert migrate(engine, "0001").database == "0002"
    monkeypatch.setattr(migrating, "_MIGRATIONS", own)
    require_current(engine)

    assert [key.key_id for key in KeyStore(engine).list()] == [record.key_id]


def test_version_that_is_none_is_named_and_nothing_is_done(engine):
    with pytest.raises(ControlDatabaseError, match="There is no version 'x'; there are: 0001"):
        migrate(engine, "x")

    assert versions(engine).state == "empty"
