"""Describe the life of a gateway key: issued to somebody, taken back by somebody. Never the key."""

from typing import Annotated, Literal

from schemas import fields as f
from schemas.base import public
from schemas.envelope import Envelope, Principal


class _KeyEvent(Envelope):
    """What both say; the envelope's principal is who did it.

    A change that the command line made in the control database is recorded by the gateway that
    next finds it there; ``occurred_at`` is the time of the change.
    """

    event_version: Annotated[Literal[1], public("version of this record")]
    principal: Annotated[Principal, public("who issued the key or took it back")]
    gateway_key_id: Annotated[str, public("id of the key, never the key", max_length=64)]
    key_class: Annotated[
        Literal["header", "path", "proxy"], public("where the key may stand in a request")
    ]
    holder: Annotated[Principal, public("whom the key speaks for")]
    device_name: Annotated[
        str | None, public("where the key lives, as its holder says", max_length=f.SHORT)
    ] = None
    expires_at: Annotated[f.Time, public("when the key ends by itself, UTC")]


class KeyIssued(_KeyEvent):
    """A gateway key was made; recorded before anybody got it, if the gateway itself made it."""

    event_type: Annotated[Literal["key.issued"], public("what happened")]


class KeyRevoked(_KeyEvent):
    """A gateway key was taken back; it is refused from then on."""

    event_type: Annotated[Literal["key.revoked"], public("what happened")]
