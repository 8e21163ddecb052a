"""Describe the erasure of a person's texts: their keys go, rows and hashes stay. Never a text."""

from typing import Annotated, Literal

from schemas import fields as f
from schemas.base import public
from schemas.envelope import Envelope, Principal
from schemas.hold import HoldId, Reason

ErasureId = Annotated[str, public("id of the erasure; UUIDv7", pattern=f.UUID_PATTERN)]


class _Erasure(Envelope):
    """What both say; the envelope's principal is who asked for it."""

    event_version: Annotated[Literal[1], public("version of this record")]
    principal: Annotated[Principal, public("who ran the erasure")]
    erasure_id: ErasureId
    holder: Annotated[Principal, public("whose texts it is about")]
    reason: Reason
    requested_at: Annotated[f.Time, public("when the erasure was asked for, UTC")]


class ContentErased(_Erasure):
    """The content keys of a principal were destroyed; what they sealed opens for nobody."""

    event_type: Annotated[Literal["content.erased"], public("what happened")]
    content_key_ids: Annotated[
        tuple[f.ContentKeyId, ...], public("ids of the keys that were destroyed")
    ]


class ErasureRefused(_Erasure):
    """A legal hold stood against an erasure: nothing was destroyed."""

    event_type: Annotated[Literal["erasure.refused"], public("what happened")]
    refusal_code: Annotated[Literal["refused_hold"], public("why nothing was destroyed")]
    hold_ids: Annotated[tuple[HoldId, ...], public("holds that stood against it")]
