"""Create the topics and subscriptions that the stack needs, in whatever Pub/Sub it runs on."""

import contextlib
from typing import Final

import grpc  # type: ignore[import-untyped]  # ships no stubs
from google.api_core import exceptions
from google.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tailnumber.errors import CommandError
from tailnumber.stack.layout import (
    DEAD_LETTER_SUBSCRIPTION,
    DEAD_LETTER_TOPIC,
    PROJECT,
    SUBSCRIPTION,
    TOPIC,
)

_CALL_SECONDS: Final = 10.0
# As the pipeline asks for; a batch that a crash left is delivered again after this.
_ACK_DEADLINE_SECONDS: Final = 15


def provision(address: str) -> None:
    """Make what is missing; what is there stays.

    Raises:
        CommandError: Pub/Sub did not answer.
    """
    channel = grpc.insecure_channel(address)
    try:
        _create(channel)
    except (exceptions.GoogleAPIError, grpc.RpcError) as error:
        raise CommandError(f"Pub/Sub at {address} did not take the topics: {error}") from error
    finally:
        channel.close()


def _create(channel: grpc.Channel) -> None:
    publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
    subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
    for topic, subscription in (
        (TOPIC, SUBSCRIPTION),
        (DEAD_LETTER_TOPIC, DEAD_LETTER_SUBSCRIPTION),
    ):
        topic_path = f"projects/{PROJECT}/topics/{topic}"
        request = types.Subscription(
            name=f"projects/{PROJECT}/subscriptions/{subscription}",
            topic=topic_path,
            ack_deadline_seconds=_ACK_DEADLINE_SECONDS,
        )
        with contextlib.suppress(exceptions.AlreadyExists):
            publisher.create_topic(name=topic_path, timeout=_CALL_SECONDS, retry=None)
        with contextlib.suppress(exceptions.AlreadyExists):
            subscriber.create_subscription(request, timeout=_CALL_SECONDS, retry=None)
