"""A broker that records what it took and fails on demand: the transport of the publisher's tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from ingress.errors import PublishRejected, PublishUnavailable
from ingress.recording.publisher import Message


class FakeTransport:
    """Takes batches in memory.

    ``fail_next(n)`` refuses n calls as UNAVAILABLE, ``lose_ack_next(n)`` takes n batches and then
    says DEADLINE_EXCEEDED, and ``rejects`` names messages that are refused for what they are.
    """

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.calls = 0
        self.closed = False
        self.rejects: Callable[[Message], bool] = lambda _: False
        self._unavailable = 0
        self._lost_acks = 0
        self._lock = threading.Lock()

    def fail_next(self, count: int) -> None:
        self._unavailable = count

    def lose_ack_next(self, count: int) -> None:
        self._lost_acks = count

    def publish(self, messages: Sequence[Message]) -> None:
        with self._lock:
            self.calls += 1
            if self._unavailable:
                self._unavailable -= 1
                raise PublishUnavailable("unavailable")
            if any(self.rejects(message) for message in messages):
                raise PublishRejected("refused")
            self.taken.extend(messages)
            if self._lost_acks:
                self._lost_acks -= 1
                raise PublishUnavailable("deadline_exceeded")

    def close(self) -> None:
        self.closed = True

    def data(self, writer_id: str | None = None) -> list[bytes]:
        return [m.data for m in self.taken if writer_id in (None, m.writer_id)]
