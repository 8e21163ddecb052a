"""The path of an event: read, decode, verify, enrich, route, load; docs/event.md tells the same.

Every step that can refuse has one exit; all exits lead to one place, ``audit.dead_letters``.
"""

# mypy: disable-error-code="no-untyped-call"
# Beam leaves most of its calls unannotated.

from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipeline import steps
from pipeline.batch import Batch
from pipeline.options import Places


def build(messages: PCollection[Batch], places: Places) -> None:
    """Put the path behind batches of ``Incoming`` messages (see ``pipeline.read``)."""
    # First: nothing can be said about bytes that nobody has read.
    decoded = messages | "DecodeEvent" >> _step(steps.DecodeEvent())

    # Before anything is looked up or written: a forged record must not cost more than its hash.
    verified = decoded.ok | "VerifyEvent" >> _step(steps.VerifyEvent(places))

    # Before routing, so that all rows of an event say the same.
    enriched = verified.ok | "EnrichEvent" >> _step(steps.EnrichEvent(places))

    # All rows of an event are made before one leaves: an event is loaded whole or refused whole.
    routed = enriched.ok | "RouteEvent" >> _step(steps.RouteEvent())

    # Last: the rows are durable when this returns, and only then may a message be acknowledged.
    unloaded = routed.ok | "LoadRows" >> beam.ParDo(steps.LoadRows(places))

    exits = (decoded.refused, verified.refused, enriched.refused, routed.refused, unloaded)
    (
        exits
        | "DeadLetters" >> beam.Flatten()
        | "KeepMessage" >> beam.ParDo(steps.KeepMessage(places))
        | "EncodeDeadLetter" >> beam.ParDo(steps.EncodeDeadLetter())
        | "LoadDeadLetters" >> beam.ParDo(steps.LoadDeadLetters(places))
    )


def _step(step: beam.DoFn) -> Any:
    return beam.ParDo(step).with_output_types(Batch).with_outputs(steps.REFUSED, main="ok")
