"""Find gateway keys and Copilot tokens outside the headers for credentials; unname them; pure.

A key in a URL, a Referer or a cookie is read by logs, caches and other sites. Where policy lets a
client that can do nothing else put its key into the path, ``take_path_key`` cuts it out first.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from ingress.identity.headers import CREDENTIAL_HEADERS
from ingress.identity.key_form import KEY_PATTERN

_MARK: Final = b"tnk_"
# A Copilot token of ours (or of GitHub's, which is as secret) begins like this.
_TOKEN_MARK: Final = b"tid="
_TOKEN: Final = rb"tid=[0-9a-f]{32};exp=[0-9]{1,12};"
_KEY: Final = re.compile(KEY_PATTERN.encode() + rb"|" + _TOKEN)
_PATH_KEY: Final = re.compile(rb"/t/(" + KEY_PATTERN.encode() + rb")(/.*|)\Z")
# Broader than a key: what was cut short or mistyped is most of a secret still.
_NAMED: Final = re.compile(r"tnk_[0-9A-Za-z_\-]{8,}|tid=[0-9a-f]{8,};exp=[^/?&\s]*")
_UNNAMED: Final = "[gateway key]"
# An escape may be escaped again by one proxy; nothing reads a third layer.
_ESCAPE_LAYERS: Final = 2


@dataclass(frozen=True, slots=True)
class StrayKey:
    """A text of a key's or token's form in a wrong place."""

    key: str = field(repr=False)
    in_url: bool


def take_path_key(raw_path: bytes) -> tuple[str | None, bytes]:
    """Return the key of a path ``/t/KEY/…`` and the path behind it; else None and the path."""
    found = _PATH_KEY.match(raw_path)
    if found is None:
        return None, raw_path
    return found[1].decode("ascii"), found[2] or b"/"


def find_stray_key(
    raw_path: bytes, query: bytes, headers: Sequence[tuple[bytes, bytes]]
) -> StrayKey | None:
    """Return a key or token that stands where others can read it; costs 2 us where there is none.

    Args:
        raw_path: as it was sent, escapes and all, without a path key.
        query: without its question mark.
        headers: raw header pairs as ASGI gives them, names in lower case.
    """
    if query or _MARK in raw_path or b"%" in raw_path or _TOKEN_MARK in raw_path:
        key = _find(raw_path + b"?" + query)
        if key is not None:
            return StrayKey(key, in_url=True)
    others = b"\n".join([value for name, value in headers if name not in CREDENTIAL_HEADERS])
    if _MARK not in others and _TOKEN_MARK not in others:
        return None
    key = _find(others)
    return None if key is None else StrayKey(key, in_url=False)


def without_keys(text: str) -> str:
    """Return a path or header as a record may hold it: the same object if no key is in it."""
    plain = text
    for _ in range(_ESCAPE_LAYERS):
        if _names_one(plain):
            # What is escaped cannot be cut out where it stands, so then nothing of it is kept.
            return _NAMED.sub(_UNNAMED, text) if plain is text else _UNNAMED
        if "%" not in plain:
            return text
        plain = unquote(plain)
    return _UNNAMED if _names_one(plain) else text


def _names_one(plain: str) -> bool:
    return "tnk_" in plain or ("tid=" in plain and _NAMED.search(plain) is not None)


def _find(raw: bytes) -> str | None:
    for _ in range(_ESCAPE_LAYERS + 1):
        found = _KEY.search(raw)
        if found is not None:
            return found[0].decode("ascii")
        if b"%" not in raw:
            return None
        raw = unquote_to_bytes(raw)
    return None
