"""A refusal tells its caller nothing: one text, one shape, one time, whatever the reason was."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from fake_upstream import FakeUpstream
from running_gateway import RunningGateway
from tokens import AUDIENCE, Idp, rsa_key, signed

from ingress.errors import IdentityUnavailable, UnknownKey
from ingress.identity.even_refusals import REFUSED_SECONDS, refuse_evenly
from ingress.identity.key_form import with_checksum
from ingress.identity.keys import LOCAL_ISSUER, KeyStore

# What a scheduler of a busy machine adds to the best of several tries.
NOISE_SECONDS = 0.015
TRIES = 4


def timed(work_seconds, error):
    @refuse_evenly
    async def identify():
        time.sleep(work_seconds)  # noqa: ASYNC251  (work that holds the loop)
        raise error

    async def main():
        began = time.monotonic()
        with pytest.raises(type(error)):
            await identify()
        return time.monotonic() - began

    return asyncio.run(main())


@pytest.mark.parametrize("work_seconds", [0, 0.001, 0.01])
def test_refusal_takes_one_span_however_long_its_check_took(work_seconds):
    seconds = min(timed(work_seconds, UnknownKey()) for _ in range(3))

    assert REFUSED_SECONDS <= seconds < REFUSED_SECONDS + NOISE_SECONDS


def test_refusal_after_a_long_check_takes_a_whole_number_of_spans():
    seconds = min(timed(1.5 * REFUSED_SECONDS, UnknownKey()) for _ in range(3))

    assert 2 * REFUSED_SECONDS <= seconds < 2 * REFUSED_SECONDS + NOISE_SECONDS


def test_nobody_waits_but_who_is_refused():
    assert timed(0, IdentityUnavailable()) < REFUSED_SECONDS

    @refuse_evenly
    async def identify():
        return "ada"

    began = time.monotonic()
    assert asyncio.run(identify()) == "ada"
    assert time.monotonic() - began < REFUSED_SECONDS


# ---- a whole gateway ----


@pytest.fixture(scope="module")
def idp():
    with Idp() as idp:
        yield idp


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, idp):
    root = tmp_path_factory.mktemp("gateway")
    issuers = root / "issuers.yaml"
    entry = {
        "issuer": idp.issuer,
        "profile": "generic",
        "audiences": [AUDIENCE],
        "groups_claim": "groups",
    }
    issuers.write_text(json.dumps({"version": 1, "issuers": [entry]}))
    with (
        FakeUpstream() as upstream,
        RunningGateway(root, upstream.port, issuers_file=str(issuers)) as gateway,
    ):
        assert gateway.chat("hello", key=idp.token(time.time())).status == 200
        yield gateway


@pytest.fixture(scope="module")
def refused(gateway, idp):
    """Return each credential that is refused, by the reason that the record has."""
    store = KeyStore(gateway.reading.engine)
    now = datetime.now(UTC)

    def key(**more):
        return store.create(issuer=LOCAL_ISSUER, subject="eve", now=now, **more)

    good = gateway.key
    revoked, revoked_key = key()
    store.revoke(revoked.key_id, now)
    _, expired = store.create(
        issuer=LOCAL_ISSUER, subject="eve", now=now - timedelta(days=2), lifetime=timedelta(days=1)
    )
    token = idp.token(time.time())
    head, claims, _ = token.split(".")
    stranger = signed(
        {"alg": "RS256", "typ": "at+jwt", "kid": idp.key_id},
        {"iss": idp.issuer},
        rsa_key("stranger"),
        "RS256",
    ).rpartition(".")[2]
    return {
        "missing_key": "",
        "malformed_key": "tnk_typo",
        "unknown_key": with_checksum("tnk_zzzzzzzz_" + "z" * 32),
        "wrong_secret": with_checksum(good[:13] + "z" * 32),
        "revoked_key": revoked_key,
        "expired_key": expired,
        "unknown_issuer": idp.token(time.time(), iss="https://nobody.example"),
        "malformed_access_token": "ey.ey.ey",
        "unknown_token_key": idp.token(time.time(), {"kid": "nobody's"}),
        "bad_signature": f"{head}.{claims}.{stranger}",
        "wrong_audience": idp.token(time.time(), aud="another"),
        "expired_access_token": idp.token(time.time(), exp=1),
    }


def ask(gateway, key):
    began = time.monotonic()
    answer = gateway.chat("hello", key=key)
    return time.monotonic() - began, answer


def test_every_refusal_has_one_text_and_one_shape(gateway, refused):
    shapes = set()
    for key in refused.values():
        _, answer = ask(gateway, key)
        request_id = answer.headers.pop("x-request-id")
        assert answer.headers.pop("x-github-request-id") == request_id
        answer.headers.pop("date", None)
        body = answer.body.replace(request_id.encode(), b"ID")
        shapes.add((answer.status, tuple(sorted(answer.headers.items())), body))

    (shape,) = shapes
    assert shape[0] == 401


def test_every_refusal_takes_the_same_time(gateway, refused):
    best = {
        reason: min(ask(gateway, key)[0] for _ in range(TRIES)) for reason, key in refused.items()
    }

    assert min(best.values()) >= REFUSED_SECONDS
    assert max(best.values()) - min(best.values()) < NOISE_SECONDS, best


def test_token_of_a_strangers_issuer_makes_the_gateway_ask_nobody(gateway, idp):
    before = len(idp.requests)

    for number in range(5):
        ask(gateway, idp.token(time.time(), iss=f"{idp.issuer}/{number}"))

    assert len(idp.requests) == before
