"""Place, release and list legal holds: in the control database, each with its event."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ingress.control import outbox
from ingress.control.models import LegalHoldRow
from ingress.identity.keys import Account
from ingress.ids import new_id, timestamp

# Member of a scope -> field of the events.
_FIELDS: Final = {
    "principal_ids": "held_principal_ids",
    "session_ids": "held_session_ids",
    "repositories": "held_repositories",
    "begin": "held_from",
    "end": "held_to",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a hold keeps: rows that match every criterion given, any value of each."""

    principal_ids: tuple[str, ...] = ()
    session_ids: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    begin: datetime | None = None
    end: datetime | None = None

    def facts(self) -> dict[str, Any]:
        """Return what is given, as JSON knows it."""
        return {
            name: timestamp(value) if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
            if value
        }


@dataclass(frozen=True, slots=True)
class Hold:
    """One legal hold; open until ``released_at``."""

    hold_id: str
    name: str
    reason: str
    scope: Scope
    placed_at: datetime
    released_at: datetime | None


class Holds:
    """The legal holds of one control database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def place(
        self, name: str, reason: str, scope: Scope, by: Account, now: datetime
    ) -> Hold | None:
        """Place a hold, which counts from its commit on; None: an open one has this name."""
        row = LegalHoldRow(
            hold_id=new_id(),
            name=name,
            reason=reason,
            scope=scope.facts(),
            placed_at=now,
            released_at=None,
        )
        try:
            with Session(self._engine) as session:
                session.add(row)
                session.flush()
                _tell(session, "legal_hold.placed", row, reason, by, now)
                session.commit()
                return _hold(row)
        except IntegrityError:
            return None

    def release(self, name: str, reason: str, by: Account, now: datetime) -> Hold | None:
        """Release the open hold of this name; None: there is none."""
        open_one = select(LegalHoldRow).where(
            LegalHoldRow.name == name, LegalHoldRow.released_at.is_(None)
        )
        with Session(self._engine) as session:
            row = session.scalar(open_one.with_for_update())
            if row is None:
                return None
            row.released_at = now
            _tell(session, "legal_hold.released", row, reason, by, now)
            session.commit()
            return _hold(row)

    def list(self, *, released: bool = False) -> list[Hold]:
        """Return the open holds, oldest first; with ``released`` the past ones too."""
        wanted = select(LegalHoldRow).order_by(LegalHoldRow.placed_at, LegalHoldRow.hold_id)
        if not released:
            wanted = wanted.where(LegalHoldRow.released_at.is_(None))
        with Session(self._engine) as session:
            return [_hold(row) for row in session.scalars(wanted)]


def open_hold_ids(session: Session) -> frozenset[str]:
    """Return the ids of the open holds; until the transaction ends, nobody changes any.

    On SQLite the transaction must have written: that keeps every other writer out.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE legal_holds IN SHARE MODE"))
    wanted = select(LegalHoldRow.hold_id).where(LegalHoldRow.released_at.is_(None))
    return frozenset(session.scalars(wanted))


def _tell(  # noqa: PLR0913, PLR0917  (one event's facts)
    session: Session, event_type: str, row: LegalHoldRow, reason: str, by: Account, now: datetime
) -> None:
    facts: dict[str, Any] = {_FIELDS[name]: value for name, value in row.scope.items()}
    facts |= {
        "hold_id": row.hold_id,
        "hold_name": row.name,
        "reason": reason,
        "placed_at": timestamp(row.placed_at),
    }
    outbox.add(session, event_type, row.hold_id, asdict(by), facts, now)


def _hold(row: LegalHoldRow) -> Hold:
    return Hold(
        hold_id=row.hold_id,
        name=row.name,
        reason=row.reason,
        scope=_scope(row.scope),
        placed_at=row.placed_at,
        released_at=row.released_at,
    )


def _scope(stored: dict[str, Any]) -> Scope:
    values: dict[str, Any] = {}
    for name, value in stored.items():
        values[name] = datetime.fromisoformat(value) if isinstance(value, str) else tuple(value)
    return Scope(**values)
