"""Read base64url and JSON strictly: one meaning, or none. Pure.

What two readers understand in two ways is how a check is passed by: padding, spare bits, a member
that is there twice, NaN.
"""

import base64
import json
from typing import Any

from ingress.errors import MalformedAccessToken


def read_object(raw: bytes) -> dict[str, Any]:
    """Read a JSON object, strictly: one meaning, or none.

    Raises:
        MalformedAccessToken: not UTF-8, not JSON, not an object, a member twice, or not finite.
    """
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_members, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise MalformedAccessToken from None  # the cause would carry the text
    if not isinstance(found, dict):
        raise MalformedAccessToken
    return found


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def decode_base64url(segment: str) -> bytes:
    """Return the bytes of a text of base64url without padding, in its one spelling.

    Raises:
        MalformedAccessToken: it is none.
    """
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise MalformedAccessToken from None  # the cause would carry the text
    # Bits that say nothing would let one token be written in several ways.
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != segment.encode("ascii"):
        raise MalformedAccessToken
    return raw
