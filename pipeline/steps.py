"""Wrap the pure step functions for Beam: one way on, one exit for what they refuse.

A step's own failure is a refusal too: one message that breaks it must not stop the rest. What the
warehouse or Pub/Sub does not take is no refusal: it fails the bundle, which the runner tries anew.
"""

# mypy: disable-error-code="no-untyped-call"
# Beam leaves most of its calls unannotated.

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import apache_beam as beam
import msgspec
from apache_beam.metrics.metric import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue
from google.api_core import exceptions
from google.pubsub_v1 import PubsubMessage

from pipeline import connections
from pipeline.batch import Batch
from pipeline.dead_letter import DeadLetter, broken, dead_letter_row, refused
from pipeline.decode import Decoded, Event, Incoming, decode
from pipeline.enrich import Enriched, enrich
from pipeline.errors import RefusedError, WarehouseError
from pipeline.options import Places
from pipeline.rows import rows
from pipeline.verify import verify
from pipeline.write import BATCH_BYTES_MAX, Target

REFUSED: Final = "refused"

# Namespace of the counters that a runner shows.
METRICS: Final = "pipeline"

# Longest time to hand one refused message to the dead-letter topic.
_PUBLISH_SECONDS: Final = 15.0


class EncodedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event's rows as the Storage Write API takes them, each with its table's id."""

    rows: tuple[tuple[str, bytes], ...]
    event: Decoded


class _Step(beam.DoFn):
    """Run one step over a batch; send what it refuses, or breaks over, to the exit."""

    stage = ""

    def run(self, element: Any, exits: list[DeadLetter]) -> Any:
        """Return what goes on; ``exits`` takes what is told beside it."""
        raise NotImplementedError

    def process(self, batch: Batch) -> Iterator[Any]:
        """Yield what goes on as one batch, and each dead letter at the exit."""
        run, done, exits = self.run, Batch(), list[DeadLetter]()
        for element in batch:
            try:
                done.append(run(element, exits))
            except RefusedError as error:
                exits.append(refused(self.stage, error, *_origin(element)))
            except Exception as error:  # noqa: BLE001  boundary: one message must not stop the rest
                exits.append(broken(self.stage, error, *_origin(element)))
        if done:
            yield done
        for letter in exits:
            yield beam.pvalue.TaggedOutput(REFUSED, letter)


class DecodeEvent(_Step):
    """Message bytes to an event."""

    stage = "decode"

    def run(self, element: Incoming, _: list[DeadLetter]) -> Decoded:
        """Decode one message."""
        return decode(element)


class VerifyEvent(_Step):
    """Hashes and, where one process sees whole chains, links."""

    stage = "verify"

    def __init__(self, places: Places) -> None:
        super().__init__()
        self._watch_chain = places.watch_chain

    def run(self, element: Decoded, exits: list[DeadLetter]) -> Decoded:
        """Verify one event; a gap before it is told beside it."""
        verify(element)
        if self._watch_chain and isinstance(element, Event) and not _follows(element):
            gap = RefusedError("chain_gap", "the record does not follow its writer's previous one")
            letter = refused(self.stage, gap, element.incoming, element)
            exits.append(replace(letter, kept_in="audit.events_v1"))
        return element


class EnrichEvent(_Step):
    """What only the pipeline knows; sources are looked at anew between bundles."""

    stage = "enrich"

    def __init__(self, places: Places) -> None:
        super().__init__()
        self._sources = places.sources
        self._missing: dict[str, int] = {}

    def start_bundle(self) -> None:
        """Take the sources as they are now.

        Raises:
            SourceError: a source was never readable; the bundle waits for it.
        """
        self._missing = {}
        self._knowledge = connections.known(self._sources).knowledge()

    def run(self, element: Decoded, _: list[DeadLetter]) -> Enriched:
        """Enrich one event."""
        enriched = enrich(element, self._loaded_at, self._knowledge)
        for source in enriched.missing:
            self._missing[source] = self._missing.get(source, 0) + 1
        return enriched

    def process(self, batch: Batch) -> Iterator[Any]:
        """Yield what goes on; a batch has one time of loading."""
        self._loaded_at = datetime.now(UTC)
        return super().process(batch)

    def finish_bundle(self) -> None:
        """Count what no source knew, and bundles that had to do with an older file."""
        for source, count in self._missing.items():
            Metrics.counter(METRICS, missing_metric(source)).inc(count)
        for source in connections.known(self._sources).refused:
            Metrics.counter(METRICS, f"enrichment.{source}.refused.count").inc()


class RouteEvent(_Step):
    """An event to its encoded rows; one row that does not fit refuses the whole event."""

    stage = "route"

    def run(self, element: Enriched, _: list[DeadLetter]) -> EncodedEvent:
        """Return the event's rows once all of them are encoded."""
        encoders = connections.encoders()
        encoded = tuple([(table, encoders[table].encode(row)) for table, row in rows(element)])
        return EncodedEvent(encoded, element.event)


class KeepMessage(beam.DoFn):
    """Hand the refused message, whole, to the dead-letter topic before anyone acknowledges it."""

    def __init__(self, places: Places) -> None:
        super().__init__()
        self._places = places

    def process(self, letter: DeadLetter) -> Iterator[DeadLetter]:
        """Publish one message and yield its letter with the place."""
        topic = self._places.dead_letter_topic
        if topic is None or letter.kept_in is not None:
            yield letter
            return
        incoming = letter.incoming
        message = PubsubMessage(
            data=incoming.data,
            attributes={
                "message_id": incoming.message_id,
                "published_at": incoming.published_at.isoformat(),
                "stage": letter.stage,
                "reason_code": letter.reason_code,
            },
        )
        try:
            connections.publisher(self._places.pubsub_address).publish(
                topic=topic, messages=[message], timeout=_PUBLISH_SECONDS, retry=None
            )
        except exceptions.GoogleAPICallError as error:
            raise WarehouseError(
                f"the dead-letter topic took no message: {type(error).__name__}"
            ) from None
        yield replace(letter, kept_in=topic)


class EncodeDeadLetter(beam.DoFn):
    """A dead letter to its encoded row."""

    def process(self, letter: DeadLetter) -> Iterator[tuple[str, bytes]]:
        """Encode one letter."""
        table = "audit.dead_letters_v1"
        row = dead_letter_row(letter, datetime.now(UTC))
        yield table, connections.encoders()[table].encode(row)


class _Load(beam.DoFn):
    """Collect a bundle's rows by table and append them in as few requests as fit."""

    def __init__(self, places: Places) -> None:
        super().__init__()
        self._places = places
        self._rows: dict[str, list[tuple[bytes, Decoded | None]]] = {}
        self._size_bytes = 0

    def start_bundle(self) -> None:
        """Begin with nothing: a bundle that failed left rows behind."""
        self._rows = defaultdict(list)
        self._size_bytes = 0

    def collect(self, table: str, row: bytes, event: Decoded | None = None) -> None:
        """Keep a row."""
        self._rows[table].append((row, event))
        self._size_bytes += len(row)

    def is_full(self) -> bool:
        """Say whether it is time to append."""
        return self._size_bytes >= BATCH_BYTES_MAX

    def append(self) -> Iterator[tuple[str, Decoded | None, str]]:
        """Append what was collected; yield table, event and reason code of each refused row."""
        pending, self._rows, self._size_bytes = self._rows, defaultdict(list), 0
        writer = connections.writer(self._places.storage_address)
        for table, collected in pending.items():
            dataset, name = table.split(".")
            path = f"projects/{self._places.project}/datasets/{dataset}/tables/{name}"
            target = Target(path, connections.encoders()[table])
            errors = writer.append(target, [row for row, _ in collected])
            Metrics.counter(METRICS, f"{table}.row.count").inc(len(collected) - len(errors))
            for error in errors:
                yield table, collected[error.index][1], error.reason_code


class LoadRows(_Load):
    """Append rows; what the warehouse refuses leaves as a dead letter."""

    def process(self, batch: Batch) -> Iterator[DeadLetter]:
        """Take the rows of some events."""
        for encoded in batch:
            for table, row in encoded.rows:
                self.collect(table, row, encoded.event)
            if self.is_full():
                yield from self._letters()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Append the rest."""
        for letter in self._letters():
            yield WindowedValue(letter, MIN_TIMESTAMP, (GlobalWindow(),))

    def _letters(self) -> Iterator[DeadLetter]:
        for table, event, code in self.append():
            if event is not None:
                error = RefusedError(code, f"{table} refused a row")
                yield refused("load", error, event.incoming, event)


class LoadDeadLetters(_Load):
    """Append dead letters; there is no further exit, so a refusal here fails the batch."""

    def process(self, row: tuple[str, bytes]) -> None:
        """Take one row."""
        table, data = row
        self.collect(table, data)
        if self.is_full():
            self._all_or_fail()

    def finish_bundle(self) -> None:
        """Append the rest."""
        self._all_or_fail()

    def _all_or_fail(self) -> None:
        if any(self.append()):
            raise WarehouseError("BigQuery refuses a dead letter")


def missing_metric(source: str) -> str:
    """Return the name of the counter of answers that a source did not have."""
    return f"enrichment.{source}.missing.count"


def _follows(event: Event) -> bool:
    fields = event.fields
    return connections.chain_watch().check(
        fields.writer_id, fields.sequence, fields.previous_hash, event.record_hash
    )


def _origin(element: Any) -> tuple[Incoming, Decoded | None]:
    if isinstance(element, Incoming):
        return element, None
    event = element.event if isinstance(element, Enriched) else element
    return event.incoming, event
