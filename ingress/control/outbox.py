"""Keep an event beside the change that it tells, until a running gateway has recorded it.

A change of the control state and its event are one transaction, so whoever makes the change (an
API call, the command line with no gateway running) leaves no gap in the audit trail. A gateway
claims what waits, makes it durable in its journal, then settles it. One that dies in between
leaves it to the next: the event's id was given here, so a second copy is the same event.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine, delete, or_, select, update
from sqlalchemy.orm import Session

from ingress.control.models import ControlEventRow
from ingress.ids import derived_id

# A claim that was not settled in this time is free again: its gateway has died.
_CLAIM: Final = timedelta(seconds=30)
# Events that one look takes at most.
_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """An event that waits: who did what, and what else its record says."""

    event_id: str
    event_type: str
    occurred_at: datetime
    actor: dict[str, Any]
    facts: dict[str, Any]


def add(  # noqa: PLR0913, PLR0917  (one event's facts)
    session: Session,
    event_type: str,
    subject_id: str,
    actor: dict[str, Any],
    facts: dict[str, Any],
    now: datetime,
) -> None:
    """Add the event of a change to its transaction; ``subject_id`` may undergo it only once."""
    session.add(
        ControlEventRow(
            event_id=derived_id(f"{event_type}\0{subject_id}"),
            event_type=event_type,
            occurred_at=now,
            actor=actor,
            facts=facts,
            claimed_at=None,
        )
    )


def claim(engine: Engine, now: datetime) -> list[ControlEvent]:
    """Return the events that wait, oldest first; nobody else gets them for half a minute."""
    free = or_(ControlEventRow.claimed_at.is_(None), ControlEventRow.claimed_at < now - _CLAIM)
    with Session(engine) as session:
        if session.scalar(select(ControlEventRow.event_id).where(free).limit(1)) is None:
            return []
        oldest = (
            select(ControlEventRow.event_id)
            .where(free)
            .order_by(ControlEventRow.occurred_at, ControlEventRow.event_id)
            .limit(_BATCH)
            # On PostgreSQL: two gateways that look at once take different ones.
            .with_for_update(skip_locked=True)
        )
        claimed = session.scalars(
            update(ControlEventRow)
            .where(ControlEventRow.event_id.in_(oldest), free)
            .values(claimed_at=now)
            .returning(ControlEventRow)
        ).all()
        found = [
            ControlEvent(row.event_id, row.event_type, row.occurred_at, row.actor, row.facts)
            for row in claimed
        ]
        session.commit()
    return sorted(found, key=lambda event: (event.occurred_at, event.event_id))


def settle(engine: Engine, event_id: str) -> None:
    """Remove an event that is durable in a journal."""
    with engine.begin() as connection:
        connection.execute(delete(ControlEventRow).where(ControlEventRow.event_id == event_id))


def release(engine: Engine, event_ids: list[str]) -> None:
    """Give up the claim of events that could not be recorded."""
    with engine.begin() as connection:
        connection.execute(
            update(ControlEventRow)
            .where(ControlEventRow.event_id.in_(event_ids))
            .values(claimed_at=None)
        )
