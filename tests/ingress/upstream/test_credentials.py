import json
import multiprocessing
import stat

import pytest

from ingress.errors import CredentialMissing, CredentialUnreadable
from ingress.secrets import TenantSecrets
from ingress.upstream.credentials import CredentialStore

VALUE = "ghu_canarycanarycanary"


@pytest.fixture
def tenant(tmp_path):
    return TenantSecrets.load_or_create(tmp_path / "secrets")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "credentials.json"


@pytest.fixture
def store(path, tenant):
    return CredentialStore(path, tenant.kek)


def test_credential_comes_back_by_name_and_by_reference(store):
    store.put("copilot", VALUE)

    assert store.get("copilot").value == VALUE
    assert store.get("secret/copilot").value == VALUE
    assert store.names() == ["copilot"]


def test_credential_is_on_disk_as_ciphertext_only(store, path):
    store.put("copilot", VALUE)

    assert VALUE not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_credential_is_not_printed(store):
    store.put("copilot", VALUE)

    assert repr(store.get("copilot")) == "Credential(name='copilot')"


def test_second_put_replaces_the_value(store):
    store.put("copilot", "old")
    store.put("copilot", VALUE)

    assert store.get("copilot").value == VALUE


def test_missing_credential_says_how_to_set_it(store):
    with pytest.raises(
        CredentialMissing, match="run: tailnumber credentials set copilot"
    ) as caught:
        store.get("secret/copilot")

    assert caught.value.code == "credential_missing"
    assert store.names() == []


@pytest.mark.parametrize("name", ["", "../x", "Copilot", "a b", "secret/", VALUE])
def test_impossible_name_is_refused_and_not_quoted(store, name):
    with pytest.raises(CredentialMissing, match="small letters") as caught:
        store.put(name, "x")

    assert VALUE not in str(caught.value)


def test_ciphertext_cannot_take_another_names_place(store, path):
    store.put("copilot", VALUE)
    store.put("openai", "other")
    document = json.loads(path.read_text())
    document["credentials"]["openai"] = document["credentials"]["copilot"]
    path.write_text(json.dumps(document))

    with pytest.raises(CredentialUnreadable):
        store.get("openai")


def test_another_tenants_key_does_not_open(store, path, tmp_path):
    store.put("copilot", VALUE)
    other = CredentialStore(path, TenantSecrets.load_or_create(tmp_path / "other").kek)

    with pytest.raises(CredentialUnreadable, match="sealed by another key"):
        other.get("copilot")


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"version": 2, "credentials": {}}', '{"version": 1, "credentials": []}'],
)
def test_damaged_file_is_refused_and_not_overwritten(store, path, content):
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(CredentialUnreadable):
        store.get("copilot")
    with pytest.raises(CredentialUnreadable):
        store.put("copilot", VALUE)
    assert path.read_text() == content


def test_broken_entry_is_unreadable(store, path):
    path.write_text('{"version": 1, "credentials": {"copilot": "not base64"}}')
    path.chmod(0o600)

    with pytest.raises(CredentialUnreadable):
        store.get("copilot")


def test_file_that_others_can_read_is_refused(store, path):
    store.put("copilot", VALUE)
    path.chmod(0o644)

    with pytest.raises(CredentialUnreadable, match="run: chmod 600"):
        store.get("copilot")


def put_one(directory, name):
    tenant = TenantSecrets.load_or_create(directory / "secrets")
    CredentialStore(directory / "credentials.json", tenant.kek).put(name, name)


def test_racing_writers_lose_nothing(store, tmp_path):
    names = [f"name-{i}" for i in range(12)]
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.starmap(put_one, [(tmp_path, name) for name in names])

    assert store.names() == sorted(names)
    assert [store.get(name).value for name in names] == names
