"""Read messages: from Pub/Sub as a stream, or from a batch that the driver holds in memory."""

# mypy: disable-error-code="no-untyped-call"
# Beam leaves most of its calls unannotated.

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage, ReadFromPubSub
from apache_beam.pvalue import PBegin, PCollection

from pipeline.decode import Incoming

# Batches that the driver holds, by a number that the graph can carry. Handing the messages
# themselves to the graph would pickle each of them twice.
_BATCHES: Final[dict[int, Sequence[Incoming]]] = {}
_NUMBERS: Final = itertools.count()
_LOCK: Final = threading.Lock()


@contextmanager
def held(messages: Sequence[Incoming]) -> Iterator[int]:
    """Hold a batch for the graph that runs in this process; yield its number."""
    with _LOCK:
        number = next(_NUMBERS)
        _BATCHES[number] = messages
    try:
        yield number
    finally:
        del _BATCHES[number]


class ReadHeld(beam.PTransform[PBegin, PCollection[Incoming]]):
    """Read a held batch."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def expand(self, begin: PBegin) -> PCollection[Incoming]:
        """Return the batch's messages."""
        messages: PCollection[Incoming] = begin | beam.Impulse() | beam.ParDo(_Take(self._number))
        return messages


class ReadSubscription(beam.PTransform[PBegin, PCollection[Incoming]]):
    """Read a subscription as a stream; the runner acknowledges."""

    def __init__(self, subscription: str) -> None:
        super().__init__()
        self._subscription = subscription

    def expand(self, begin: PBegin) -> PCollection[Incoming]:
        """Return the subscription's messages."""
        read = ReadFromPubSub(subscription=self._subscription, with_attributes=True)
        messages: PCollection[Incoming] = begin | read | beam.Map(_incoming)
        return messages


class _Take(beam.DoFn):
    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def process(self, _: bytes) -> Sequence[Incoming]:
        return _BATCHES[self._number]


def _incoming(message: PubsubMessage) -> Incoming:
    return Incoming(message.data, message.message_id, message.publish_time)
