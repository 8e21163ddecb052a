"""Topics and subscriptions: administration, publishing, and finding a subscription by name.

Every change is committed before it shows. Requests and answers are raw protobuf messages; who
calls it over the network is `server.py`'s business.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tailnumber.stack.pubsub import store as writes
from tailnumber.stack.pubsub import validation
from tailnumber.stack.pubsub.errors import AlreadyExists, InvalidArgument, NotFound, Unsupported
from tailnumber.stack.pubsub.store import Store, StoredMessage
from tailnumber.stack.pubsub.subscription import Forward, LiveSubscription
from tailnumber.stack.pubsub.wire import RawMessage, Subscription, Topic

DELETED_TOPIC = "_deleted-topic_"
"""What a subscription shows as its topic when that is gone. Source: Subscription.topic."""
EXPIRY_INTERVAL_SECONDS = 0.05
"""How often leases are looked over; a message comes back at most this much late."""


@dataclass(slots=True, eq=False)
class _Topic:
    id: int
    settings: RawMessage


class Broker:
    """The state of the server. Created, used and closed on one event loop."""

    def __init__(self, path: Path) -> None:
        """Open the data file and take up all that it holds.

        Raises:
            CannotStart: the file cannot be used.
        """
        self._store = Store(path)
        last = self._store.last_ids()
        self._topic_ids = itertools.count(last.get("topics", 0) + 1)
        self._subscription_ids = itertools.count(last.get("subscriptions", 0) + 1)
        # From the clock, so that ids of messages that were dropped are not used again either.
        tail = last.get("messages", 0)
        self._message_ids = itertools.count(max(tail + 1, time.time_ns() // 1000))
        self._tail = tail
        self._administration = asyncio.Lock()
        self._topics: dict[str, _Topic] = {}
        for topic in self._store.topics():
            settings = Topic.FromString(topic.body)
            self._topics[settings.name] = _Topic(topic.id, settings)
        self._subscriptions: dict[str, LiveSubscription] = {}
        for stored in self._store.subscriptions():
            self._add_subscription(stored.id, stored.topic_id, Subscription.FromString(stored.body))

    async def close(self) -> None:
        """Commit what waits and close the file."""
        await self._store.close()

    async def expire_leases(self) -> None:
        """Take back and dead-letter what failed, for ever; runs beside the requests."""
        while True:
            await asyncio.sleep(EXPIRY_INTERVAL_SECONDS)
            for subscription in list(self._subscriptions.values()):
                await subscription.settle_failures()

    async def publish(self, request: RawMessage) -> list[str]:
        """Store messages for every subscription of the topic; returns their ids.

        Returns after the commit.

        Raises:
            InvalidArgument, NotFound: nothing was stored.
            Overloaded, StorageFailed: nothing was stored; worth a retry.
        """
        validation.check_publish(request)
        topic = self._topic(request.topic)
        stored = self._stamp(request.messages)
        last_id = stored[-1].message_id
        await self._store.write(
            writes.insert_messages(topic.id, stored),
            lambda: self._published(topic.id, last_id),
            size_bytes=sum(len(message.body) for message in stored),
        )
        return [str(message.message_id) for message in stored]

    def topic(self, name: str) -> RawMessage:
        """Return a topic's settings, or raise NotFound."""
        validation.check_topic_name(name)
        return self._topic(name).settings

    def topics(self, project: str) -> list[RawMessage]:
        """Return the topics of a project by name."""
        validation.check_project_name(project)
        return [t.settings for n, t in sorted(self._topics.items()) if n.startswith(project + "/")]

    def subscriptions(self, project: str) -> list[RawMessage]:
        """Return the subscriptions of a project by name."""
        validation.check_project_name(project)
        found = sorted(self._subscriptions.items())
        return [s.settings for n, s in found if n.startswith(project + "/")]

    def subscription_names(self, topic: str) -> list[str]:
        """Return the names of a topic's subscriptions, or raise NotFound."""
        validation.check_topic_name(topic)
        topic_id = self._topic(topic).id
        return sorted(n for n, s in self._subscriptions.items() if s.topic_id == topic_id)

    def subscription(self, name: str) -> LiveSubscription:
        """Return a subscription to pull from, or raise NotFound."""
        validation.check_subscription_name(name)
        try:
            return self._subscriptions[name]
        except KeyError as error:
            raise NotFound(f"There is no subscription {name}.") from error

    async def create_topic(self, settings: RawMessage) -> RawMessage:
        """Add a topic, or raise AlreadyExists, InvalidArgument, Unsupported."""
        validation.check_topic(settings)
        async with self._administration:
            if settings.name in self._topics:
                raise AlreadyExists(f"There is a topic {settings.name} already.")
            topic = _Topic(next(self._topic_ids), settings)
            await self._store.write(
                writes.insert_topic(topic.id, settings.name, settings.SerializeToString()),
                lambda: self._topics.update({settings.name: topic}),
            )
        return settings

    async def delete_topic(self, name: str) -> None:
        """Remove a topic; its subscriptions stay and keep what they have."""
        validation.check_topic_name(name)
        async with self._administration:
            topic = self._topic(name)
            left = [s for s in self._subscriptions.values() if s.topic_id == topic.id]
            changed = [(s, _copy(s.settings, topic=DELETED_TOPIC)) for s in left]

            def committed() -> None:
                del self._topics[name]
                for subscription, settings in changed:
                    subscription.settings = settings

            orphans = [(s.id, settings.SerializeToString()) for s, settings in changed]
            await self._store.write(writes.delete_topic(topic.id, orphans), committed)

    async def create_subscription(self, settings: RawMessage) -> RawMessage:
        """Add a subscription to what is published from now on.

        Raises:
            InvalidArgument, Unsupported: a setting is wrong or not available here.
            NotFound: the topic or the dead letter topic does not exist.
            AlreadyExists: the name is taken.
        """
        validation.check_subscription(settings)
        async with self._administration:
            if settings.name in self._subscriptions:
                raise AlreadyExists(f"There is a subscription {settings.name} already.")
            topic = self._topic(settings.topic)
            self._check_dead_letter_topic(settings)
            new_id = next(self._subscription_ids)
            body = settings.SerializeToString()
            await self._store.write(
                writes.insert_subscription(new_id, settings.name, topic.id, body),
                lambda: self._add_subscription(new_id, topic.id, settings),
            )
        return settings

    async def update_subscription(self, change: RawMessage, fields: Sequence[str]) -> RawMessage:
        """Change the named settings of a subscription; returns all of them."""
        if not fields:
            raise InvalidArgument("update_mask names no setting.")
        unknown = sorted(set(fields) - validation.UPDATABLE_FIELDS)
        if unknown:
            raise Unsupported(f"A subscription's {', '.join(unknown)} cannot be changed here.")
        async with self._administration:
            subscription = self.subscription(change.name)
            settings = _copy(subscription.settings)
            for name in fields:
                settings.ClearField(name)
            settings.MergeFrom(_only(change, fields))
            validation.check_settings(settings)
            self._check_dead_letter_topic(settings)
            await self._store.write(
                writes.update_subscription(subscription.id, settings.SerializeToString()),
                lambda: subscription.change(settings),
            )
        return settings

    async def delete_subscription(self, name: str) -> None:
        """Remove a subscription and the messages that only it still needed."""
        async with self._administration:
            subscription = self.subscription(name)

            def committed() -> None:
                del self._subscriptions[name]
                subscription.delete()

            await self._store.write(writes.delete_subscription(subscription.id), committed)

    def _topic(self, name: str) -> _Topic:
        try:
            return self._topics[name]
        except KeyError as error:
            raise NotFound(f"There is no topic {name}.") from error

    def _check_dead_letter_topic(self, settings: RawMessage) -> None:
        if settings.HasField("dead_letter_policy"):
            self._topic(settings.dead_letter_policy.dead_letter_topic)

    def _add_subscription(self, new_id: int, topic_id: int, settings: RawMessage) -> None:
        self._subscriptions[settings.name] = LiveSubscription(
            self._store,
            self._prepare_forward,
            subscription_id=new_id,
            topic_id=topic_id,
            settings=settings,
            tail=self._tail,
        )

    def _stamp(self, messages: Iterable[RawMessage]) -> list[StoredMessage]:
        """Give messages their id and publish time; ids rise in the order of the commits."""
        now_microseconds = time.time_ns() // 1000
        stored = []
        for message in messages:
            message_id = next(self._message_ids)
            message.message_id = str(message_id)
            message.publish_time.FromMicroseconds(now_microseconds)
            body = message.SerializeToString()
            stored.append(StoredMessage(message_id, message.ordering_key, body))
        return stored

    def _published(self, topic_id: int, last_id: int) -> None:
        self._tail = last_id
        for subscription in self._subscriptions.values():
            if subscription.topic_id == topic_id:
                subscription.published(last_id)

    def _prepare_forward(self, topic_name: str, message: RawMessage) -> Forward:
        topic = self._topic(topic_name)
        stored = self._stamp([message])
        return Forward(
            writes.insert_messages(topic.id, stored),
            lambda: self._published(topic.id, stored[-1].message_id),
        )


def _copy(settings: RawMessage, *, topic: str = "") -> RawMessage:
    copied = Subscription.FromString(settings.SerializeToString())
    if topic:
        copied.topic = topic
    return copied


def _only(change: RawMessage, fields: Sequence[str]) -> RawMessage:
    """Copy a subscription with nothing but the named settings."""
    picked = _copy(change)
    for field, _ in change.ListFields():
        if field.name not in fields:
            picked.ClearField(field.name)
    return picked
