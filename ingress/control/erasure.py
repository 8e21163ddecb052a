"""Destroy a principal's content keys in the control database, in steps that a crash may part.

Retired: no gateway seals under the keys any more, but they still open. Erased: the wrapped
keysets are overwritten, and the event waits in the outbox. Done: the warehouse holds no copy.
Whoever finds an erasure that is not done takes it from where it stands. A hold that is placed
before the keys are destroyed stops it; the check and the destruction are one transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from ingress.control import outbox, store
from ingress.control.holds import open_hold_ids
from ingress.control.models import ContentKeyRow, ErasureRow
from ingress.identity.keys import Account
from ingress.ids import new_id, timestamp

# Time for running gateways to let go of keys that they have at hand; they look every second
# (``ingress.forgetting``).
GRACE_SECONDS: Final = 3.0

State = Literal["retired", "erased", "done", "refused"]


class Person(NamedTuple):
    """Whose texts an erasure is about: the account and its pseudonym."""

    principal_id: str
    account: Account


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure of one principal's texts."""

    erasure_id: str
    state: str
    principal_id: str
    holder: dict[str, Any]
    reason: str
    key_ids: tuple[str, ...]
    requested_at: datetime
    finished_at: datetime | None


class Erasures:
    """The erasures of one control database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(
        self,
        people: Sequence[Person],
        reason: str,
        by: Account,
        now: datetime,
        judged: frozenset[str],
    ) -> list[Erasure] | None:
        """Take the keys of these principals out of use.

        ``judged`` are the open holds that were found not to stand against it. None: there are
        others by now, and nothing was changed.
        """
        with Session(self._engine) as session:
            rows = [_row("retired", each, reason, by, now) for each in people]
            session.add_all(rows)
            session.flush()  # a write first: on SQLite no hold can be placed from here on
            if open_hold_ids(session) != judged:
                session.rollback()
                return None
            for row in rows:
                mine = (
                    ContentKeyRow.principal_id == row.principal_id,
                    ContentKeyRow.erased_at.is_(None),
                )
                session.execute(
                    update(ContentKeyRow)
                    .where(*mine, ContentKeyRow.retired_at.is_(None))
                    .values(retired_at=now)
                )
                # Of the retired ones: on PostgreSQL a gateway may make a new key just now.
                retired = ContentKeyRow.retired_at.is_not(None)
                row.key_ids = sorted(
                    session.scalars(select(ContentKeyRow.key_id).where(*mine, retired))
                )
            session.commit()
            return [_erasure(row) for row in rows]

    def refuse(
        self,
        people: Sequence[Person],
        reason: str,
        by: Account,
        now: datetime,
        hold_ids: Iterable[str],
    ) -> None:
        """Record that legal holds stood against an erasure that had not begun."""
        with Session(self._engine) as session:
            for each in people:
                row = _row("refused", each, reason, by, now)
                row.finished_at = now
                session.add(row)
                _tell_refused(session, row, hold_ids, now)
            session.commit()

    def stop(self, erasure_ids: Sequence[str], now: datetime, hold_ids: Iterable[str]) -> None:
        """Record that a legal hold came before the keys were destroyed: they open as before."""
        with Session(self._engine) as session:
            for row in _locked(session, erasure_ids, "retired"):
                row.state, row.finished_at = "refused", now
                _tell_refused(session, row, hold_ids, now)
            session.commit()

    def destroy(self, erasure_ids: Sequence[str], now: datetime, judged: frozenset[str]) -> bool:
        """Overwrite the keys of all, with events, unless holds were placed since ``judged``.

        Returns False if they were: nothing was destroyed. An erasure that is past this stays so.
        """
        with Session(self._engine) as session:
            rows = _locked(session, erasure_ids, "retired")
            if rows and open_hold_ids(session) != judged:
                session.rollback()
                return False
            for row in rows:
                session.execute(
                    update(ContentKeyRow)
                    .where(ContentKeyRow.key_id.in_(row.key_ids))
                    .values(wrapped_keyset=b"", erased_at=now)
                )
                row.state = "erased"
                facts = _facts(row) | {"content_key_ids": row.key_ids}
                outbox.add(session, "content.erased", row.erasure_id, row.actor, facts, now)
            session.commit()
            return True

    def finish(self, erasure_ids: Sequence[str], now: datetime) -> None:
        """Note that the warehouse holds no copy of the keys."""
        with Session(self._engine) as session:
            for row in _locked(session, erasure_ids, "erased"):
                row.state, row.finished_at = "done", now
            session.commit()

    def scrub(self) -> bool:
        """Let the database itself forget the keys; False: a reader was in the way."""
        return store.scrub(self._engine)

    def unfinished(self) -> list[Erasure]:
        """Return the erasures that were begun and are not over, oldest first."""
        return self._list(ErasureRow.state.in_(("retired", "erased")))

    def done_since(self, at: datetime) -> list[Erasure]:
        """Return the erasures that were finished since a time, oldest first."""
        return self._list((ErasureRow.state == "done") & (ErasureRow.finished_at >= at))

    def of(self, principal_ids: Sequence[str]) -> list[Erasure]:
        """Return every erasure of these principals, oldest first."""
        return self._list(ErasureRow.principal_id.in_(principal_ids))

    def erased_key_ids(self) -> list[str]:
        """Return the ids of all keys that were ever destroyed."""
        wanted = select(ContentKeyRow.key_id).where(ContentKeyRow.erased_at.is_not(None))
        with Session(self._engine) as session:
            return list(session.scalars(wanted))

    def key_counts(self, principal_ids: Sequence[str]) -> dict[str, int]:
        """Return how many keys of each principal still open; one that has none is left out."""
        wanted = select(ContentKeyRow.principal_id).where(
            ContentKeyRow.principal_id.in_(principal_ids), ContentKeyRow.erased_at.is_(None)
        )
        counts: dict[str, int] = {}
        with Session(self._engine) as session:
            for principal_id in session.scalars(wanted):
                counts[principal_id] = counts.get(principal_id, 0) + 1
        return counts

    def _list(self, condition: Any) -> list[Erasure]:
        wanted = select(ErasureRow).where(condition)
        with Session(self._engine) as session:
            rows = session.scalars(wanted.order_by(ErasureRow.requested_at, ErasureRow.erasure_id))
            return [_erasure(row) for row in rows]


def _row(state: State, person: Person, reason: str, by: Account, now: datetime) -> ErasureRow:
    return ErasureRow(
        erasure_id=new_id(),
        state=state,
        principal_id=person.principal_id,
        holder=asdict(person.account),
        actor=asdict(by),
        reason=reason,
        key_ids=[],
        requested_at=now,
        finished_at=None,
    )


def _locked(session: Session, erasure_ids: Sequence[str], state: State) -> Sequence[ErasureRow]:
    """Return erasures in a state, after a write: nobody else takes them on meanwhile.

    On SQLite it keeps every other writer out, on PostgreSQL those who want the same erasures.
    """
    mine = (ErasureRow.erasure_id.in_(erasure_ids), ErasureRow.state == state)
    session.execute(update(ErasureRow).where(*mine).values(state=state))
    return session.scalars(select(ErasureRow).where(*mine)).all()


def _tell_refused(
    session: Session, row: ErasureRow, hold_ids: Iterable[str], now: datetime
) -> None:
    facts = _facts(row) | {"refusal_code": "refused_hold", "hold_ids": sorted(hold_ids)}
    outbox.add(session, "erasure.refused", row.erasure_id, row.actor, facts, now)


def _facts(row: ErasureRow) -> dict[str, Any]:
    return {
        "erasure_id": row.erasure_id,
        "holder": row.holder,
        "reason": row.reason,
        "requested_at": timestamp(row.requested_at),
    }


def _erasure(row: ErasureRow) -> Erasure:
    return Erasure(
        erasure_id=row.erasure_id,
        state=row.state,
        principal_id=row.principal_id,
        holder=dict(row.holder),
        reason=row.reason,
        key_ids=tuple(row.key_ids),
        requested_at=row.requested_at,
        finished_at=row.finished_at,
    )
