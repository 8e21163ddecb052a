"""Cloud KMS by Google's own client, against a fake on loopback. Google itself was not asked."""

import grpc
import pytest
import tink
from google_servers import google_servers

from ingress.cloud_kms import CloudKmsWrapper
from ingress.control.store import open_sqlite
from ingress.errors import CredentialUnavailable, SealingUnavailable, SecretsError
from ingress.sealing import ContentKeys, Opener, Sealer
from ingress.upstream.credentials import CredentialStore

NAME = "projects/acme/locations/europe/keyRings/tailnumber/cryptoKeys/kek"


@pytest.fixture(scope="module")
def google():
    with google_servers() as servers:
        yield servers


@pytest.fixture
def fake(google):
    fake = google[0]
    fake.asked, fake.failures = [], []
    return fake


@pytest.fixture
def kek(google, fake):
    return CloudKmsWrapper(f"gcp-kms://{NAME}", google[2])


def test_texts_are_sealed_under_content_keys_that_kms_wraps(kek, fake, tmp_path):
    engine = open_sqlite(tmp_path / "control.db")
    sealed = Sealer(ContentKeys(engine, kek, bytes(32))).seal("p1", "2026Q4", b"part", b"text")

    opener = Opener(ContentKeys(engine, kek, bytes(32)))

    assert opener.open(sealed.key_id, sealed.ciphertext, b"part") == b"text"
    assert set(fake.asked) == {NAME}
    engine.dispose()


def test_content_key_is_fetched_ahead_so_that_sealing_waits_for_no_network(kek, fake, tmp_path):
    engine = open_sqlite(tmp_path / "control.db")
    sealer = Sealer(ContentKeys(engine, kek, bytes(32)))

    assert sealer.waits("p1", "2026Q4")
    sealer.prepare("p1", "2026Q4")
    assert not sealer.waits("p1", "2026Q4")
    asked = len(fake.asked)
    sealer.seal("p1", "2026Q4", b"part", b"text")

    assert len(fake.asked) == asked
    engine.dispose()


def test_credentials_are_sealed_by_kms_and_bound_to_their_names(kek, tmp_path):
    store = CredentialStore(tmp_path / "credentials.json", kek)

    store.put("copilot", "ghu_canary")

    assert store.get("copilot").value == "ghu_canary"
    assert (store.remote, store.fresh_seconds) == (True, 60)
    assert "ghu_canary" not in (tmp_path / "credentials.json").read_text()


@pytest.mark.parametrize(
    "failure", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE]
)
def test_kms_that_does_not_answer_is_a_clear_failure(kek, fake, tmp_path, failure):
    store = CredentialStore(tmp_path / "credentials.json", kek)
    store.put("copilot", "x")
    engine = open_sqlite(tmp_path / "control.db")

    fake.failures = [failure]
    with pytest.raises(CredentialUnavailable):
        store.get("copilot")
    fake.failures = [failure]
    with pytest.raises(SealingUnavailable):
        Sealer(ContentKeys(engine, kek, bytes(32))).seal("p1", "2026Q4", b"part", b"text")
    engine.dispose()


def test_what_kms_did_not_seal_so_is_refused(kek):
    with pytest.raises(tink.TinkError):
        kek.decrypt(kek.encrypt(b"x", b"a"), b"b")


@pytest.mark.parametrize("uri", ["", "kek", f"gcp-kms://{NAME}/cryptoKeyVersions/1", NAME])
def test_uri_that_names_no_key_is_refused(uri):
    with pytest.raises(SecretsError, match="TAILNUMBER_KEY_URI"):
        CloudKmsWrapper(uri)
