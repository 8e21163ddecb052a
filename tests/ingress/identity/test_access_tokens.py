import asyncio
import json
import time

import pytest
from fake_directory import API_TOKEN, OKTA_USER, FakeDirectory
from tokens import AUDIENCE, Idp, segment

from ingress.errors import (
    ExpiredAccessToken,
    GroupsTruncated,
    GroupsUnavailable,
    GroupsUnresolved,
    IdentityUnavailable,
    UnknownIssuer,
)
from ingress.identity import access_tokens
from ingress.identity.access_tokens import CACHE_SECONDS, AccessTokens
from ingress.identity.groups import GroupResolver
from ingress.identity.issuers import TrustedIssuers, load_issuers
from ingress.identity.jwks import COOL_DOWN_SECONDS, STALE_SECONDS, JwksCache
from ingress.identity.principal import principal_id

NOW = 1_750_000_000.0
PRINCIPAL_KEY = b"p" * 32


@pytest.fixture(scope="module")
def idp():
    with Idp() as idp:
        yield idp


def run(idp, story, clock=time.monotonic, **more):
    entry = {
        "issuer": idp.issuer,
        "profile": "generic",
        "audiences": [AUDIENCE],
        "groups_claim": "groups",
        **more,
    }
    issuers = load_issuers(json.dumps({"version": 1, "issuers": [entry]}), "test")

    async def main():
        trusted = TrustedIssuers(issuers)
        groups = GroupResolver(trusted, lambda reference: API_TOKEN)
        tokens = AccessTokens(trusted, JwksCache(clock=clock), groups, PRINCIPAL_KEY)
        try:
            return await story(tokens)
        finally:
            await tokens.close()

    return asyncio.run(main())


def test_token_becomes_a_principal_of_issuer_and_subject(idp):
    principal = run(idp, lambda tokens: tokens.verify(idp.token(NOW), NOW))

    assert principal.principal_id == principal_id(PRINCIPAL_KEY, idp.issuer, "ada")
    assert (principal.subject, principal.groups) == ("ada", ("engineering",))
    assert (principal.email, principal.kind, principal.key_id) == (
        "ada@corp.example",
        "human",
        "",
    )


def test_mail_address_makes_nobody_another_caller(idp):
    async def story(tokens):
        one = await tokens.verify(idp.token(NOW), NOW)
        other = await tokens.verify(idp.token(NOW, sub="eve"), NOW)
        return one, other

    one, other = run(idp, story)

    assert one.email == other.email
    assert one.principal_id != other.principal_id


def test_token_of_an_issuer_that_is_not_listed_is_refused_before_any_fetch(idp):
    idp.requests.clear()

    with pytest.raises(UnknownIssuer):
        run(idp, lambda tokens: tokens.verify(idp.token(NOW, iss="https://evil.example"), NOW))

    assert idp.requests == []


def test_verified_token_is_held_no_longer_than_it_lives(idp):
    async def story(tokens):
        token = idp.token(NOW, exp=NOW + 20)
        first = await tokens.verify(token, NOW)
        assert await tokens.verify(token, NOW + 19) is first
        assert await tokens.verify(token, NOW + 40) is not first, "the leeway is not cached"
        with pytest.raises(ExpiredAccessToken):
            await tokens.verify(token, NOW + 50)

    run(idp, story)


def test_verified_token_is_looked_at_again_after_a_minute(idp):
    async def story(tokens):
        token = idp.token(NOW)
        first = await tokens.verify(token, NOW)
        assert await tokens.verify(token, NOW + CACHE_SECONDS - 1) is first
        assert await tokens.verify(token, NOW + CACHE_SECONDS) is not first
        assert await tokens.verify(token, NOW - 20) is not first, "a clock that was set back"

    run(idp, story)


def test_refused_token_is_refused_again(idp):
    async def story(tokens):
        token = idp.token(NOW, groups=[f"g{number}" for number in range(250)])
        for _ in range(2):
            with pytest.raises(GroupsTruncated):
                await tokens.verify(token, NOW)

    run(idp, story)


def test_changed_signature_is_not_found_in_the_cache(idp):
    async def story(tokens):
        token = idp.token(NOW)
        await tokens.verify(token, NOW)
        head, claims, _ = token.split(".")
        with pytest.raises(access_tokens.UnknownIssuer):
            await tokens.verify(f"{head}.{segment({'sub': 'ada'})}.{segment(b'x' * 256)}", NOW)
        return claims

    assert run(idp, story)


def test_cache_is_bounded(idp, monkeypatch):
    monkeypatch.setattr(access_tokens, "_CACHE_ENTRIES", 3)

    async def story(tokens):
        for number in range(10):
            await tokens.verify(idp.token(NOW, jti=str(number)), NOW)
        return len(tokens._cache)

    assert run(idp, story) <= 3


def test_callers_come_in_through_an_outage_of_their_issuer_until_its_keys_are_too_old():
    passed = [0.0]

    async def story(tokens):
        await tokens.verify(idp.token(NOW, jti="before"), NOW)
        idp.down = True
        passed[0] = STALE_SECONDS - 1
        assert await tokens.verify(idp.token(NOW, jti="during"), NOW)
        passed[0] += COOL_DOWN_SECONDS + 1
        with pytest.raises(IdentityUnavailable):
            await tokens.verify(idp.token(NOW, jti="after"), NOW)
        idp.down = False
        passed[0] += COOL_DOWN_SECONDS
        assert await tokens.verify(idp.token(NOW, jti="after"), NOW)

    with Idp() as idp:
        run(idp, story, clock=lambda: passed[0])


def test_keys_are_there_before_the_first_caller(idp):
    async def story(tokens):
        before = idp.fetches()
        tokens.warm()
        while idp.fetches() == before:  # noqa: ASYNC110 - the server is a thread
            await asyncio.sleep(0.002)
        await asyncio.gather(*(tokens.verify(idp.token(NOW), NOW) for _ in range(3)))
        return idp.fetches() - before

    assert run(idp, story) == 1


# ---- groups of the directory ----

OKTA_CLAIMS = {"uid": OKTA_USER, "cid": "cli", "scp": ["use"]}


def groups_by(idp, directory, ask="needed", **claims):
    """Return the groups of a token of Okta's, of a caller whom the directory knows."""
    source = {"credential": "secret/okta", "url": directory.url, "ask": ask}

    async def story(tokens):
        return await tokens.verify(idp.token(NOW, **OKTA_CLAIMS, **claims), NOW)

    return run(idp, story, profile="okta", groups_from=source).groups


@pytest.fixture
def directory():
    with FakeDirectory() as directory:
        directory.groups[OKTA_USER] = ["from-the-directory"]
        yield directory


def test_groups_of_the_token_are_taken_without_a_question(idp, directory):
    assert groups_by(idp, directory) == ("engineering",)
    assert directory.requests == []


@pytest.mark.parametrize(
    "groups",
    [None, [f"g{number}" for number in range(100)], "engineering", [""]],
    ids=["none", "cut", "no-list", "no-name"],
)
def test_groups_that_the_token_does_not_tell_are_asked_for(idp, directory, groups):
    assert groups_by(idp, directory, groups=groups) == ("from-the-directory",)


def test_groups_that_are_elsewhere_are_asked_for_at_the_directory_of_the_file(idp, directory):
    elsewhere = {"src1": {"endpoint": "http://127.0.0.1:1/getMemberObjects"}}
    claims = {"groups": None, "_claim_names": {"groups": "src1"}, "_claim_sources": elsewhere}

    assert groups_by(idp, directory, **claims) == ("from-the-directory",)


def test_directory_is_always_asked_where_the_file_says_so(idp, directory):
    assert groups_by(idp, directory, ask="always") == ("from-the-directory",)


def test_caller_whom_the_directory_does_not_know_is_refused(idp, directory):
    directory.groups.clear()

    with pytest.raises(GroupsUnresolved):
        groups_by(idp, directory, groups=None)


def test_nobody_is_let_in_without_groups_while_the_directory_is_down(idp, directory):
    directory.down = True

    with pytest.raises(GroupsUnavailable):
        groups_by(idp, directory, groups=None)


# ---- a new list of issuers ----


def test_token_of_an_issuer_that_was_taken_out_is_refused_at_once(idp):
    async def story(tokens):
        token = idp.token(NOW)
        await tokens.verify(token, NOW)
        tokens.trust(())
        assert not tokens.configured
        with pytest.raises(UnknownIssuer):
            await tokens.verify(token, NOW)

    run(idp, story)


def test_token_that_is_being_verified_at_the_change_counts_no_longer_after_it(idp):
    async def story(tokens):
        token = idp.token(NOW)
        under_way = asyncio.ensure_future(tokens.verify(token, NOW))
        await asyncio.sleep(0)
        tokens.trust(())
        await under_way
        with pytest.raises(UnknownIssuer):
            await tokens.verify(token, NOW)

    run(idp, story)
