import asyncio
import itertools

import pytest
from control_state import control_database
from sqlalchemy.exc import OperationalError

from ingress.policy.rules import Limits, PolicyDecision
from ingress.usage import SYNC_SECONDS, Bucket, Usage, UsageStore, Use, tokens_of

NOW = 1_763_640_000.0  # 2025-11-20 12:00 UTC
HOUR = 3600

pytestmark = pytest.mark.usefixtures("control_backend")


class Broken:
    """A store that fails until it is told not to."""

    def __init__(self, store):
        self.store, self.fails = store, True

    def exchange(self, added, since):
        if self.fails:
            raise OperationalError("x", {}, Exception("locked"))
        return self.store.exchange(added, since)


@pytest.fixture
def store(tmp_path):
    with control_database(tmp_path) as engine:
        yield UsageStore(engine)


@pytest.fixture
def clock(monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr("ingress.usage.time", lambda: NOW + 0 * next(ticks))


def allowed(rule="everyone", **limits):
    return PolicyDecision("allow", rule, ("rule",), "", "strict", limits=Limits(**limits))


def used(usage, tokens=0, at=NOW, rule="everyone", who="ada"):
    usage.admit(who, allowed(rule), at)
    if tokens:
        usage._waiting[who][rule, int(at) // 60] = Use(1, tokens)


def test_requests_up_to_the_limit_pass_and_the_next_is_refused_until_the_first_is_an_hour_old(
    store,
):
    usage, rule = Usage(store), allowed(requests_per_hour=2)

    assert usage.admit("ada", rule, NOW).allowed
    assert usage.admit("ada", rule, NOW + 600).allowed
    refused = usage.admit("ada", rule, NOW + 900)

    assert not refused.allowed
    assert (refused.rule_id, refused.reasons) == ("everyone", ("rule", "limit_reached"))
    assert "2 requests per hour" in refused.message
    assert "at 13:00 UTC, in 45 minutes" in refused.message
    assert usage.admit("ada", rule, NOW + HOUR).allowed


def test_a_refused_request_does_not_count(store):
    usage, rule = Usage(store), allowed(requests_per_hour=1)
    for second in range(5):
        usage.admit("ada", rule, NOW + second)

    assert usage.of("ada", NOW + 5).requests == 1


def test_each_principal_and_each_rule_has_its_own_count(store):
    usage = Usage(store)
    used(usage)

    assert usage.admit("bob", allowed(requests_per_hour=1), NOW).allowed
    assert usage.admit("ada", allowed("other", requests_per_hour=1), NOW).allowed
    assert not usage.admit("ada", allowed(requests_per_hour=1), NOW).allowed
    assert usage.of("ada", NOW).requests == 2


def test_tokens_beyond_the_limit_refuse_and_estimated_ones_are_said_to_be(store):
    usage = Usage(store)
    used(usage, tokens=1200)

    refused = usage.admit("ada", allowed(tokens_per_hour=1000), NOW + 60)

    assert "1,000 tokens per hour, and 1,200 are used." in refused.message
    usage._waiting["ada"]["everyone", int(NOW) // 60] = Use(1, 1200, 200)
    refused = usage.admit("ada", allowed(tokens_per_hour=1000), NOW + 60)
    assert "(200 of them estimated from the length of texts)" in refused.message


def test_workers_learn_of_each_others_counts_and_never_count_one_twice(store, clock):
    one, two = Usage(store), Usage(store)

    async def share():
        for _ in range(2):
            await one.sync()
            await two.sync()

    used(one)
    used(two)
    asyncio.run(share())
    used(one)
    asyncio.run(share())

    assert (one.of("ada", NOW).requests, two.of("ada", NOW).requests) == (3, 3)


def test_counts_survive_a_restart(store, clock):
    used(before := Usage(store), at=NOW - 1800)
    asyncio.run(before.sync())

    asyncio.run((after := Usage(store)).sync())

    assert after.of("ada", NOW).requests == 1


def test_what_is_older_than_the_hour_is_forgotten_in_memory_and_in_the_database(store):
    old, new = int(NOW) // 60 - 200, int(NOW) // 60
    store.exchange({Bucket("ada", "r", old): Use(1)}, new)

    assert store.exchange({Bucket("ada", "r", new): Use(1)}, 0) == {Bucket("ada", "r", new): Use(1)}


def test_minute_that_leaves_the_hour_leaves_the_memory(store, monkeypatch):
    usage = Usage(store)
    used(usage)
    for now in (NOW, NOW + 2 * HOUR, NOW + 2 * HOUR):
        monkeypatch.setattr("ingress.usage.time", lambda now=now: now)
        asyncio.run(usage.sync())

    assert usage._shared == {}


def test_database_that_fails_loses_no_count_and_is_told_once(store, clock, caplog):
    usage = Usage(broken := Broken(store))
    used(usage)

    asyncio.run(usage.sync())
    used(usage)
    asyncio.run(usage.sync())
    assert usage.of("ada", NOW).requests == 2
    assert [record.message for record in caplog.records] == [
        "usage cannot be shared; this process counts alone"
    ]

    broken.fails = False
    asyncio.run(usage.sync())
    asyncio.run((other := Usage(store)).sync())
    assert (usage.of("ada", NOW).requests, other.of("ada", NOW).requests) == (2, 2)


def test_counts_are_shared_within_two_seconds():
    assert SYNC_SECONDS <= 1.0


class Told:
    """As much of an exchange as its tokens need."""

    def __init__(self, status, sent="", got="", tokens=(None, None)):
        text = type("Text", (), {"value": sent})
        self.prompt = type("Prompt", (), {"texts": [text]})
        completion = type(
            "Completion",
            (),
            {"input_tokens": tokens[0], "output_tokens": tokens[1], "texts": {0: [got]}},
        )
        self.outcome = type("Outcome", (), {"upstream_status": status, "completion": completion})


@pytest.mark.parametrize(
    ("exchange", "use"),
    [
        (Told(200, "x" * 400, "y" * 40, (7, 3)), Use(0, 10, 0)),
        (Told(200, "x" * 400, "y" * 41), Use(0, 111, 111)),
        (Told(200, "x" * 400, "y" * 40, (90, None)), Use(0, 100, 10)),
        (Told(500, "x" * 400), Use()),
        (Told(None, "x" * 400), Use()),
    ],
    ids=["told", "estimated", "half", "refused upstream", "never sent"],
)
def test_tokens_are_the_upstreams_or_estimated(exchange, use):
    assert tokens_of(exchange) == use
