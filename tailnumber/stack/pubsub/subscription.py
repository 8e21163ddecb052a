"""One subscription at run time: take messages, acknowledge, extend, dead-letter.

Joins the pure backlog with the store: state in memory changes only after the commit, so an
acknowledgement that was answered is durable and a failed one lets the message come again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tailnumber.stack.pubsub import store as writes
from tailnumber.stack.pubsub.backlog import Backlog, Consumer, Failure, Grant
from tailnumber.stack.pubsub.errors import PubSubError, StorageFailed
from tailnumber.stack.pubsub.store import Store, Write
from tailnumber.stack.pubsub.validation import AckId
from tailnumber.stack.pubsub.wire import PubsubMessage, RawMessage

ROWS_READ_COUNT = 2000
"""Rows read from the store at a time."""
BATCH_MAX_BYTES = 3_500_000
"""Of one response, so that a client with gRPC's default limit of 4 MiB can take it."""
BATCH_MAX_COUNT = 1000
"""Of one response, as in Pub/Sub."""

_log = logging.getLogger(__name__)


class Delivery(NamedTuple):
    """One message on its way to a consumer; body is a serialized PubsubMessage."""

    ack_id: str
    body: bytes
    attempt: int


class Forward(NamedTuple):
    """A prepared publish to a dead letter topic: the write, and what follows its commit."""

    write: Write
    committed: Callable[[], None]


Forwarder = Callable[[str, RawMessage], Forward]
"""(dead letter topic, message) -> how to publish it. Raises NotFound when the topic is gone."""


class LiveSubscription:
    """A subscription with its leases. Lives on one event loop."""

    def __init__(  # noqa: PLR0913 - the parts of one subscription, each named by the broker
        self,
        store: Store,
        forwarder: Forwarder,
        *,
        subscription_id: int,
        topic_id: int,
        settings: RawMessage,
        tail: int,
    ) -> None:
        """Start with nothing out: everything the store holds is delivered again."""
        self._store = store
        self._forwarder = forwarder
        self.id = subscription_id
        self.topic_id = topic_id
        self.settings = settings
        self.deleted = False
        self._backlog = self._new_backlog(tail)
        self._reading = asyncio.Lock()
        self._changed = asyncio.Event()
        self._failures: list[Failure] = []

    def published(self, message_id: int) -> None:
        """Note that the store holds messages up to this id, and wake the consumers."""
        self._backlog.published(message_id)
        self.wake()

    def wake(self) -> None:
        """Let waiting consumers look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def change(self, settings: RawMessage) -> None:
        """Take new settings; messages that were out are delivered again."""
        self.settings = settings
        self._backlog.drop_leases()
        self._backlog = self._new_backlog(self._backlog.tail)
        self.wake()

    def delete(self) -> None:
        """Tell the consumers that the subscription is gone."""
        self.deleted = True
        self.wake()

    def next_change(self) -> asyncio.Event:
        """Return what is set when there may be more to take; ask before an empty `take`."""
        return self._changed

    async def take(
        self, consumer: Consumer, max_count: int, deadline_seconds: float
    ) -> list[Delivery]:
        """Lease what can be delivered now, oldest first; empty when there is nothing."""
        grants: list[Grant] = []
        async with self._reading:
            while not grants:
                backlog = self._backlog
                if backlog.wants_rows():
                    await self._read_rows(backlog)
                if backlog is self._backlog:  # not replaced meanwhile by new settings
                    grants = backlog.lease(
                        consumer,
                        min(max_count, BATCH_MAX_COUNT),
                        BATCH_MAX_BYTES,
                        time.monotonic() + deadline_seconds,
                    )
                if not self._backlog.wants_rows():
                    break
        return await self._with_bodies(backlog, grants) if grants else []

    async def acknowledge(self, ack_ids: Sequence[AckId]) -> None:
        """Delete deliveries durably; ids of expired leases count, foreign ones are ignored."""
        message_ids = [ack_id.message_id for ack_id in ack_ids if ack_id.subscription_id == self.id]
        if message_ids:
            await self._store.write(
                writes.acknowledge(self.id, message_ids), lambda: self._forget(message_ids)
            )

    def modify_deadlines(self, changes: Sequence[tuple[AckId, int]]) -> None:
        """Extend leases by seconds from now, or give messages back where it is 0."""
        now = time.monotonic()
        for ack_id, seconds in changes:
            if ack_id.subscription_id != self.id:
                continue
            if seconds:
                self._backlog.extend(ack_id.message_id, ack_id.lease_id, now + seconds)
            else:
                self._failures += self._backlog.give_back(ack_id.message_id, ack_id.lease_id)
        self.wake()

    async def settle_failures(self) -> None:
        """Take back expired leases, keep the failure counts, forward what is exhausted.

        Runs in the server's own task: a client that leaves must not stop a forward half-way.
        """
        expired = self._backlog.expire(time.monotonic())
        if expired:
            self.wake()
        failures, self._failures = self._failures + expired, []
        if not failures or not self._backlog.max_attempts:
            return
        counted = [(failure.message_id, failure.failure_count) for failure in failures]
        try:
            await self._store.write(writes.count_failures(self.id, counted), lambda: None)
        except StorageFailed as error:  # the counts in memory go on
            _log.warning("cannot keep failure counts of %s: %s", self.settings.name, error.status)
        for failure in failures:
            if failure.exhausted:
                await self._forward(self._backlog, failure)

    def _new_backlog(self, tail: int) -> Backlog:
        return Backlog(
            ordered=self.settings.enable_message_ordering,
            max_attempts=self.settings.dead_letter_policy.max_delivery_attempts,
            tail=tail,
        )

    def _forget(self, message_ids: Sequence[int]) -> None:
        self._backlog.acknowledge(message_ids)
        self.wake()

    async def _read_rows(self, backlog: Backlog) -> None:
        tail = backlog.tail
        rows = await self._store.rows(self.id, backlog.cursor, ROWS_READ_COUNT)
        backlog.add_rows(rows, tail)

    async def _with_bodies(self, backlog: Backlog, grants: list[Grant]) -> list[Delivery]:
        try:
            bodies = await self._store.bodies([grant.message_id for grant in grants])
        except BaseException:  # also a cancelled pull: its messages go to the next one at once
            backlog.undo(grants)
            self.wake()
            raise
        # Acknowledged between reading the rows and the bodies, by an id of an earlier delivery.
        backlog.acknowledge([g.message_id for g in grants if g.message_id not in bodies])
        return [
            Delivery(
                str(AckId(self.id, grant.message_id, grant.lease_id)),
                bodies[grant.message_id],
                grant.attempt if backlog.max_attempts else 0,
            )
            for grant in grants
            if grant.message_id in bodies
        ]

    async def _forward(self, backlog: Backlog, failure: Failure) -> None:
        """Move a message to the dead letter topic in one commit; keep it when that fails."""
        policy = self.settings.dead_letter_policy
        try:
            body = (await self._store.bodies([failure.message_id])).get(failure.message_id)
            if body is None:  # acknowledged late
                return
            message = self._dead_letter(body, failure.failure_count)
            forward = self._forwarder(policy.dead_letter_topic, message)

            def committed() -> None:
                forward.committed()
                self._forget([failure.message_id])

            done = writes.acknowledge(self.id, [failure.message_id])
            await self._store.write(writes.together(forward.write, done), committed)
        except PubSubError as error:
            _log.warning(
                "cannot forward a message of %s to its dead letter topic: %s",
                self.settings.name,
                error.status,
            )
            backlog.retry(failure.message_id)
            self.wake()

    def _dead_letter(self, body: bytes, delivery_count: int) -> RawMessage:
        """Build the forwarded message. Source: cloud.google.com/pubsub/docs/dead-letter-topics."""
        message = PubsubMessage.FromString(body)
        _, project, _, subscription = self.settings.name.split("/")
        message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = str(delivery_count)
        message.attributes["CloudPubSubDeadLetterSourceSubscription"] = subscription
        message.attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = project
        message.attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] = (
            message.publish_time.ToJsonString()
        )
        return message
