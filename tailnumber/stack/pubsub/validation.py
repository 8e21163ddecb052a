"""What a name, a message, an acknowledgement deadline and a subscription may hold. Pure.

Source: https://cloud.google.com/pubsub/quotas#resource_limits and
https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
"""

import re
from typing import NamedTuple

from tailnumber.stack.pubsub.errors import InvalidArgument, Unsupported
from tailnumber.stack.pubsub.wire import RawMessage

MESSAGE_MAX_BYTES = 10_000_000
"""Data plus attributes of one message, and the messages of one publish together."""
PUBLISH_MAX_COUNT = 1000
ATTRIBUTE_MAX_COUNT = 100
ATTRIBUTE_KEY_MAX_BYTES = 256
ATTRIBUTE_VALUE_MAX_BYTES = 1024
ORDERING_KEY_MAX_BYTES = 1024
ACK_DEADLINE_DEFAULT_SECONDS = 10
ACK_DEADLINE_MIN_SECONDS = 10
ACK_DEADLINE_MAX_SECONDS = 600
DELIVERY_ATTEMPTS_DEFAULT_COUNT = 5
DELIVERY_ATTEMPTS_MIN_COUNT = 5
DELIVERY_ATTEMPTS_MAX_COUNT = 100

_ACK_ID = re.compile(r"([0-9]{1,9}):([0-9]{1,18}):([0-9]{1,19})")
_PROJECT = r"projects/[^/]+"
_RESOURCE_ID = r"(?!goog)[A-Za-z][A-Za-z0-9\-._~+%]{2,254}"
_NAMES = {
    kind: re.compile(rf"{_PROJECT}/{kind}/{_RESOURCE_ID}") for kind in ("topics", "subscriptions")
}
# Settings that change nothing on one machine: kept and shown again.
_SUBSCRIPTION_FIELDS = {
    "name",
    "topic",
    "ack_deadline_seconds",
    "message_retention_duration",
    "labels",
    "enable_message_ordering",
    "expiration_policy",
    "dead_letter_policy",
    "push_config",  # an empty one means pull
    "tags",
}
_TOPIC_FIELDS = {"name", "labels", "message_storage_policy", "message_retention_duration", "tags"}
UPDATABLE_FIELDS = {
    "ack_deadline_seconds",
    "message_retention_duration",
    "labels",
    "enable_message_ordering",
    "expiration_policy",
    "dead_letter_policy",
}


class AckId(NamedTuple):
    """What an acknowledgement id names; it outlives a restart of the server."""

    subscription_id: int
    message_id: int
    lease_id: int

    @classmethod
    def parse(cls, text: str) -> "AckId":
        """Read an acknowledgement id.

        Raises:
            InvalidArgument: the text is not an id of this server.
        """
        match = _ACK_ID.fullmatch(text)
        if match is None:
            raise InvalidArgument("An acknowledgement id is malformed.")
        return cls(*map(int, match.groups()))

    def __str__(self) -> str:
        return f"{self.subscription_id}:{self.message_id}:{self.lease_id}"


def check_topic_name(name: str) -> None:
    """Refuse a name that is not `projects/{project}/topics/{topic}`."""
    _check_name("topics", name)


def check_subscription_name(name: str) -> None:
    """Refuse a name that is not `projects/{project}/subscriptions/{subscription}`."""
    _check_name("subscriptions", name)


def check_project_name(name: str) -> None:
    """Refuse a name that is not `projects/{project}`."""
    if not re.fullmatch(_PROJECT, name):
        raise InvalidArgument("A project is named projects/{project}.")


def check_topic(topic: RawMessage) -> None:
    """Refuse a topic with a bad name or a setting that this server would have to ignore."""
    check_topic_name(topic.name)
    _check_fields("topic", topic, _TOPIC_FIELDS)


def check_subscription(subscription: RawMessage) -> None:
    """Refuse a subscription with a bad name or setting; fill the defaults in."""
    check_subscription_name(subscription.name)
    check_topic_name(subscription.topic)
    check_settings(subscription)


def check_settings(subscription: RawMessage) -> None:
    """Refuse a wrong value or a setting this server would have to ignore; fill the defaults in."""
    _check_fields("subscription", subscription, _SUBSCRIPTION_FIELDS)
    if subscription.push_config.ListFields():
        raise Unsupported("This server has pull subscriptions only; leave push_config empty.")
    if not subscription.ack_deadline_seconds:
        subscription.ack_deadline_seconds = ACK_DEADLINE_DEFAULT_SECONDS
    check_ack_deadline(subscription.ack_deadline_seconds)
    if subscription.HasField("dead_letter_policy"):
        _check_dead_letter_policy(subscription.dead_letter_policy)


def check_ack_deadline(seconds: int) -> None:
    """Refuse a deadline of a subscription or a stream outside 10 to 600 seconds."""
    if not ACK_DEADLINE_MIN_SECONDS <= seconds <= ACK_DEADLINE_MAX_SECONDS:
        raise InvalidArgument("An acknowledgement deadline is 10 to 600 seconds.")


def check_deadline_extension(seconds: int) -> None:
    """Refuse a modified deadline outside 0 to 600 seconds (0 gives the message back)."""
    if not 0 <= seconds <= ACK_DEADLINE_MAX_SECONDS:
        raise InvalidArgument("A modified acknowledgement deadline is 0 to 600 seconds.")


def check_publish(request: RawMessage) -> None:
    """Refuse a publish that Pub/Sub would refuse; nothing of it is stored then."""
    check_topic_name(request.topic)
    if not 1 <= len(request.messages) <= PUBLISH_MAX_COUNT:
        raise InvalidArgument(f"A publish carries 1 to {PUBLISH_MAX_COUNT} messages.")
    for message in request.messages:
        _check_message(message)
    if request.ByteSize() > MESSAGE_MAX_BYTES:
        raise InvalidArgument(f"A publish is over {MESSAGE_MAX_BYTES} bytes.")


def _check_message(message: RawMessage) -> None:
    attributes = message.attributes
    if not message.data and not attributes:
        raise InvalidArgument("A message needs data or at least one attribute.")
    if message.ByteSize() > MESSAGE_MAX_BYTES:
        raise InvalidArgument(f"A message is over {MESSAGE_MAX_BYTES} bytes.")
    if len(message.ordering_key.encode()) > ORDERING_KEY_MAX_BYTES:
        raise InvalidArgument(f"An ordering key is over {ORDERING_KEY_MAX_BYTES} bytes.")
    if len(attributes) > ATTRIBUTE_MAX_COUNT:
        raise InvalidArgument(f"A message has over {ATTRIBUTE_MAX_COUNT} attributes.")
    for key, value in attributes.items():
        if not key or key.startswith("goog") or len(key.encode()) > ATTRIBUTE_KEY_MAX_BYTES:
            raise InvalidArgument(
                f"An attribute's key has 1 to {ATTRIBUTE_KEY_MAX_BYTES} bytes, not goog first."
            )
        if len(value.encode()) > ATTRIBUTE_VALUE_MAX_BYTES:
            raise InvalidArgument(f"An attribute is over {ATTRIBUTE_VALUE_MAX_BYTES} bytes.")


def _check_name(kind: str, name: str) -> None:
    if not _NAMES[kind].fullmatch(name):
        raise InvalidArgument(
            f"A name is projects/{{project}}/{kind}/{{id}}; the id starts with a letter, has 3 to "
            "255 letters, digits or -._~+% and does not start with goog."
        )


def _check_fields(kind: str, record: RawMessage, known: set[str]) -> None:
    unknown = sorted({field.name for field, _ in record.ListFields()} - known)
    if unknown:
        raise Unsupported(f"This server does not support {kind} setting {', '.join(unknown)}.")


def _check_dead_letter_policy(policy: RawMessage) -> None:
    check_topic_name(policy.dead_letter_topic)
    if not policy.max_delivery_attempts:
        policy.max_delivery_attempts = DELIVERY_ATTEMPTS_DEFAULT_COUNT
    if not (
        DELIVERY_ATTEMPTS_MIN_COUNT <= policy.max_delivery_attempts <= DELIVERY_ATTEMPTS_MAX_COUNT
    ):
        raise InvalidArgument("max_delivery_attempts is 5 to 100.")
