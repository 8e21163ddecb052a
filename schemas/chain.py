"""Link the records of a writer: exact bytes, SHA-256, previous hash. Pure.

Gap-evident: a record that is changed, removed from the middle or swapped breaks a link. A chain
alone does not show a whole writer that was removed; the writer records and checkpoints do.
"""

import hashlib

GENESIS_HASH = "0" * 64


def record_hash(record: bytes) -> str:
    """Return the lower-case hex SHA-256 of a record's exact bytes."""
    return hashlib.sha256(record).hexdigest()


def links(previous_sequence: int, previous_hash: str, sequence: int, link: str) -> bool:
    """Say whether a record with ``sequence`` and ``previous_hash`` = ``link`` follows another."""
    return sequence == previous_sequence + 1 and link == previous_hash


def begins(sequence: int, link: str) -> bool:
    """Say whether a record may stand first in its chain."""
    return sequence == 0 and link == GENESIS_HASH
