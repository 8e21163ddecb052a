"""Gateways that share a control database and a wrapping key share the tenant's key."""

import multiprocessing

import pytest
import tink
from control_state import control_database
from tink import aead

from ingress.control.models import TenantKeyRow
from ingress.control.tenant import tenant_secrets
from ingress.errors import SecretsError
from ingress.secrets import TENANT_KEY_FILE, TenantSecrets

pytestmark = pytest.mark.usefixtures("control_backend")


class Kek:
    """A wrapping key of the test's own; another number is another key."""

    def __init__(self, number=0x5A):
        self._number = number

    def encrypt(self, plaintext, associated_data, /):
        return associated_data + bytes([self._number]) + bytes(b ^ 0x5A for b in plaintext)

    def decrypt(self, ciphertext, associated_data, /):
        if not ciphertext.startswith(associated_data + bytes([self._number])):
            raise tink.TinkError("told to fail")
        return bytes(b ^ 0x5A for b in ciphertext[len(associated_data) + 1 :])


@pytest.fixture
def engine(tmp_path):
    with control_database(tmp_path) as engine:
        yield engine


def tenant_key(folders):
    with control_database(folders[0]) as engine:
        return tenant_secrets(folders[1], engine, Kek()).tenant_key


def test_gateways_on_machines_of_their_own_share_the_tenants_key(tmp_path):
    folders = [(tmp_path, tmp_path / f"gateway-{number}") for number in range(8)]
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert len(set(pool.map(tenant_key, folders))) == 1
    assert not any(folder.exists() for _, folder in folders)  # nothing secret on their disks


def test_key_of_a_gateway_that_had_files_becomes_the_shared_one(tmp_path, engine):
    before = TenantSecrets.load_or_create(tmp_path / "secrets").tenant_key

    assert tenant_secrets(tmp_path / "secrets", engine, Kek()).tenant_key == before
    assert tenant_secrets(tmp_path / "elsewhere", engine, Kek()).tenant_key == before


def test_damaged_file_does_not_become_the_shared_key(tmp_path, engine):
    whole = TenantSecrets.load_or_create(tmp_path / "secrets").tenant_key
    file = tmp_path / "secrets" / TENANT_KEY_FILE
    file.write_bytes(whole[:-1])
    with pytest.raises(SecretsError, match="damaged"):
        tenant_secrets(tmp_path / "secrets", engine, Kek())

    file.write_bytes(whole)
    assert tenant_secrets(tmp_path / "secrets", engine, Kek()).tenant_key == whole


def test_without_a_wrapping_key_the_secrets_are_files(tmp_path, engine):
    tenant = tenant_secrets(tmp_path / "secrets", engine, None)

    assert isinstance(tenant.kek, aead.Aead)
    assert TenantSecrets.load_or_create(tmp_path / "secrets").tenant_key == tenant.tenant_key


def test_another_wrapping_key_is_refused_and_named(tmp_path, engine):
    tenant_secrets(tmp_path, engine, Kek())

    with pytest.raises(SecretsError, match="TAILNUMBER_KEY_URI names another key"):
        tenant_secrets(tmp_path, engine, Kek(1))


def test_damaged_key_is_refused(tmp_path, engine):
    tenant_secrets(tmp_path, engine, Kek())
    with engine.begin() as connection:
        cut = Kek().encrypt(b"short", b"tailnumber tenant key v1")
        connection.execute(TenantKeyRow.__table__.update().values(wrapped_key=cut))

    with pytest.raises(SecretsError, match="damaged"):
        tenant_secrets(tmp_path, engine, Kek())
