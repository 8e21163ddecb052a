"""Pack a sealed piece of an answer for the journal, and read it back after a crash. Pure."""

import struct
from typing import NamedTuple

_HEAD = struct.Struct("<IH")


class Chunk(NamedTuple):
    """A sealed piece; its associated data is ``<interaction id>:<number>``."""

    key_id: str
    number: int
    ciphertext: bytes


def pack_chunk(key_id: str, number: int, ciphertext: bytes) -> bytes:
    """Return the journal's payload of a chunk."""
    name = key_id.encode()
    return _HEAD.pack(number, len(name)) + name + ciphertext


def unpack_chunk(payload: bytes) -> Chunk:
    """Return the chunk of a journal payload.

    Raises:
        ValueError: the payload is not one.
    """
    try:
        number, length = _HEAD.unpack_from(payload)
    except struct.error:
        raise ValueError("not a chunk") from None
    end = _HEAD.size + length
    return Chunk(payload[_HEAD.size : end].decode("ascii"), number, payload[end:])
