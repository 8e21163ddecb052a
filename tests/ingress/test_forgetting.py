"""A running gateway lets go of keys that are being erased, and outlives a database that fails."""

import asyncio

import pytest
from control_state import NOW, control_database
from sqlalchemy import text, update

from ingress import forgetting
from ingress.control.models import ContentKeyRow
from ingress.forgetting import forget_retired_keys
from ingress.sealing import ContentKeys, Sealer
from ingress.secrets import TenantSecrets

pytestmark = pytest.mark.usefixtures("control_backend")


@pytest.fixture
def engine(tmp_path):
    with control_database(tmp_path) as engine:
        yield engine


@pytest.fixture
def sealer(engine, tmp_path):
    tenant = TenantSecrets.load_or_create(tmp_path / "secrets")
    return Sealer(ContentKeys(engine, tenant.kek, tenant.subkey("content-key")))


def execute(engine, statement):
    with engine.begin() as connection:
        connection.execute(statement)


async def watched(sealer, until):
    task = asyncio.ensure_future(forget_retired_keys(sealer))
    try:
        async with asyncio.timeout(5):
            while not until():
                assert not task.done()
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.wait([task])


def test_retired_key_is_let_go_without_a_request(sealer, engine, monkeypatch):
    monkeypatch.setattr(forgetting, "POLL_SECONDS", 0.01)
    sealer.seal("ada", "2026Q4", b"part", b"text")
    execute(engine, update(ContentKeyRow).values(retired_at=NOW))

    asyncio.run(watched(sealer, lambda: not sealer._cache))


def test_database_that_fails_is_asked_again(sealer, engine, monkeypatch, caplog):
    monkeypatch.setattr(forgetting, "POLL_SECONDS", 0.01)
    execute(engine, text("ALTER TABLE content_keys RENAME TO elsewhere"))

    asyncio.run(watched(sealer, lambda: len(caplog.records) > 1))

    assert "erased keys cannot be looked for" in caplog.text
