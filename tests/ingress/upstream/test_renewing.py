import asyncio

import pytest

from ingress.errors import CredentialMissing, CredentialUnavailable
from ingress.upstream.renewing import (
    REFUSED_AGE_SECONDS,
    RETRY_SECONDS,
    Held,
    Renewing,
)


class Source:
    """Gives token-1, token-2 … for ten seconds each; fails or waits when told to."""

    def __init__(self):
        self.count = 0
        self.failure = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.now = 1000.0

    async def fetch(self):
        self.count += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return Held.of_lifetime(f"token-{self.count}", 10.0)

    def renewing(self):
        return Renewing(self.fetch, "test", lambda: self.now)


@pytest.fixture
def source():
    return Source()


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def run(test):
    async def body():
        source = Source()
        renewing = source.renewing()
        try:
            await test(source, renewing)
        finally:
            renewing.close()

    asyncio.run(body())


def test_value_is_fetched_once_for_many_who_wait():
    async def test(source, renewing):
        assert await asyncio.gather(*(renewing.get() for _ in range(20))) == ["token-1"] * 20
        assert source.count == 1

    run(test)


def test_value_is_renewed_ahead_while_the_old_one_serves():
    async def test(source, renewing):
        await renewing.get()
        source.now += 8.5
        source.gate.clear()

        assert await asyncio.gather(*(renewing.get() for _ in range(5))) == ["token-1"] * 5
        await settle()
        assert source.count == 2
        source.gate.set()
        await settle()
        assert await renewing.get() == "token-2"

    run(test)


def test_old_value_serves_to_its_end_while_renewals_fail_and_no_longer():
    async def test(source, renewing):
        await renewing.get()
        source.failure = CredentialUnavailable("down")
        source.now += 8.1

        for _ in range(10):
            assert await renewing.get() == "token-1"
            await settle()
        assert source.count == 2  # one try a second, not one a request
        source.now += RETRY_SECONDS
        await renewing.get()
        source.now += 1.0
        with pytest.raises(CredentialUnavailable, match="down"):
            await renewing.get()

    run(test)


def test_failure_is_told_at_once_for_a_second_and_then_tried_again():
    async def test(source, renewing):
        source.failure = CredentialMissing("not set")
        for _ in range(3):
            with pytest.raises(CredentialMissing, match="not set"):
                await renewing.get()
        assert source.count == 1

        source.failure = None
        source.now += RETRY_SECONDS
        assert await renewing.get() == "token-2"

    run(test)


def test_one_that_leaves_does_not_end_the_renewal_for_the_others():
    async def test(source, renewing):
        source.gate.clear()
        leaving = asyncio.ensure_future(renewing.get())
        staying = asyncio.ensure_future(renewing.get())
        await settle()
        leaving.cancel()
        source.gate.set()

        assert await staying == "token-1"

    run(test)


def test_refused_value_is_renewed_unless_it_is_fresh():
    async def test(source, renewing):
        value = await renewing.get()
        assert not renewing.refused(value)

        source.now += REFUSED_AGE_SECONDS
        assert renewing.refused(value)
        assert await renewing.get() == "token-2"
        assert renewing.refused(value)  # somebody else has renewed it meanwhile
        assert source.count == 2

    run(test)


def test_value_is_let_go_when_its_time_is_over():
    async def body():
        async def fetch():
            return Held("secret", 0.01, 0.02)

        renewing = Renewing(fetch, "test")
        await renewing.get()
        await asyncio.sleep(0.05)

        assert renewing._value is None

    asyncio.run(body())


def test_token_that_came_too_late_is_no_token():
    with pytest.raises(CredentialUnavailable, match="clocks"):
        Held.of_lifetime("t", 0)


def test_value_is_in_no_repr():
    assert "canary" not in repr(Held("canary", 1, 1))
