"""Make the ids and times that records carry: the only randomness and clock of the data path."""

import hashlib
import os
import time
from datetime import UTC, datetime
from typing import Final

RANDOM_BYTES: Final = 12
_POOL_PIECES: Final = 256
_VARIANT: Final = 0x2 << 62
_UUID_VALUE: Final = ~(0xF << 76 | 0x3 << 62) & (1 << 128) - 1
# Fresh random pieces: one system call for many. ``pop`` is atomic, so no two callers get one
# piece, and a forked child must not use up what its parent holds too.
_pool: list[bytes] = []
os.register_at_fork(after_in_child=_pool.clear)


def random_bytes() -> bytes:
    """Return ``RANDOM_BYTES`` bytes of the kernel's randomness, never the same ones twice.

    From any thread.
    """
    try:
        return _pool.pop()
    except IndexError:
        fresh = os.urandom(RANDOM_BYTES * _POOL_PIECES)
        pieces = [fresh[at : at + RANDOM_BYTES] for at in range(0, len(fresh), RANDOM_BYTES)]
        own = pieces.pop()
        _pool.extend(pieces)
        return own


def new_id() -> str:
    """Return a UUIDv7: ordered by time, so that rows of one hour lie together.

    Source: RFC 9562, section 5.7.
    """
    random = int.from_bytes(random_bytes()) >> 16
    return _uuid((time.time_ns() // 1_000_000) << 80 | random, 7)


def derived_id(name: str) -> str:
    """Return the UUIDv8 of a name: the same each time, where a retry must not make a second one.

    Source: RFC 9562, section 5.8.
    """
    return _uuid(int.from_bytes(hashlib.sha256(name.encode()).digest()[:16]), 8)


def _uuid(value: int, version: int) -> str:
    text = f"{value & _UUID_VALUE | version << 76 | _VARIANT:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def utc_now() -> datetime:
    """Return the wall clock, UTC aware."""
    return datetime.now(UTC)


def timestamp(at: datetime) -> str:
    """Return a UTC time as records carry it: RFC 3339 with six digits and ``Z``."""
    return at.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
