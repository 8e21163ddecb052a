"""Record that somebody opens recorded texts, before they are shown: no record, no text.

The event waits in the control database until a running gateway has put it into its journal
(``ingress.control.outbox``), so a reading with no gateway at hand is recorded as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ingress.control import outbox
from ingress.identity.keys import Account
from ingress.ids import new_id
from schemas.viewing import VIEWED_MAX
from tailnumber.control import open_state
from tailnumber.errors import CommandError
from tailnumber.stack.layout import Layout

# Longest reason that a record takes.
REASON_CHARACTERS_MAX: Final = 1024
_IDS: Final = ("session_id", "interaction_id", "part_id", "principal_id")


def checked_reason(reason: str | None) -> str:
    """Return the reason for a reading as a record carries it.

    Raises:
        CommandError: there is none, or it is too long.
    """
    reason = " ".join((reason or "").split())
    if not reason:
        raise CommandError(
            'Opened texts are recorded with who read them and why; say it: --reason "…"'
        )
    if len(reason) > REASON_CHARACTERS_MAX:
        raise CommandError(f"A reason has at most {REASON_CHARACTERS_MAX:,} characters.")
    return reason


def note_view(
    layout: Layout, reader: Account, command: str, reason: str, opened: Iterable[Mapping[str, Any]]
) -> None:
    """Leave the event of a reading; return once it is durable.

    Args:
        layout: whose texts they are.
        reader: who reads.
        command: what opens them, such as ``search``.
        reason: as ``checked_reason`` gives it.
        opened: the texts, each with what is known of its ``session_id``, ``interaction_id``,
            ``part_id`` and ``principal_id``.

    Raises:
        CommandError: it cannot be recorded; nothing may be shown.
    """
    viewed = _viewed(opened)
    now = datetime.now(UTC)
    try:
        engine = open_state(layout)
        try:
            with Session(engine) as session:
                for facts in viewed:
                    told = {"command": command, "reason": reason, **facts}
                    outbox.add(session, "record.viewed", new_id(), asdict(reader), told, now)
                session.commit()
        finally:
            engine.dispose()
    except (SQLAlchemyError, OSError) as error:
        raise CommandError(
            f"This reading cannot be recorded ({type(error).__name__}), so nothing is shown; "
            "see: tailnumber doctor"
        ) from error


def _viewed(opened: Iterable[Mapping[str, Any]]) -> list[dict[str, list[str]]]:
    """Return the ids by kind, in as many pieces as one event's limit asks for; at least one."""
    found: dict[str, dict[str, None]] = {name: {} for name in _IDS}
    for part in opened:
        for name in _IDS:
            if part.get(name):
                found[name][str(part[name])] = None
    pieces = [_pieces([*ids]) for ids in found.values()]
    return [
        {f"viewed_{name}s": piece for name, piece in zip(_IDS, row, strict=True) if piece}
        for row in zip_longest(*pieces)
    ] or [{}]


def _pieces(ids: list[str]) -> list[list[str]]:
    return [ids[at : at + VIEWED_MAX] for at in range(0, len(ids), VIEWED_MAX)]
