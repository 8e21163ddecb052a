import asyncio
import json

import pytest
from scripted_server import Read, ScriptedServer
from tokens import Idp, ec_key, published, rsa_key

from ingress.errors import (
    IdentityUnavailable,
    MalformedAccessToken,
    UnknownTokenKey,
    UpstreamProtocolError,
)
from ingress.identity import jwks
from ingress.identity.issuers import load_issuers
from ingress.identity.jwks import (
    COOL_DOWN_SECONDS,
    KEYS_MAX,
    REFRESH_SECONDS,
    STALE_SECONDS,
    JwksCache,
    read_jwks,
)

FAR_ENOUGH = COOL_DOWN_SECONDS + 1


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def idp():
    with Idp() as idp:
        yield idp


@pytest.fixture
def clock():
    return Clock()


def issuer_of(idp, **more):
    return issuer_at(idp.issuer, **more)


def issuer_at(url, **more):
    entry = {"issuer": url, "profile": "generic", "audiences": ["a"], **more}
    return load_issuers(json.dumps({"version": 1, "issuers": [entry]}), "test")[0]


def run(story, clock, *args):
    """Run a story with a cache of its own."""

    async def main():
        cache = JwksCache(clock=clock)
        try:
            async with asyncio.timeout(10):
                return await story(cache, *args)
        finally:
            await cache.close()

    return asyncio.run(main())


def modulus(key):
    return key.key.as_dict(private=False)["n"]


async def settle(idp, fetches):
    """Wait until the issuer was asked so often, and the answer is in."""
    while idp.fetches() < fetches:  # noqa: ASYNC110 - the server is a thread and has no event
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.05)


def test_key_is_fetched_once_and_then_held(idp, clock):
    async def story(cache):
        issuer = issuer_of(idp)
        return await asyncio.gather(*(cache.key(issuer, "k1") for _ in range(20)))

    keys = run(story, clock)

    assert {modulus(key) for key in keys} == {rsa_key().as_dict(private=False)["n"]}
    assert idp.requests == ["/realm/.well-known/openid-configuration", "/realm/keys"]


def test_address_of_the_file_needs_no_discovery(idp, clock):
    idp.put("/elsewhere", {"keys": [published(rsa_key())]})
    issuer = issuer_of(idp, jwks_uri=idp.issuer.replace("/realm", "/elsewhere"))

    assert run(lambda cache: cache.key(issuer, "k1"), clock)
    assert idp.requests == ["/elsewhere"]


def test_new_key_is_found_by_asking_once_more(idp, clock):
    async def story(cache):
        issuer = issuer_of(idp)
        await cache.key(issuer, "k1")
        idp.rotate("k2")
        clock.now += FAR_ENOUGH
        found = await cache.key(issuer, "k2")
        with pytest.raises(UnknownTokenKey):
            await cache.key(issuer, "k1")
        return found

    assert modulus(run(story, clock)) == rsa_key("k2").as_dict(private=False)["n"]
    assert idp.fetches() == 2


def test_made_up_key_ids_ask_the_issuer_once_per_cool_down(idp, clock):
    async def story(cache):
        issuer = issuer_of(idp)
        for number in range(50):
            with pytest.raises(UnknownTokenKey):
                await cache.key(issuer, f"made-up-{number}")
        assert idp.fetches() == 1
        clock.now += FAR_ENOUGH
        for number in range(50):
            with pytest.raises(UnknownTokenKey):
                await cache.key(issuer, f"made-up-{number}")

    run(story, clock)

    assert idp.fetches() == 2


def test_keys_are_renewed_in_the_background(idp, clock):
    async def story(cache):
        issuer = issuer_of(idp)
        await cache.key(issuer, "k1")
        idp.rotate("k2")
        clock.now += REFRESH_SECONDS
        assert await cache.key(issuer, "k1"), "nobody waits for the renewal"
        await settle(idp, 2)
        with pytest.raises(UnknownTokenKey):
            await cache.key(issuer, "k1")

    run(story, clock)


def test_withdrawn_key_does_not_count_after_a_quiet_night(idp, clock):
    async def story(cache):
        issuer = issuer_of(idp)
        await cache.key(issuer, "k1")
        idp.rotate("k2")
        clock.now += 12 * 3600
        with pytest.raises(UnknownTokenKey):
            await cache.key(issuer, "k1")

    run(story, clock)


def test_keys_serve_through_an_outage_and_not_for_ever(idp, clock):
    async def story(cache):
        issuer = issuer_of(idp)
        await cache.key(issuer, "k1")
        idp.down = True
        clock.now += STALE_SECONDS - 1
        assert await cache.key(issuer, "k1")
        with pytest.raises(IdentityUnavailable):
            await cache.key(issuer, "k2")
        clock.now += 1 + FAR_ENOUGH
        with pytest.raises(IdentityUnavailable):
            await cache.key(issuer, "k1")
        idp.down = False
        clock.now += FAR_ENOUGH
        assert await cache.key(issuer, "k1")

    run(story, clock)


def test_issuer_that_is_down_is_not_asked_by_every_caller(idp, clock):
    idp.down = True

    async def story(cache):
        issuer = issuer_of(idp)
        for _ in range(30):
            with pytest.raises(IdentityUnavailable):
                await cache.key(issuer, "k1")

    run(story, clock)

    assert 1 <= len(idp.requests) <= 2


def test_caller_that_leaves_does_not_end_the_fetch_of_others(idp, clock):
    async def story(cache):
        issuer = issuer_of(idp)
        leaving = asyncio.ensure_future(cache.key(issuer, "k1"))
        staying = asyncio.ensure_future(cache.key(issuer, "k1"))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert run(story, clock)


def test_issuer_that_never_answers_holds_a_caller_for_a_bounded_time(clock, monkeypatch):
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 0.1)

    async def story(cache):
        async with ScriptedServer([[Read()]]) as silent:
            url = f"http://127.0.0.1:{silent.port}"
            with pytest.raises(IdentityUnavailable):
                await cache.key(issuer_at(url), "k1")

    run(story, clock)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda idp: idp.publish(published(rsa_key()), issuer="https://evil.example"),
        lambda idp: idp.publish(published(rsa_key()), jwks_uri="https://evil.example/keys"),
        lambda idp: idp.publish(published(rsa_key()), jwks_uri="http://127.0.0.1:1/keys"),
        lambda idp: idp.publish(published(rsa_key()), jwks_uri="file:///etc/passwd"),
        lambda idp: idp.publish(published(rsa_key()), jwks_uri=["x"]),
        lambda idp: idp.put("/realm/keys", b"", 302, Location=f"{idp.issuer}/keys2"),
        lambda idp: idp.put("/realm/keys", b"", 500),
        lambda idp: idp.put("/realm/keys", b'{"keys": [' + b" " * 70_000 + b"]}"),
        lambda idp: idp.put("/realm/keys", b"<html>"),
    ],
    ids=(
        [
            "other-issuer",
            "other-host",
            "other-port",
            "other-scheme",
            "list",
            "redirect",
            "broken",
            "long",
            "html",
        ]
    ),
)
def test_issuer_that_leads_astray_gives_no_keys(idp, clock, spoil):
    idp.put("/realm/keys2", {"keys": [published(rsa_key())]})
    spoil(idp)

    with pytest.raises(IdentityUnavailable):
        run(lambda cache: cache.key(issuer_of(idp), "k1"), clock)

    assert "/realm/keys2" not in idp.requests


def test_keys_for_anything_else_and_without_an_id_are_left_aside():
    document = {
        "keys": [
            published(rsa_key(), "signs"),
            published(rsa_key(), "encrypts", use="enc"),
            {"kty": "oct", "k": "AAAA", "kid": "shared"},
            ec_key().as_dict(private=False),
            "nothing",
        ]
    }

    assert set(read_jwks(json.dumps(document).encode())) == {"signs"}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": {}},
        {"keys": []},
        {"keys": [published(rsa_key(), use="enc")]},
        {"keys": [published(rsa_key()), published(ec_key())]},
        {"keys": [published(rsa_key(), str(number)) for number in range(KEYS_MAX + 1)]},
    ],
    ids=["none", "object", "empty", "useless", "one-id-twice", "many"],
)
def test_document_that_is_no_clear_list_of_keys_is_refused(document):
    with pytest.raises(UpstreamProtocolError):
        read_jwks(json.dumps(document).encode())


def test_document_with_a_member_twice_is_refused():
    with pytest.raises(MalformedAccessToken):
        read_jwks(b'{"keys": [], "keys": []}')
