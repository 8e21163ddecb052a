"""Add to an event what only the pipeline knows. Pure; the time comes in as an argument.

Today that is when its rows were written. The directory, owners of repositories and model prices
join here: after verification, so that nothing is looked up for a record that is not ours, and
before routing, so that every table of an event gets the same answer.
"""

from dataclasses import dataclass
from datetime import datetime

from pipeline.decode import Decoded


@dataclass(frozen=True, slots=True)
class Enriched:
    """An event and what the pipeline knows about it."""

    event: Decoded
    loaded_at: datetime


def enrich(event: Decoded, loaded_at: datetime) -> Enriched:
    """Return the event with the time at which its rows are written."""
    return Enriched(event, loaded_at)
