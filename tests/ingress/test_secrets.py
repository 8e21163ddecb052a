import multiprocessing
import stat

import pytest

from ingress.errors import SecretsError
from ingress.secrets import KEK_FILE, TENANT_KEY_FILE, TenantSecrets


def fingerprint(directory):
    tenant = TenantSecrets.load_or_create(directory)
    return tenant.tenant_key, tenant.kek.encrypt(b"x", b"")


def test_secrets_stay_the_same(tmp_path):
    first = TenantSecrets.load_or_create(tmp_path / "secrets")
    second = TenantSecrets.load_or_create(tmp_path / "secrets")

    assert second.tenant_key == first.tenant_key
    assert second.kek.decrypt(first.kek.encrypt(b"text", b"ad"), b"ad") == b"text"


def test_files_are_for_their_owner_only(tmp_path):
    TenantSecrets.load_or_create(tmp_path / "secrets")

    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "secrets").iterdir()}
    assert modes == {KEK_FILE: 0o600, TENANT_KEY_FILE: 0o600}
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_racing_processes_end_with_one_set_of_secrets(tmp_path):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        found = pool.map(fingerprint, [tmp_path / "secrets"] * 12)

    kek = TenantSecrets.load_or_create(tmp_path / "secrets").kek
    assert len({tenant_key for tenant_key, _ in found}) == 1
    assert {kek.decrypt(ciphertext, b"") for _, ciphertext in found} == {b"x"}
    assert len(list((tmp_path / "secrets").iterdir())) == 2


@pytest.mark.parametrize("name", [KEK_FILE, TENANT_KEY_FILE, "."])
def test_secret_that_others_can_read_is_refused_with_the_way_out(tmp_path, name):
    TenantSecrets.load_or_create(tmp_path / "secrets")
    (tmp_path / "secrets" / name).chmod(0o755)

    with pytest.raises(SecretsError, match=r"run: chmod [67]00 '"):
        TenantSecrets.load_or_create(tmp_path / "secrets")


def test_symbolic_link_is_refused(tmp_path):
    TenantSecrets.load_or_create(tmp_path / "real")
    (tmp_path / "secrets").symlink_to(tmp_path / "real")

    with pytest.raises(SecretsError, match="symbolic link"):
        TenantSecrets.load_or_create(tmp_path / "secrets")


@pytest.mark.parametrize("name", [KEK_FILE, TENANT_KEY_FILE])
@pytest.mark.parametrize(
    "damage", [b"", b"{}", b"canary-\xff-not-a-key"], ids=["empty", "{}", "junk"]
)
def test_damaged_secret_is_refused_and_not_quoted(tmp_path, name, damage):
    TenantSecrets.load_or_create(tmp_path / "secrets")
    (tmp_path / "secrets" / name).write_bytes(damage)

    with pytest.raises(SecretsError, match="is damaged") as caught:
        TenantSecrets.load_or_create(tmp_path / "secrets")

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_subkeys_differ_by_purpose_and_stay_the_same(tmp_path):
    tenant = TenantSecrets.load_or_create(tmp_path / "secrets")
    labels = ("part", "principal", "fingerprint", "copilot-token", "content-key")

    subkeys = {tenant.subkey(label) for label in labels}

    assert len(subkeys) == 5
    assert {len(subkey) for subkey in subkeys} == {32}
    assert tenant.tenant_key not in subkeys
    assert TenantSecrets.load_or_create(tmp_path / "secrets").subkey("part") in subkeys


def test_secrets_are_not_printed(tmp_path):
    tenant = TenantSecrets.load_or_create(tmp_path / "secrets")

    assert repr(tenant) == "TenantSecrets()"
