"""Describe a change of whose tokens a running writer lets in."""

from typing import Annotated, Literal

from schemas import fields as f
from schemas.base import identity, public
from schemas.envelope import Envelope

Issuers = tuple[f.Issuer, ...]


class IssuersChanged(Envelope):
    """A running writer took a new issuers file; durable before the first caller by it."""

    event_type: Annotated[Literal["issuers.changed"], public("what happened")]
    event_version: Annotated[Literal[1], public("version of this record")]
    issuers_added: Annotated[Issuers, identity("issuers that were not trusted until now")]
    issuers_removed: Annotated[Issuers, identity("issuers that are trusted no longer")]
    issuers_changed: Annotated[
        Issuers, identity("issuers whose tokens must be others from now on, or whose groups")
    ]
