"""Make the ids and times that records carry: the only randomness and clock of the data path."""

import hashlib
import os
import time
from datetime import UTC, datetime
from typing import Final

_RANDOM_BYTES: Final = 10
_POOL_BYTES: Final = 400 * _RANDOM_BYTES
_pool, _pool_used = b"", 0


def new_id() -> str:
    """Return a UUIDv7: ordered by time, so that rows of one hour lie together.

    For the event loop's thread alone.

    Source: RFC 9562, section 5.7.
    """
    global _pool, _pool_used  # noqa: PLW0603  (one system call for many ids)
    if _pool_used + _RANDOM_BYTES > len(_pool):
        _pool, _pool_used = os.urandom(_POOL_BYTES), 0
    random = _pool[_pool_used : _pool_used + _RANDOM_BYTES]
    _pool_used += _RANDOM_BYTES
    return _uuid((time.time_ns() // 1_000_000) << 80 | int.from_bytes(random), 7)


def derived_id(name: str) -> str:
    """Return the UUIDv8 of a name: the same each time, where a retry must not make a second one.

    Source: RFC 9562, section 5.8.
    """
    return _uuid(int.from_bytes(hashlib.sha256(name.encode()).digest()[:16]), 8)


def _uuid(value: int, version: int) -> str:
    value = value & ~(0xF << 76) | version << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def utc_now() -> datetime:
    """Return the wall clock, UTC aware."""
    return datetime.now(UTC)


def timestamp(at: datetime) -> str:
    """Return a UTC time as records carry it: RFC 3339 with six digits and ``Z``."""
    return at.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
