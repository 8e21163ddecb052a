"""What several journal tests need: small limits, waiting for a fact, checking a chain."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterable

from ingress.recording.journal import JournalLimits
from ingress.recording.publisher import PublisherLimits

SMALL = JournalLimits(min_free_bytes=0, deadline_seconds=2.0)
FAST = PublisherLimits(linger_seconds=0.001, first_backoff_seconds=0.002, last_backoff_seconds=0.02)


def body(number: int, padding: int = 0) -> bytes:
    return b'{"event_id":"e%d","text":"%s"}' % (number, b"x" * padding)


def event_ids(messages: Iterable[bytes]) -> list[str]:
    return [json.loads(message)["record"]["event_id"] for message in messages]


def assert_chain_holds(messages: Iterable[bytes], previous: str = "0" * 64, first: int = 0) -> None:
    """Verify published events the way an auditor does, from their bytes alone."""
    for sequence, message in enumerate(messages, start=first):
        envelope = json.loads(message)
        end = message.rindex(b',"record_hash":"' + envelope["record_hash"].encode())
        raw = message[len(b'{"record":') : end]
        assert json.loads(raw) == envelope["record"]
        assert envelope["record"]["sequence"] == sequence
        assert envelope["record"]["previous_hash"] == previous
        previous = hashlib.sha256(raw).hexdigest()
        assert envelope["record_hash"] == previous


async def eventually(fact: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.005)
