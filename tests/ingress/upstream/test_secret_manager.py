"""Secret Manager by Google's own client, against a fake on loopback. Google itself was not asked."""

import asyncio

import grpc
import pytest
from google_servers import google_servers

from ingress.errors import CredentialMissing, CredentialUnavailable, CredentialUnreadable
from ingress.secrets import SecretsError
from ingress.upstream.credentials import CredentialStore
from ingress.upstream.secret_manager import SecretManagerStore
from ingress.upstream.secret_reading import SecretReader
from ingress.upstream.stores import open_store

LATEST = "projects/acme/secrets/copilot/versions/latest"


@pytest.fixture(scope="module")
def google():
    with google_servers() as servers:
        yield servers


@pytest.fixture
def fake(google):
    fake = google[0]
    fake.secrets, fake.asked, fake.failures = {LATEST: b"ghu_canary\n"}, [], []
    return fake


@pytest.fixture
def store(google, fake):
    return SecretManagerStore("projects/acme", google[1])


@pytest.mark.parametrize("reference", ["secret/copilot", LATEST])
def test_reference_leads_to_the_latest_version(store, fake, reference):
    assert store.get(reference).value == "ghu_canary"
    assert fake.asked == [LATEST]


def test_reader_keeps_a_value_for_a_bounded_time(store):
    held = asyncio.run(SecretReader(store).read("secret/copilot"))

    assert (held.renew_seconds, held.valid_seconds) == (60, 900)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, CredentialUnreadable),
        (grpc.StatusCode.FAILED_PRECONDITION, CredentialUnreadable),
        (grpc.StatusCode.NOT_FOUND, CredentialMissing),
        (grpc.StatusCode.UNAVAILABLE, CredentialUnavailable),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, CredentialUnavailable),
        (grpc.StatusCode.UNAUTHENTICATED, CredentialUnavailable),
    ],
)
def test_failure_is_told_by_its_kind(store, fake, failure, error):
    fake.failures = [failure]

    with pytest.raises(error) as caught:
        store.get("secret/copilot")

    assert "canary" not in str(caught.value)
    assert len(fake.asked) == 1


@pytest.mark.parametrize("data", [b"", b" \n", b"\xff\xfe"])
def test_secret_that_is_no_text_is_refused(store, fake, data):
    fake.secrets[LATEST] = data

    with pytest.raises(CredentialUnreadable):
        store.get("secret/copilot")


def test_setting_chooses_the_store(tmp_path):
    assert isinstance(open_store("projects/acme", tmp_path, None), SecretManagerStore)
    assert isinstance(open_store("file", tmp_path, None), CredentialStore)
    with pytest.raises(SecretsError, match="neither"):
        open_store("gcp", tmp_path, None)


def test_reference_to_secret_manager_in_a_file_says_what_to_set(tmp_path):
    with pytest.raises(CredentialMissing, match="TAILNUMBER_CREDENTIAL_STORE"):
        open_store("file", tmp_path, None).get(LATEST)
