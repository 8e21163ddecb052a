"""The way to Pub/Sub: one plain gRPC call per batch.

The high-level client costs about 100 us per message (futures, its own batching, proto-plus
wrappers). The journal has batched already, so this makes the raw call, and writes its request by
hand: a message is its data and a few bytes that are the same for all of a writer's. So the
message classes are not even imported; they hold 16 MB.

Source: google/pubsub/v1/pubsub.proto, PublishRequest, PubsubMessage and PublishResponse; Protocol
Buffers' "Encoding" (length-delimited fields, varints).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote

import grpc  # type: ignore[import-untyped]  # grpcio ships no types

from ingress.errors import PublishRejected, PublishUnavailable
from ingress.recording.publisher import Message

logger = logging.getLogger(__name__)

# Tags of length-delimited fields: the field's number, then 2 in the low three bits.
_TOPIC_TAG: Final = b"\x0a"  # PublishRequest.topic = 1
_MESSAGE_TAG: Final = b"\x12"  # PublishRequest.messages = 2
_DATA_TAG: Final = b"\x0a"  # PubsubMessage.data = 1
_ATTRIBUTE_TAG: Final = b"\x12"  # PubsubMessage.attributes = 2: a map, entries of key 1, value 2
_ORDERING_KEY_TAG: Final = b"\x2a"  # PubsubMessage.ordering_key = 5
_MESSAGE_ID_TAG: Final = 0x0A  # PublishResponse.message_ids = 1
_HOST: Final = "pubsub.googleapis.com:443"
_SCOPES: Final = (
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/pubsub",
)
_METHOD: Final = "/google.pubsub.v1.Publisher/Publish"
_TOPIC = re.compile(r"projects/[^/]+/topics/[^/]+")
_RPC_SECONDS: Final = 10.0
_NEEDS_A_PERSON: Final = frozenset(
    {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED}
)
_CHANNEL_OPTIONS: Final = [
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 30_000),
]


class PubSubTransport:
    """Publishes to one topic. Used by one thread; ``close`` may be called from another.

    With ``ordered`` every message carries its writer as the ordering key. Pub/Sub then takes at
    most 1 MB/s per writer. Source: cloud.google.com/pubsub/quotas, "Publisher throughput per
    ordering key". The chain proves order and gaps without it.
    """

    def __init__(
        self,
        topic: str,
        *,
        emulator: str | None = None,
        ordered: bool = True,
        timeout_seconds: float = _RPC_SECONDS,
    ) -> None:
        """Prepare a channel: plaintext to ``emulator`` (host:port), else TLS to Google with the
        process's default credentials. No connection is made yet.

        Raises:
            ValueError: the topic is not ``projects/P/topics/T``.
            google.auth.exceptions.DefaultCredentialsError: no credentials, and no emulator.
        """  # noqa: D205 - one sentence
        if not _TOPIC.fullmatch(topic):
            raise ValueError("a topic is named projects/PROJECT/topics/TOPIC")
        self._topic = topic
        self._ordered = ordered
        self._timeout_seconds = timeout_seconds
        self._metadata = (("x-goog-request-params", f"topic={quote(topic, safe='')}"),)
        self._reported: grpc.StatusCode | None = None
        self._head = _field(_TOPIC_TAG, topic.encode())
        self._tails: dict[tuple[str, str], bytes] = {}
        self._channel = _channel(emulator)
        self._call: Callable[..., Any] = self._channel.unary_unary(
            _METHOD,
            request_serializer=None,  # bytes already
            response_deserializer=None,
        )

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish a batch; return when Pub/Sub has it.

        Raises:
            PublishUnavailable: not this time, for whatever reason but the content.
            PublishRejected: Pub/Sub says INVALID_ARGUMENT.
        """
        pieces = [self._head]
        for writer_id, kind, data, _ in messages:
            tail = self._tails.get((writer_id, kind)) or self._tail(writer_id, kind)
            start = _DATA_TAG + _varint(len(data))
            size = len(start) + len(data) + len(tail)
            pieces += (_MESSAGE_TAG, _varint(size), start, data, tail)
        request = b"".join(pieces)
        try:
            response = self._call(request, timeout=self._timeout_seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._translate(error) from error
        except ValueError as error:  # grpc's word for a closed channel
            raise PublishUnavailable("closed") from error
        if _count_message_ids(response) != len(messages):
            raise PublishUnavailable("partial")
        self._reported = None

    def _tail(self, writer_id: str, kind: str) -> bytes:
        """Return the fields that every message of a writer and kind has behind its data."""
        tail = b"".join(
            _field(_ATTRIBUTE_TAG, _field(b"\x0a", name) + _field(b"\x12", value.encode()))
            for name, value in ((b"writer_id", writer_id), (b"kind", kind))
        )
        if self._ordered:
            tail += _field(_ORDERING_KEY_TAG, writer_id.encode())
        self._tails[writer_id, kind] = tail
        return tail

    def _translate(self, error: grpc.RpcError) -> PublishRejected | PublishUnavailable:
        """Turn a status into ours; its details stay out, they may repeat what was sent."""
        status: grpc.StatusCode = error.code() or grpc.StatusCode.UNKNOWN
        if status is grpc.StatusCode.INVALID_ARGUMENT:
            return PublishRejected("Pub/Sub refused the batch: invalid_argument")
        if status in _NEEDS_A_PERSON and status is not self._reported:
            self._reported = status
            logger.error(
                "Pub/Sub topic not usable; trying again until it is",
                extra={"topic": self._topic, "status": status.name},
            )
        return PublishUnavailable(status.name.lower())

    def close(self) -> None:
        """Close the channel; a call under way ends with PublishUnavailable."""
        self._channel.close()


def _channel(emulator: str | None) -> grpc.Channel:
    if emulator is not None:
        return grpc.insecure_channel(emulator, options=_CHANNEL_OPTIONS)
    # Here, because it holds 7 MB that an emulator does not need.
    from google.api_core import grpc_helpers

    return grpc_helpers.create_channel(_HOST, default_scopes=_SCOPES, options=_CHANNEL_OPTIONS)


def _field(tag: bytes, value: bytes) -> bytes:
    """Return a length-delimited field."""
    return tag + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _count_message_ids(response: bytes) -> int:
    """Return how many messages the broker says it took; -1 if it says anything else."""
    count = at = 0
    while at < len(response):
        if response[at] != _MESSAGE_ID_TAG:
            return -1
        at += 1
        size = shift = 0
        while at < len(response):
            size |= (response[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not response[at - 1] & 0x80:
                break
        at += size
        count += 1
    return count if at == len(response) else -1
