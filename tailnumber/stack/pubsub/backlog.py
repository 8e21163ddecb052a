"""The unacknowledged messages of one subscription: who may get which, and until when. Pure.

Holds ids and leases, never message bodies, and of a long backlog only a window: `wants_rows` says
when the caller should read the next rows from the store. The clock comes in as an argument.

Ordering keys: messages of a key go out in order, and while one is out, more of that key go only
to the consumer that holds it. A message given back or expired takes all later ones of its key
with it, except those already acknowledged, which stay acknowledged.
Source: https://cloud.google.com/pubsub/docs/ordering
"""

import heapq
import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

WINDOW_MAX_COUNT = 100_000
"""Messages of one subscription whose state is in memory; about 300 bytes each."""
READY_LOW_COUNT = 1000
"""Below this many deliverable messages the next rows are read."""
STALE_DEADLINES_MAX_COUNT = 1024
"""Superseded deadlines tolerated in the heap beyond one per lease."""


class Row(NamedTuple):
    """One unacknowledged message as the store knows it."""

    message_id: int
    ordering_key: str
    size_bytes: int
    failure_count: int


@dataclass(slots=True, eq=False)
class Consumer:
    """One pull request or one stream; its limits are flow control, 0 = none."""

    max_outstanding_count: int = 0
    max_outstanding_bytes: int = 0
    outstanding_count: int = 0
    outstanding_bytes: int = 0
    owned_keys: set[str] = field(default_factory=set)

    def has_room(self, size_bytes: int) -> bool:
        """Say whether one more message may be out; the first always may, whatever its size."""
        if not self.outstanding_count:
            return True
        if 0 < self.max_outstanding_count <= self.outstanding_count:
            return False
        return not 0 < self.max_outstanding_bytes < self.outstanding_bytes + size_bytes


class Grant(NamedTuple):
    """One delivery to hand out."""

    message_id: int
    lease_id: int
    attempt: int


class Failure(NamedTuple):
    """One delivery that was given back or ran out."""

    message_id: int
    failure_count: int
    exhausted: bool


@dataclass(slots=True, eq=False)
class _Entry:
    row: Row
    failure_count: int
    consumer: Consumer | None = None  # None = not out
    lease_id: int = 0
    deadline: float = 0.0


@dataclass(slots=True, eq=False)
class _Key:
    owner: Consumer
    out: dict[int, None] = field(default_factory=dict)  # message ids, ascending
    waiting: list[int] = field(default_factory=list)


class Backlog:
    """The leases of one subscription. Not thread-safe; times are seconds of a monotonic clock."""

    def __init__(self, *, ordered: bool, max_attempts: int, tail: int) -> None:
        """Start with nothing out and nothing read.

        Args:
            ordered: whether ordering keys count.
            max_attempts: failures after which a message is exhausted; 0 = never.
            tail: id of the newest message that may be in the store.
        """
        self._ordered = ordered
        self.max_attempts = max_attempts
        self._tail = tail
        self._cursor = 0
        self._entries: dict[int, _Entry] = {}
        self._ready: list[int] = []
        self._keys: dict[str, _Key] = {}
        self._deadlines: list[tuple[float, int, int]] = []
        self._out_count = 0
        # Ids of an earlier process must never equal one of ours: start at the wall clock.
        self._lease_ids = itertools.count(time.time_ns())

    @property
    def cursor(self) -> int:
        """Id of the last message that was read from the store."""
        return self._cursor

    @property
    def tail(self) -> int:
        """Id of the newest message that may be in the store."""
        return self._tail

    def published(self, message_id: int) -> None:
        """Note that the store holds messages up to this id."""
        self._tail = max(self._tail, message_id)

    def wants_rows(self) -> bool:
        """Say whether the caller should read rows after `cursor` and add them."""
        return (
            self._cursor < self._tail
            and len(self._ready) < READY_LOW_COUNT
            and len(self._entries) < WINDOW_MAX_COUNT
        )

    def add_rows(self, rows: list[Row], read_up_to: int) -> None:
        """Take rows in ascending order; `read_up_to` is the tail when an empty read began."""
        for row in rows:
            self._entries[row.message_id] = _Entry(row, row.failure_count)
            heapq.heappush(self._ready, row.message_id)
        self._cursor = rows[-1].message_id if rows else max(self._cursor, read_up_to)

    def lease(
        self, consumer: Consumer, max_count: int, max_bytes: int, deadline: float
    ) -> list[Grant]:
        """Hand out deliverable messages, oldest first, until a limit or the end is reached."""
        self._offer_waiting(consumer)
        grants: list[Grant] = []
        granted_bytes = 0
        while self._ready and len(grants) < max_count:
            message_id = self._ready[0]
            entry = self._entries.get(message_id)
            if entry is None or entry.consumer is not None:  # acknowledged meanwhile
                heapq.heappop(self._ready)
                continue
            size = entry.row.size_bytes
            if not consumer.has_room(size) or (grants and granted_bytes + size > max_bytes):
                break
            heapq.heappop(self._ready)
            if self._take_key(entry.row, consumer):
                granted_bytes += size
                grants.append(self._grant(entry, consumer, deadline))
        return grants

    def acknowledge(self, message_ids: Iterable[int]) -> None:
        """Forget messages that the store no longer holds; unknown ids are ignored."""
        for message_id in message_ids:
            entry = self._entries.pop(message_id, None)
            if entry is not None:
                self._release(entry)
                self._leave_key(entry.row)

    def extend(self, message_id: int, lease_id: int, deadline: float) -> None:
        """Move the deadline of a lease; one that ran out or was replaced is ignored."""
        entry = self._leased(message_id, lease_id)
        if entry is not None:
            entry.deadline = deadline
            self._push_deadline(entry)

    def give_back(self, message_id: int, lease_id: int) -> list[Failure]:
        """End a lease as failed (nack); returns the failure, or nothing for a stale lease."""
        entry = self._leased(message_id, lease_id)
        return [] if entry is None else [self._fail(entry)]

    def undo(self, grants: list[Grant]) -> None:
        """End leases that never reached the consumer; this is no failure."""
        for grant in reversed(grants):
            entry = self._leased(grant.message_id, grant.lease_id)
            if entry is not None:
                self._revoke(entry)

    def expire(self, now: float) -> list[Failure]:
        """End every lease whose deadline has passed."""
        failures: list[Failure] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, lease_id, message_id = heapq.heappop(self._deadlines)
            entry = self._leased(message_id, lease_id)
            if entry is not None and entry.deadline <= now:
                failures.append(self._fail(entry))
        return failures

    def retry(self, message_id: int) -> None:
        """Offer an exhausted message again: it could not be forwarded."""
        entry = self._entries.get(message_id)
        if entry is not None and entry.consumer is None:
            self._leave_key(entry.row)
            heapq.heappush(self._ready, message_id)

    def drop_leases(self) -> None:
        """End all leases without failure, before this backlog is replaced by another."""
        for entry in self._entries.values():
            self._release(entry)

    def _grant(self, entry: _Entry, consumer: Consumer, deadline: float) -> Grant:
        entry.consumer = consumer
        entry.lease_id = next(self._lease_ids)
        entry.deadline = deadline
        consumer.outstanding_count += 1
        consumer.outstanding_bytes += entry.row.size_bytes
        self._out_count += 1
        self._push_deadline(entry)
        return Grant(entry.row.message_id, entry.lease_id, entry.failure_count + 1)

    def _leased(self, message_id: int, lease_id: int) -> _Entry | None:
        entry = self._entries.get(message_id)
        if entry is None or entry.consumer is None or entry.lease_id != lease_id:
            return None
        return entry

    def _fail(self, entry: _Entry) -> Failure:
        entry.failure_count += 1
        exhausted = bool(self.max_attempts) and entry.failure_count >= self.max_attempts
        self._revoke(entry)
        if exhausted:
            # Taken out of reach until it is forwarded; its key stays held, so later ones wait.
            self._park(entry)
        return Failure(entry.row.message_id, entry.failure_count, exhausted)

    def _revoke(self, entry: _Entry) -> None:
        """End a lease and, with an ordering key, those of all later messages of the key."""
        row = entry.row
        key = self._keys.get(row.ordering_key) if self._ordered else None
        later = [] if key is None else [i for i in key.out if i > row.message_id]
        for message_id in (*reversed(later), row.message_id):
            revoked = self._entries[message_id]
            if revoked.consumer is not None:
                self._release(revoked)
                heapq.heappush(self._ready, message_id)
                self._leave_key(revoked.row)

    def _park(self, entry: _Entry) -> None:
        message_id = entry.row.message_id
        self._ready.remove(message_id)
        heapq.heapify(self._ready)
        if self._ordered and entry.row.ordering_key:
            key = self._keys.setdefault(entry.row.ordering_key, _Key(_NOBODY))
            key.out[message_id] = None

    def _release(self, entry: _Entry) -> None:
        consumer = entry.consumer
        if consumer is not None:
            consumer.outstanding_count -= 1
            consumer.outstanding_bytes -= entry.row.size_bytes
            entry.consumer = None
            self._out_count -= 1

    def _push_deadline(self, entry: _Entry) -> None:
        heapq.heappush(self._deadlines, (entry.deadline, entry.lease_id, entry.row.message_id))
        if len(self._deadlines) > 2 * self._out_count + STALE_DEADLINES_MAX_COUNT:
            self._deadlines = [
                (e.deadline, e.lease_id, e.row.message_id)
                for e in self._entries.values()
                if e.consumer is not None
            ]
            heapq.heapify(self._deadlines)

    def _take_key(self, row: Row, consumer: Consumer) -> bool:
        """Put the message under its key's owner, or set it aside when another holds the key."""
        if not self._ordered or not row.ordering_key:
            return True
        key = self._keys.get(row.ordering_key)
        if key is None:
            key = self._keys[row.ordering_key] = _Key(consumer)
            consumer.owned_keys.add(row.ordering_key)
        if key.owner is not consumer:
            heapq.heappush(key.waiting, row.message_id)
            return False
        key.out[row.message_id] = None
        return True

    def _leave_key(self, row: Row) -> None:
        key = self._keys.get(row.ordering_key) if self._ordered else None
        if key is None:
            return
        key.out.pop(row.message_id, None)
        if not key.out:
            del self._keys[row.ordering_key]
            key.owner.owned_keys.discard(row.ordering_key)
            self._make_ready(key)

    def _offer_waiting(self, consumer: Consumer) -> None:
        # What another consumer set aside comes before newer messages of a key that is ours.
        for name in consumer.owned_keys:
            self._make_ready(self._keys[name])

    def _make_ready(self, key: _Key) -> None:
        for message_id in key.waiting:
            heapq.heappush(self._ready, message_id)
        key.waiting.clear()


_NOBODY = Consumer()
