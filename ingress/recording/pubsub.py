"""The way to Pub/Sub: one plain gRPC call per batch.

The high-level client costs about 100 us per message (futures, its own batching, proto-plus
wrappers). The journal has batched already, so this makes the raw call, and writes its request by
hand: a message is its data and a few bytes that are the same for all of a writer's. Google's
address and credentials come from the library's own transport.

Source: google/pubsub/v1/pubsub.proto, PublishRequest and PubsubMessage; Protocol Buffers'
"Encoding" (length-delimited fields, varints).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from google.pubsub_v1.services.publisher.transports.grpc import PublisherGrpcTransport
from google.pubsub_v1.types import PublishResponse, PubsubMessage

from ingress.errors import PublishRejected, PublishUnavailable
from ingress.recording.publisher import Message

logger = logging.getLogger(__name__)

_TOPIC_FIELD: Final = 1  # PublishRequest.topic
_MESSAGE_TAG: Final = b"\x12"  # PublishRequest.messages = 2, length-delimited
_DATA_TAG: Final = b"\x0a"  # PubsubMessage.data = 1, length-delimited
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
        self._head = _field(_TOPIC_FIELD, topic.encode())
        self._tails: dict[tuple[str, str], bytes] = {}
        self._channel = _channel(emulator)
        self._call: Callable[..., Any] = self._channel.unary_unary(
            _METHOD,
            request_serializer=None,  # bytes already
            response_deserializer=PublishResponse.meta.pb.FromString,
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
        if len(response.message_ids) != len(messages):
            raise PublishUnavailable("partial")
        self._reported = None

    def _tail(self, writer_id: str, kind: str) -> bytes:
        """Return the fields that every message of a writer and kind has behind its data."""
        key = writer_id if self._ordered else ""
        attributes = {"writer_id": writer_id, "kind": kind}
        message = PubsubMessage.meta.pb(ordering_key=key, attributes=attributes)
        tail: bytes = message.SerializeToString()
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
    return PublisherGrpcTransport.create_channel(
        PublisherGrpcTransport.DEFAULT_HOST, options=_CHANNEL_OPTIONS
    )


def _field(number: int, value: bytes) -> bytes:
    """Return a length-delimited field."""
    return bytes((number << 3 | 2,)) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
