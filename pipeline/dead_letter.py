"""Describe what a step refused: where, why, and where the message lies, not what it says. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.decode import Decoded, Event, Incoming
from pipeline.errors import RefusedError

# The longest reason that the table takes.
REASON_CHARACTERS_MAX = 1024


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refusal. ``kept_in`` is set once the message lies there."""

    incoming: Incoming
    stage: str
    reason_code: str
    reason: str
    event_type: str | None = None
    event: Event | None = None
    kept_in: str | None = None


def refused(
    stage: str, error: RefusedError, incoming: Incoming, event: Decoded | None = None
) -> DeadLetter:
    """Return the dead letter of a message that a step refused."""
    decoded = event if isinstance(event, Event) else None
    event_type = error.event_type if decoded is None else decoded.fields.event_type
    return DeadLetter(incoming, stage, error.reason_code, error.reason, event_type, decoded)


def broken(
    stage: str, error: Exception, incoming: Incoming, event: Decoded | None = None
) -> DeadLetter:
    """Return the dead letter of a message over which a step itself broke."""
    kind = RefusedError("internal_error", f"the step raised {type(error).__name__}")
    return refused(stage, kind, incoming, event)


def dead_letter_row(letter: DeadLetter, refused_at: datetime) -> dict[str, Any]:
    """Return the row of ``audit.dead_letters_v1``."""
    incoming = letter.incoming
    identity = f"{incoming.message_id}\n{letter.stage}\n{letter.reason_code}"
    fields = letter.event.fields if letter.event is not None else None
    return {
        "dead_letter_id": hashlib.sha256(identity.encode()).hexdigest(),
        "published_at": incoming.published_at,
        "refused_at": refused_at,
        "stage": letter.stage,
        "reason_code": letter.reason_code,
        "reason": letter.reason[:REASON_CHARACTERS_MAX],
        "message_id": incoming.message_id,
        "message_bytes": len(incoming.data),
        "message_hash": hashlib.sha256(incoming.data).hexdigest(),
        "event_id": None if fields is None else fields.event_id,
        "event_type": letter.event_type,
        "writer_id": None if fields is None else fields.writer_id,
        "sequence": None if fields is None else fields.sequence,
        "kept_in": letter.kept_in or "nowhere",
    }
