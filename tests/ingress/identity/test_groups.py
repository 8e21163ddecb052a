"""A caller's groups are asked for seldom, are never long out of date, and never made up."""

import asyncio
import json
import time

import pytest
from fake_directory import API_TOKEN, OKTA_USER, FakeDirectory

from ingress.errors import CredentialMissing, GroupsUnavailable, GroupsUnresolved
from ingress.identity import groups
from ingress.identity.groups import (
    COOL_DOWN_SECONDS,
    HELD_SECONDS,
    RENEWED_SECONDS,
    STALE_SECONDS,
    GroupResolver,
)
from ingress.identity.issuers import TrustedIssuers, load_issuers

ISSUER = "http://127.0.0.1/oauth2/aus1"
REQUESTS = 2  # the account and its one page of groups


@pytest.fixture
def fake():
    with FakeDirectory() as fake:
        fake.groups[OKTA_USER] = ["first"]
        yield fake


def issuers_of(fake, **more):
    entry = {
        "issuer": ISSUER,
        "profile": "okta",
        "audiences": ["a"],
        "groups_from": {"credential": "secret/okta", "url": fake.url, **more},
    }
    plain = {"issuer": "https://id.example", "profile": "generic", "audiences": ["a"]}
    return load_issuers(json.dumps({"version": 1, "issuers": [entry, plain]}), "test")


class Resolved:
    """A resolver with a clock in hand."""

    def __init__(self, fake):
        self.fake = fake
        self.now = 1000.0
        self.references = []
        self.issuers = TrustedIssuers(issuers_of(fake))
        self.resolver = GroupResolver(self.issuers, self.secret, clock=lambda: self.now)

    def secret(self, reference):
        self.references.append(reference)
        return API_TOKEN

    async def ask(self):
        return await self.resolver.groups(ISSUER, OKTA_USER)

    async def settle(self, requests):
        """Wait until the directory was asked so often and its answer is in."""
        async with asyncio.timeout(3):
            while len(self.fake.requests) < requests:  # noqa: ASYNC110 - the server is a thread
                await asyncio.sleep(0.002)
        await asyncio.sleep(0.03)


def run(fake, story):
    async def main():
        one = Resolved(fake)
        try:
            async with asyncio.timeout(10):
                return await story(one)
        finally:
            await one.resolver.close()

    return asyncio.run(main())


def test_callers_at_one_time_share_one_question(fake):
    async def story(one):
        return await asyncio.gather(*(one.ask() for _ in range(20)))

    assert set(run(fake, story)) == {("first",)}
    assert len(fake.requests) == REQUESTS


def test_answer_is_held_for_five_minutes_and_then_renewed_beside_the_requests(fake):
    async def story(one):
        await one.ask()
        fake.groups[OKTA_USER] = ["second"]
        one.now += HELD_SECONDS - 1
        assert await one.ask() == ("first",)
        assert len(fake.requests) == REQUESTS
        one.now += 1
        assert await one.ask() == ("first",), "nobody waits"
        await one.settle(2 * REQUESTS)
        assert await one.ask() == ("second",)

    run(fake, story)


def test_answer_of_fifteen_minutes_ago_is_used_by_nobody(fake):
    async def story(one):
        await one.ask()
        fake.groups[OKTA_USER] = ["second"]
        one.now += RENEWED_SECONDS
        assert await one.ask() == ("second",)

    run(fake, story)


def test_caller_who_left_is_refused_though_an_answer_is_held(fake):
    async def story(one):
        await one.ask()
        fake.accounts[OKTA_USER] = {"status": "DEPROVISIONED"}
        one.now += RENEWED_SECONDS
        for _ in range(3):
            with pytest.raises(GroupsUnresolved):
                await one.ask()
        assert len(fake.requests) == REQUESTS + 1, "asked no more before the cool-down"
        fake.accounts.clear()
        one.now += COOL_DOWN_SECONDS
        assert await one.ask() == ("first",)

    run(fake, story)


def test_last_answer_serves_through_an_outage_and_not_for_ever(fake):
    async def story(one):
        await one.ask()
        fake.down = True
        one.now += STALE_SECONDS - 1
        assert await one.ask() == ("first",)
        one.now += 1 + COOL_DOWN_SECONDS
        with pytest.raises(GroupsUnavailable):
            await one.ask()
        fake.down = False
        one.now += COOL_DOWN_SECONDS
        assert await one.ask() == ("first",)

    run(fake, story)


def test_nobody_waits_for_a_directory_that_is_known_to_be_down(fake):
    async def story(one):
        await one.ask()
        fake.down = True
        one.now += RENEWED_SECONDS
        await one.ask()
        one.now += COOL_DOWN_SECONDS
        asked = len(fake.requests)
        assert await one.ask() == ("first",)
        assert len(fake.requests) == asked, "the question goes out after the answer is given"
        await one.settle(asked + 1)

    run(fake, story)


def test_directory_that_is_down_is_not_asked_by_every_request(fake):
    fake.down = True

    async def story(one):
        for _ in range(30):
            with pytest.raises(GroupsUnavailable):
                await one.ask()

    run(fake, story)

    assert len(fake.requests) == 1


def test_directory_that_never_answers_holds_a_caller_for_a_bounded_time(fake, monkeypatch):
    monkeypatch.setattr(groups, "QUESTION_SECONDS", 0.1)
    monkeypatch.setattr(fake, "answer", lambda *_: time.sleep(0.5))

    async def story(one):
        began = time.monotonic()
        with pytest.raises(GroupsUnavailable):
            await one.ask()
        return time.monotonic() - began

    assert run(fake, story) < 0.4


def test_caller_that_leaves_does_not_end_the_question_of_others(fake):
    async def story(one):
        leaving = asyncio.ensure_future(one.ask())
        staying = asyncio.ensure_future(one.ask())
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert run(fake, story) == ("first",)


def test_credential_that_is_not_set_lets_nobody_in(fake):
    async def story(one):
        def missing(reference):
            raise CredentialMissing(reference)

        one.resolver._secret = missing
        with pytest.raises(GroupsUnavailable):
            await one.ask()

    run(fake, story)


def test_new_entry_of_the_issuers_file_counts_at_once(fake):
    async def story(one):
        await one.ask()
        one.issuers.replace(issuers_of(fake))
        await one.ask()
        assert one.references[-1] == "secret/okta"
        assert len(fake.requests) == REQUESTS, "the same entry keeps what is held"
        one.issuers.replace(issuers_of(fake, credential="secret/other"))
        await one.ask()
        assert one.references[-1] == "secret/other"
        one.issuers.replace(())
        assert not one.resolver.covers(ISSUER)
        with pytest.raises(GroupsUnresolved):
            await one.ask()

    run(fake, story)


def test_issuer_without_a_directory_is_told_from_one_with(fake):
    async def story(one):
        assert one.resolver.covers(ISSUER)
        assert not one.resolver.covers("https://id.example")
        assert not one.resolver.covers("https://unknown.example")
        with pytest.raises(GroupsUnresolved):
            await one.resolver.groups("https://id.example", OKTA_USER)

    run(fake, story)


def test_what_is_held_is_bounded(fake, monkeypatch):
    monkeypatch.setattr(groups, "_ENTRIES", 3)

    async def story(one):
        for number in range(10):
            with pytest.raises(GroupsUnresolved):
                await one.resolver.groups(ISSUER, f"00unknown{number:05}")
        return len(one.resolver._states)

    assert run(fake, story) <= 3
