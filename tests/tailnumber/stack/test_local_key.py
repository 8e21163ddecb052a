import stat
from datetime import UTC, datetime

import pytest

from ingress.control.store import open_sqlite
from ingress.identity.keys import KeyStore
from tailnumber.stack.layout import Layout
from tailnumber.stack.local_key import local_key


@pytest.fixture
def layout(tmp_path):
    made = Layout(tmp_path / "data")
    made.create()
    made.secrets.mkdir(mode=0o700)
    return made


@pytest.fixture
def store(layout):
    engine = open_sqlite(layout.control_db)
    yield KeyStore(engine)
    engine.dispose()


def test_key_of_the_first_start_is_used_again(layout, store):
    assert local_key(layout, store) == local_key(layout, store)
    assert len(store.list()) == 1


def test_key_is_kept_where_nobody_else_reads(layout, store):
    local_key(layout, store)

    assert stat.S_IMODE(layout.local_key_file.stat().st_mode) == 0o600


def test_revoked_key_is_replaced(layout, store):
    first = local_key(layout, store)
    store.revoke(first.split("_")[1], datetime.now(UTC))

    assert local_key(layout, store) != first


def test_key_that_others_could_read_is_replaced(layout, store):
    first = local_key(layout, store)
    layout.local_key_file.chmod(0o644)

    assert local_key(layout, store) != first


def test_key_of_another_database_is_replaced(layout, store):
    layout.local_key_file.write_text("tnk_aaaaaaaa_" + "b" * 32 + "_cccccc")
    layout.local_key_file.chmod(0o600)

    assert local_key(layout, store).split("_")[1] == store.list()[0].key_id
