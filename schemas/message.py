"""Frame an event for Pub/Sub: the exact record bytes, their hash, and the sealed texts beside them.

``{"record":{…},"record_hash":"…","contents":[{"part_id":…,"key_id":…,"ciphertext":…}]}``

A part that does not fit travels in messages of its own, which hold no record:
``{"overflow":{"event_id":…,"occurred_at":…,…},"contents":[…]}``. The record that names the part
holds the hash of its ciphertext, so an overflow message needs no link.

A wrapped content key travels alone as well: ``{"key":{…,"wrapped_keyset":"…"}}``. It is what an
erasure destroys, so it lies in no record and in no archive.
"""

import hmac
import json
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from schemas import fields as f
from schemas.base import ContractError, Record, content, key
from schemas.chain import record_hash
from schemas.envelope import Envelope
from schemas.registry import parse

RECORD_PREFIX = b'{"record":'
KEY_PREFIX = b'{"key":'

# Sealed bytes that one message may carry; Pub/Sub takes 10 MB a message and base64 adds a third.
# Source: Pub/Sub quotas, "Message size: 10 MB".
CONTENTS_BYTES_MAX = 4 * 1024 * 1024

# Longest text of one part; a longer one becomes several parts.
PART_BYTES_MAX = 1024 * 1024


class Content(Record):
    """One text: sealed with the part id as associated data, or in clear with its proof's salt.

    In clear it is masked, and only where the policy says ``content: tagged``.
    """

    part_id: f.PartId
    key_id: f.ContentKeyId | None = None
    ciphertext: Annotated[str | None, content("Tink AEAD ciphertext, base64")] = None
    text: Annotated[str | None, content("masked text")] = None
    salt: Annotated[str | None, content("16 random bytes of the commitment, base64")] = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        values = (self.key_id, self.ciphertext, self.text, self.salt)
        given = tuple(value is not None for value in values)
        if given not in {(True, True, False, False), (False, False, True, True)}:
            raise PydanticCustomError("content_form", "neither a sealed text nor one in clear")
        return self


class Overflow(Record):
    """Ids of the event whose texts did not fit beside its record."""

    event_id: f.EventId
    occurred_at: f.OccurredAt
    tenant_id: f.TenantId
    session_id: f.SessionId
    interaction_id: f.InteractionId
    principal_id: f.PrincipalId


class ContentKey(Record):
    """A content key as it is published, once, by the gateway that finds it new.

    ``event_id`` and ``occurred_at`` are those of its ``content_key.created``.
    """

    event_id: f.EventId
    occurred_at: f.OccurredAt
    tenant_id: f.TenantId
    key_id: f.ContentKeyId
    principal_id: f.PrincipalId
    quarter: f.Quarter
    kms_resource: f.KmsResource | None = None
    wrapped_keyset: Annotated[
        str, key("Tink keyset, serialized and encrypted by the tenant's wrapping key, base64")
    ]
    wrapped_keyset_hash: f.KeysetHash


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed event message; ``record`` are the exact bytes that ``record_hash`` covers."""

    event: Envelope
    record: bytes
    record_hash: str
    contents: tuple[Content, ...]


def commitment(salt: bytes, text: bytes) -> str:
    """Return what a record holds of a text in clear: nothing without the salt, a proof with it."""
    return hmac.digest(salt, text, "sha256").hex()


_CONTENTS = TypeAdapter(tuple[Content, ...])


def parse_message(data: bytes) -> Message:
    """Parse and check an event message: form, record, record hash. For audits, not the hot path.

    Raises:
        ContractError: it is no event message, or its hash does not match.
    """
    if not data.startswith(RECORD_PREFIX):
        raise ContractError("not an event message")
    try:
        text = data.decode()
        outer = json.loads(text)
        _, end = json.JSONDecoder().raw_decode(text, len(RECORD_PREFIX))
        contents = _CONTENTS.validate_json(json.dumps(outer["contents"]), strict=True)
        claimed_hash = outer["record_hash"]
        if outer.keys() != {"record", "record_hash", "contents"}:
            raise ContractError("not an event message")
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        raise ContractError("not an event message") from None
    record = text[len(RECORD_PREFIX) : end].encode()
    if record_hash(record) != claimed_hash:
        raise ContractError("record_hash does not match the record")
    return Message(parse(record), record, claimed_hash, contents)
