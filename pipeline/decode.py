"""Decode a Pub/Sub message: the frame, then the record by its type and version. Pure.

The record's exact bytes are kept, never written anew: the hash and the row are over them.
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec

from pipeline.errors import RefusedError
from pipeline.records import strict_pattern, struct_of
from schemas.base import ContractError
from schemas.fields import PART_ID_PATTERN
from schemas.message import KEY_PREFIX, RECORD_PREFIX
from schemas.message import ContentKey as ContentKeyRecord
from schemas.message import Overflow as OverflowRecord
from schemas.registry import EVENTS, parse


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """A message as Pub/Sub delivered it; ``published_at`` is the same at each delivery."""

    data: bytes
    message_id: str
    published_at: datetime


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A text, sealed or in clear; its bytes are base64 on the wire."""

    part_id: Annotated[str, msgspec.Meta(pattern=strict_pattern(PART_ID_PATTERN))]
    key_id: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    ciphertext: bytes | None = None
    text: str | None = None
    salt: bytes | None = None


class Event(msgspec.Struct, frozen=True, gc=False):
    """A decoded event: its fields, the exact bytes that were hashed, its sealed texts."""

    incoming: Incoming
    fields: Any
    record: bytes
    record_hash: str
    contents: tuple[Content, ...]
    occurred_at: datetime
    requested_at: datetime | None


class Overflow(msgspec.Struct, frozen=True, gc=False):
    """Sealed texts that travel apart from the record that names them."""

    incoming: Incoming
    ids: Any
    contents: tuple[Content, ...]
    occurred_at: datetime


class KeyMessage(msgspec.Struct, frozen=True, gc=False):
    """A wrapped content key; ``wrapped_keyset`` is the bytes that its hash covers."""

    incoming: Incoming
    fields: Any
    wrapped_keyset: bytes
    occurred_at: datetime


# What a message decodes to.
Decoded = Event | Overflow | KeyMessage


class _Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    record: msgspec.Raw
    record_hash: str
    contents: tuple[Content, ...]


class _OverflowFrame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    overflow: msgspec.Raw
    contents: tuple[Content, ...]


class _KeyFrame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    key: msgspec.Raw


class _Head(msgspec.Struct, frozen=True, gc=False):
    event_type: str
    event_version: int


_FRAME: Final = msgspec.json.Decoder(_Frame)
_OVERFLOW: Final = msgspec.json.Decoder(_OverflowFrame)
_OVERFLOW_IDS: Final = msgspec.json.Decoder(struct_of(OverflowRecord))
_KEY: Final = msgspec.json.Decoder(_KeyFrame)
_KEY_FIELDS: Final = msgspec.json.Decoder(struct_of(ContentKeyRecord))
# What a decoder raises on bytes from a stranger.
_MALFORMED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_HEAD: Final = msgspec.json.Decoder(_Head)
_RECORDS: Final[Mapping[tuple[str, int], msgspec.json.Decoder[Any]]] = MappingProxyType(
    {key: msgspec.json.Decoder(struct_of(model)) for key, model in EVENTS.items()}
)


def decode(incoming: Incoming) -> Decoded:
    """Return the message's event, the texts that did not fit beside one, or a content key.

    Raises:
        RefusedError: it is neither, or its record is not as its type and version say.
    """
    if not incoming.data.startswith(RECORD_PREFIX):
        is_key = incoming.data.startswith(KEY_PREFIX)
        return _decode_key(incoming) if is_key else _decode_overflow(incoming)
    try:
        frame = _FRAME.decode(incoming.data)
    except _MALFORMED:
        raise RefusedError("message_malformed", "not an event message") from None
    record = bytes(frame.record)
    fields = _decode_record(record)
    requested_at = getattr(fields, "requested_at", None)
    return Event(
        incoming,
        fields,
        record,
        frame.record_hash,
        frame.contents,
        _time(fields.occurred_at),
        None if requested_at is None else _time(requested_at),
    )


def _decode_record(record: bytes) -> Any:
    try:
        head = _HEAD.decode(record)
    except _MALFORMED:
        raise RefusedError("record_invalid", "no event_type or event_version") from None
    decoder = _RECORDS.get((head.event_type, head.event_version))
    if decoder is None:
        # The type may come from a stranger: it is not repeated.
        raise RefusedError("event_unknown", "unknown event type or version")
    try:
        return decoder.decode(record)
    except _MALFORMED:
        raise RefusedError("record_invalid", _reason(record), head.event_type) from None


def _decode_overflow(incoming: Incoming) -> Overflow:
    try:
        frame = _OVERFLOW.decode(incoming.data)
        ids: Any = _OVERFLOW_IDS.decode(frame.overflow)
    except _MALFORMED:
        raise RefusedError("message_malformed", "not an event message") from None
    return Overflow(incoming, ids, frame.contents, _time(ids.occurred_at))


def _decode_key(incoming: Incoming) -> KeyMessage:
    try:
        fields: Any = _KEY_FIELDS.decode(_KEY.decode(incoming.data).key)
        wrapped_keyset = b64decode(fields.wrapped_keyset, validate=True)
    except (*_MALFORMED, binascii.Error):
        raise RefusedError("message_malformed", "not an event message") from None
    return KeyMessage(incoming, fields, wrapped_keyset, _time(fields.occurred_at))


def _reason(record: bytes) -> str:
    """Say what the contract itself says: which field and why, never a value."""
    try:
        parse(record)
    except ContractError as error:
        return str(error)
    return "not as its type and version say"


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError("record_invalid", "a time that no calendar has") from None
