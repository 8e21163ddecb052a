"""What the parts of a gateway hold open ends with them, also when one of them cannot start."""

import asyncio

import pytest
from sqlalchemy import Engine, event

from ingress.app import running_parts
from ingress.errors import SecretsError
from ingress.secrets import TENANT_KEY_FILE, TenantSecrets
from ingress.settings import Settings


@pytest.fixture
def disposed():
    engines = []
    note = engines.append
    event.listen(Engine, "engine_disposed", note)
    yield engines
    event.remove(Engine, "engine_disposed", note)


def test_start_that_fails_leaves_no_connection_to_the_control_database(tmp_path, disposed):
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nrules:\n  - {id: all, effect: allow}\n")
    TenantSecrets.load_or_create(tmp_path / "secrets")
    (tmp_path / "secrets" / TENANT_KEY_FILE).write_bytes(b"cut")

    async def start():
        async with running_parts(Settings(data_dir=tmp_path, policy_file=policy)):
            pass

    with pytest.raises(SecretsError, match="damaged"):
        asyncio.run(start())
    assert len(disposed) == 1
