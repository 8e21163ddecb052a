"""Describe a caller that was not let in."""

from typing import Annotated, Literal

from schemas import fields as f
from schemas.base import public
from schemas.envelope import Client, Envelope


class AccessDenied(Envelope):
    """A request came without a credential that holds; nothing of its body was read."""

    event_type: Annotated[Literal["access.denied"], public("what happened")]
    event_version: Annotated[Literal[1], public("version of this record")]
    client: Annotated[Client, public("program that sent the request")]
    reason_code: f.ReasonCode
    method: f.Method
    path: f.Path
    http_status: f.HttpStatus
    unverified_key_id: Annotated[
        str | None, public("id that the refused key claimed, if it had the form", max_length=64)
    ] = None
    unverified_issuer: f.UnverifiedIssuer | None = None
