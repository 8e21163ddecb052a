"""Find the record of an event by its type and version."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

from schemas.access import AccessDenied
from schemas.base import ContractError
from schemas.content_key import ContentKeyCreated
from schemas.envelope import Envelope
from schemas.erasure import ContentErased, ErasureRefused
from schemas.hold import LegalHoldPlaced, LegalHoldReleased
from schemas.interaction import (
    InteractionBlocked,
    InteractionCompleted,
    InteractionFailed,
    InteractionRequested,
)
from schemas.issuers import IssuersChanged
from schemas.key import KeyIssued, KeyRevoked
from schemas.policy import PolicyChanged
from schemas.viewing import RecordViewed
from schemas.writer import WriterClosed, WriterOpened

EVENTS: Final[Mapping[tuple[str, int], type[Envelope]]] = MappingProxyType(
    {
        ("interaction.requested", 1): InteractionRequested,
        ("interaction.completed", 1): InteractionCompleted,
        ("interaction.failed", 1): InteractionFailed,
        ("interaction.blocked", 1): InteractionBlocked,
        ("access.denied", 1): AccessDenied,
        ("content_key.created", 1): ContentKeyCreated,
        ("issuers.changed", 1): IssuersChanged,
        ("key.issued", 1): KeyIssued,
        ("key.revoked", 1): KeyRevoked,
        ("legal_hold.placed", 1): LegalHoldPlaced,
        ("legal_hold.released", 1): LegalHoldReleased,
        ("content.erased", 1): ContentErased,
        ("erasure.refused", 1): ErasureRefused,
        ("policy.changed", 1): PolicyChanged,
        ("record.viewed", 1): RecordViewed,
        ("writer.opened", 1): WriterOpened,
        ("writer.closed", 1): WriterClosed,
    }
)


def model_of(event_type: str, event_version: int) -> type[Envelope]:
    """Return the record class of an event type and version.

    Raises:
        ContractError: nobody registered it.
    """
    try:
        return EVENTS[event_type, event_version]
    except KeyError:
        # The type may come from a stranger: it is not repeated.
        raise ContractError("unknown event type or version") from None


def parse(record: bytes) -> Envelope:
    """Parse a record's JSON bytes into its event.

    Raises:
        ContractError: not JSON, not a known event, or not as its record says. The message
            names fields and reasons, never values.
    """
    try:
        head = json.loads(record)
    except (ValueError, RecursionError):
        raise ContractError("not JSON") from None
    if not isinstance(head, dict):
        raise ContractError("not a JSON object")
    event_type, version = head.get("event_type"), head.get("event_version")
    # `True` is an int to Python and would find version 1.
    if not isinstance(event_type, str) or type(version) is not int:
        raise ContractError("no event_type or event_version")
    try:
        return model_of(event_type, version).model_validate_json(record)
    except ValidationError as error:
        reasons = "; ".join(
            _reason(item["loc"], item["type"])
            for item in error.errors(include_input=False, include_url=False, include_context=False)
        )
        raise ContractError(f"{event_type} version {version}: {reasons}") from None


def _reason(location: tuple[int | str, ...], kind: str) -> str:
    # The name of a field that the record does not have is input like any value.
    known = (*location[:-1], "?") if kind == "extra_forbidden" else location
    return f"{'.'.join(str(step) for step in known)}: {kind}"
