import asyncio

import pytest
from control_state import NOW, NOW_SECONDS, control_database

from ingress.errors import ForgedToken, MissingCredential, RevokedKey
from ingress.identity.authenticate import build_identity
from ingress.identity.keys import KeyStore, LocalIssuer
from ingress.identity.verifier import CACHE_SECONDS
from ingress.secrets import TenantSecrets


@pytest.fixture
def engine(tmp_path):
    with control_database(tmp_path) as engine:
        yield engine


@pytest.fixture
def identity(engine, tmp_path):
    return build_identity(engine, TenantSecrets.load_or_create(tmp_path / "secrets"))


def bearer(credential):
    return [(b"authorization", b"Bearer " + credential.encode())]


def authenticate(identity, headers, now):
    return asyncio.run(identity.authenticate(headers, now))


def test_key_and_the_token_minted_for_it_are_one_caller(identity, engine):
    _, key = LocalIssuer(KeyStore(engine)).mint("ada", now=NOW)
    by_key = authenticate(identity, bearer(key), NOW_SECONDS)

    token = identity.copilot_tokens.mint(by_key.key_id, NOW_SECONDS).token

    assert authenticate(identity, bearer(token), NOW_SECONDS) == by_key


def test_revoked_key_takes_its_tokens_along(identity, engine):
    record, _ = LocalIssuer(KeyStore(engine)).mint("ada", now=NOW)
    token = identity.copilot_tokens.mint(record.key_id, NOW_SECONDS).token
    authenticate(identity, bearer(token), NOW_SECONDS)
    KeyStore(engine).revoke(record.key_id, NOW)

    with pytest.raises(RevokedKey):
        authenticate(identity, bearer(token), NOW_SECONDS + CACHE_SECONDS)


def test_forged_token_is_refused(identity):
    with pytest.raises(ForgedToken):
        authenticate(identity, bearer("tid=1;exp=99999999999;tn=abcd1234:00"), NOW_SECONDS)


def test_request_without_a_credential_is_refused(identity):
    with pytest.raises(MissingCredential):
        authenticate(identity, [(b"host", b"localhost")], NOW_SECONDS)
