"""Describe the life of a content key, which seals one principal's texts of one quarter.

The wrapped keyset is never in the record, which outlives an erasure; it travels in a message of
its own (``schemas.message``) that an archive leaves out, and the record holds its hash.
"""

from typing import Annotated, Literal

from schemas import fields as f
from schemas.base import public
from schemas.envelope import Envelope


class ContentKeyCreated(Envelope):
    """A content key was made, because its principal's first text of the quarter needed it."""

    event_type: Annotated[Literal["content_key.created"], public("what happened")]
    event_version: Annotated[Literal[1], public("version of this record")]
    content_key_id: f.ContentKeyId
    holder_principal_id: Annotated[f.PrincipalId, public("principal whose texts the key seals")]
    quarter: f.Quarter
    kms_resource: f.KmsResource | None = None
    wrapped_keyset_hash: f.KeysetHash
