"""Read messages: from Pub/Sub as a stream, or what the driver holds in memory."""

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

from pipeline.batch import BATCH_MESSAGES, Batch, Gather
from pipeline.decode import Incoming

# Messages that the driver holds, by a number that the graph can carry. Handing the messages
# themselves to the graph would pickle each of them twice.
_HELD: Final[dict[int, Sequence[Incoming]]] = {}
_NUMBERS: Final = itertools.count()
_LOCK: Final = threading.Lock()


@contextmanager
def held(messages: Sequence[Incoming]) -> Iterator[int]:
    """Hold messages for the graph that runs in this process; yield their number."""
    with _LOCK:
        number = next(_NUMBERS)
        _HELD[number] = messages
    try:
        yield number
    finally:
        del _HELD[number]


class ReadHeld(beam.PTransform[PBegin, PCollection[Batch]]):
    """Read what is held."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def expand(self, begin: PBegin) -> PCollection[Batch]:
        """Return what is held, in batches."""
        take = beam.ParDo(_Take(self._number)).with_output_types(Batch)
        batches: PCollection[Batch] = begin | beam.Impulse() | take
        return batches


class ReadSubscription(beam.PTransform[PBegin, PCollection[Batch]]):
    """Read a subscription as a stream; the runner acknowledges."""

    def __init__(self, subscription: str) -> None:
        super().__init__()
        self._subscription = subscription

    def expand(self, begin: PBegin) -> PCollection[Batch]:
        """Return the subscription's messages, in batches."""
        read = ReadFromPubSub(subscription=self._subscription, with_attributes=True)
        gather = beam.ParDo(Gather()).with_output_types(Batch)
        batches: PCollection[Batch] = begin | read | beam.Map(_incoming) | gather
        return batches


class _Take(beam.DoFn):
    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def process(self, _: bytes) -> Iterator[Batch]:
        messages = _HELD[self._number]
        for start in range(0, len(messages), BATCH_MESSAGES):
            yield Batch(messages[start : start + BATCH_MESSAGES])


def _incoming(message: PubsubMessage) -> Incoming:
    return Incoming(message.data, message.message_id, message.publish_time)
