"""A journal whose records count once the broker has taken them: no disk outlives the machine."""

from __future__ import annotations

import asyncio
import dataclasses
import threading

import pytest
from fake_transport import FakeTransport
from journal_tools import FAST, SMALL, assert_chain_holds, body, event_ids, eventually

from ingress.errors import AuditUnavailable
from ingress.recording.journal import Journal
from ingress.recording.publisher import Publisher

LIMITS = dataclasses.replace(SMALL, deadline_seconds=0.3)


class HeldTransport(FakeTransport):
    """Takes nothing until it is told to."""

    def __init__(self):
        super().__init__()
        self.open = threading.Event()

    def publish(self, messages):
        assert self.open.wait(5)
        super().publish(messages)


def run(scenario, transport, root, limits=LIMITS):
    async def whole():
        journal = Journal(root, "w1", limits=limits, until_published=True)
        publisher = Publisher(transport, root, [journal], limits=FAST)
        journal.on_durable(publisher.wake)
        publisher.start()
        try:
            return await scenario(journal)
        finally:
            await asyncio.to_thread(publisher.close, 5)
            await journal.close()

    return asyncio.run(whole())


def test_event_is_durable_when_the_broker_has_taken_it_and_not_before(tmp_path):
    transport = HeldTransport()

    async def scenario(journal):
        future = journal.append_event(body(0))
        await asyncio.sleep(0.1)
        assert not future.done()
        transport.open.set()
        position = await future
        assert event_ids(transport.data()) == ["e0"]
        return position

    assert run(scenario, transport, tmp_path).sequence == 0


def test_many_writers_wait_for_their_own_event_and_the_chain_holds(tmp_path):
    transport = FakeTransport()

    async def one(journal, number):
        position = await journal.append_event(body(number))
        assert len(transport.taken) > position.sequence

    async def scenario(journal):
        await asyncio.gather(*(one(journal, number) for number in range(200)))

    run(scenario, transport, tmp_path)
    assert event_ids(transport.data()) == [f"e{number}" for number in range(200)]
    assert_chain_holds(transport.data())


def test_broker_that_is_away_refuses_in_time_and_service_resumes_by_itself(tmp_path):
    transport = HeldTransport()

    async def scenario(journal):
        began = asyncio.get_running_loop().time()
        with pytest.raises(AuditUnavailable, match="deadline"):
            await journal.append_event(body(0))
        assert asyncio.get_running_loop().time() - began < 2
        assert not journal.healthy
        with pytest.raises(AuditUnavailable, match="deadline"):
            await journal.append_event(body(1))  # at once: the first still waits
        transport.open.set()
        await eventually(lambda: journal.healthy)
        await journal.append_event(body(2))

    run(scenario, transport, tmp_path)
    assert event_ids(transport.data()) == ["e0", "e2"]


def test_message_that_the_broker_never_takes_fails_its_own_caller_alone(tmp_path):
    transport = FakeTransport()
    transport.rejects = lambda message: b'"e1"' in message.data

    async def scenario(journal):
        futures = [journal.append_event(body(number)) for number in range(3)]
        return await asyncio.gather(*futures, return_exceptions=True)

    first, refused, last = run(scenario, transport, tmp_path, limits=SMALL)
    assert (first.sequence, last.sequence) == (0, 2)
    assert isinstance(refused, AuditUnavailable)
    assert refused.reason == "rejected"


def test_what_is_never_published_does_not_wait_for_the_broker(tmp_path):
    transport = HeldTransport()

    async def scenario(journal):
        await journal.append_chunk("i", b"local only")
        transport.open.set()

    run(scenario, transport, tmp_path)
    assert not transport.taken
