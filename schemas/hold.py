"""Describe a legal hold: what must be kept and not erased, who said so and why."""

from typing import Annotated, Literal

from schemas import fields as f
from schemas.base import identity, public
from schemas.envelope import Envelope, Principal

HoldId = Annotated[str, public("id of the legal hold; UUIDv7", pattern=f.UUID_PATTERN)]
HoldName = Annotated[
    str, public("name of the legal hold, such as a matter's number", min_length=1, max_length=128)
]
Reason = Annotated[
    str, identity("why, in the words of who did it; may name people", min_length=1, max_length=1024)
]
PlacedAt = Annotated[f.Time, public("when the hold was placed, UTC")]
HeldPrincipals = Annotated[
    tuple[f.PrincipalId, ...], public("principals whose rows are held; none: everybody's")
]
HeldSessions = Annotated[
    tuple[f.SessionId, ...], public("sessions whose rows are held; none: every session's")
]
HeldRepositories = Annotated[
    tuple[str, ...],
    public("repositories whose sessions are held, whole; none: whatever the repository"),
]
HeldFrom = Annotated[f.Time | None, public("rows before this time are not held, UTC")]
HeldTo = Annotated[f.Time | None, public("rows from this time on are not held, UTC")]


class _LegalHold(Envelope):
    """What both say; the envelope's principal is who did it.

    A row is held that matches all of the scope that is given.
    """

    event_version: Annotated[Literal[1], public("version of this record")]
    principal: Annotated[Principal, public("who placed or released the hold")]
    hold_id: HoldId
    hold_name: HoldName
    reason: Reason
    placed_at: PlacedAt
    held_principal_ids: HeldPrincipals = ()
    held_session_ids: HeldSessions = ()
    held_repositories: HeldRepositories = ()
    held_from: HeldFrom = None
    held_to: HeldTo = None


class LegalHoldPlaced(_LegalHold):
    """From now on nothing in the scope expires or is erased."""

    event_type: Annotated[Literal["legal_hold.placed"], public("what happened")]


class LegalHoldReleased(_LegalHold):
    """The hold is over: what it kept beyond its time goes, and may be erased again."""

    event_type: Annotated[Literal["legal_hold.released"], public("what happened")]
