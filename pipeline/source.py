"""Pull from one Pub/Sub subscription, hold what was pulled, acknowledge it when told.

Plain calls, each with a deadline; nothing is acknowledged that the caller did not name.
"""

# mypy: disable-error-code="no-untyped-call"
# The Google clients leave some calls unannotated.

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final

import grpc  # type: ignore[import-untyped]  # ships no stubs
from google.api_core import exceptions
from google.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from pipeline.decode import Incoming
from pipeline.write import RECONNECT_MILLISECONDS

# Longest wait of one pull for a first message: how late a stop can be noticed.
PULL_SECONDS: Final = 2.0

# Longest time of any other call.
CALL_SECONDS: Final = 10.0

# How long a message stays with a process that died: a batch in hand renews it three times as often.
# Source: Pub/Sub, "Lease management": 10 to 600 s.
LEASE_SECONDS: Final = 15

# Source: Pub/Sub quotas: an acknowledge request holds at most 512 KiB, an id about 200 bytes.
_IDS_PER_CALL: Final = 1000

# Messages per pull, and the bytes that a pull should bring at most.
MESSAGES_MAX: Final = 1000
PULL_BYTES: Final = 32 * 1024 * 1024
_MESSAGES_FIRST: Final = 100


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message and the id that acknowledges this delivery of it."""

    ack_id: str
    message: Incoming


class Subscription:
    """One subscription; ``address`` is a server on this machine, ``None`` is Google's."""

    def __init__(self, name: str, address: str | None) -> None:
        self._name = name
        self._channel = None if address is None else local_channel(address)
        self._client = (
            SubscriberClient()
            if self._channel is None
            else SubscriberClient(transport=SubscriberGrpcTransport(channel=self._channel))
        )
        self._count = _MESSAGES_FIRST

    def close(self) -> None:
        """Close the connection."""
        self._client.transport.close()

    def pull(self) -> list[Delivery]:
        """Return messages, none if there is none for a while; their lease is ``LEASE_SECONDS``.

        Raises:
            google.api_core.exceptions.GoogleAPICallError: Pub/Sub did not answer.
        """
        try:
            response = self._client.pull(
                subscription=self._name,
                max_messages=self._count,
                timeout=PULL_SECONDS,
                retry=None,
            )
        except exceptions.DeadlineExceeded:
            return []
        # The plain message: proto-plus costs 15 us where this costs 2 (measured).
        received = types.PullResponse.pb(response).received_messages
        self._count = _next_count(self._count, [len(each.message.data) for each in received])
        return [
            Delivery(
                each.ack_id,
                Incoming(
                    each.message.data,
                    each.message.message_id,
                    each.message.publish_time.ToDatetime(tzinfo=UTC),
                ),
            )
            for each in received
        ]

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these need not come again.

        Raises:
            google.api_core.exceptions.GoogleAPICallError: Pub/Sub did not answer.
        """
        for ids in _chunks(deliveries):
            self._client.acknowledge(
                subscription=self._name, ack_ids=ids, timeout=CALL_SECONDS, retry=None
            )

    def extend(self, deliveries: Sequence[Delivery], seconds: int) -> None:
        """Hold these for so many seconds from now; 0 gives them back.

        Raises:
            google.api_core.exceptions.GoogleAPICallError: Pub/Sub did not answer.
        """
        for ids in _chunks(deliveries):
            self._client.modify_ack_deadline(
                subscription=self._name,
                ack_ids=ids,
                ack_deadline_seconds=seconds,
                timeout=CALL_SECONDS,
                retry=None,
            )

    @contextlib.contextmanager
    def lease(self, deliveries: Sequence[Delivery]) -> Iterator[None]:
        """Keep the deliveries from coming again for as long as the block runs."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(LEASE_SECONDS / 3):
                # A lease that is lost costs a second delivery, which the views hide.
                with contextlib.suppress(exceptions.GoogleAPICallError):
                    self.extend(deliveries, LEASE_SECONDS)

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def ensure_topic(address: str, topic: str, subscription: str) -> None:
    """Create a topic and a subscription that keeps its messages, where they are missing.

    For a server on this machine; on Google Cloud terraform owns both.

    Raises:
        google.api_core.exceptions.GoogleAPICallError: the server did not answer.
    """
    channel = local_channel(address)
    with contextlib.closing(channel):
        publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        with contextlib.suppress(exceptions.AlreadyExists):
            publisher.create_topic(name=topic, timeout=CALL_SECONDS)
        with contextlib.suppress(exceptions.AlreadyExists):
            subscriber.create_subscription(
                name=subscription,
                topic=topic,
                ack_deadline_seconds=LEASE_SECONDS,
                timeout=CALL_SECONDS,
            )


def local_channel(address: str) -> grpc.Channel:
    """Return a plaintext channel to a server on this machine, for messages of any size."""
    return grpc.insecure_channel(
        address,
        options=[
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
            # A restarted local server is back in seconds; gRPC would wait up to two minutes.
            ("grpc.max_reconnect_backoff_ms", RECONNECT_MILLISECONDS),
        ],
    )


def _next_count(count: int, sizes: Sequence[int]) -> int:
    """Return how many messages to ask for next, by the largest that came."""
    if not sizes:
        return count
    fitting = max(1, PULL_BYTES // max(1, *sizes, 1))
    return min(MESSAGES_MAX, fitting, count * 2)


def _chunks(deliveries: Sequence[Delivery]) -> Iterator[list[str]]:
    ids = [delivery.ack_id for delivery in deliveries]
    for start in range(0, len(ids), _IDS_PER_CALL):
        yield ids[start : start + _IDS_PER_CALL]
