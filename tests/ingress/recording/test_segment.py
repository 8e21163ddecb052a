"""The on-disk format: what is written can be read, and nothing else is taken for a frame."""

from __future__ import annotations

import hashlib
import zlib

import pytest

from ingress.recording import segment
from ingress.recording.segment import Frame, Header, Hole


def frame(message: bytes, *, kind: int = segment.EVENT, batch_start: int = 0) -> bytes:
    return segment.encode_frame(kind, 0, b"i-1", message, 7, batch_start) + message


def test_header_survives_the_round_trip():
    header = Header("w1", 3, 41, "ab" * 32, {1: 500, 2: 8_000_000})

    data = segment.encode_header(header)

    assert segment.decode_header(data + b"rest") == (header, len(data))


def test_damaged_header_is_not_believed():
    data = segment.encode_header(Header("w1", 1, 0, "0" * 64))

    for offset in range(len(data)):
        assert segment.decode_header(data[:offset]) is None
        flipped = bytearray(data)
        flipped[offset] ^= 1
        assert segment.decode_header(bytes(flipped)) is None


def test_frame_survives_the_round_trip():
    data = b"before" + frame(b"message", batch_start=6)

    read = segment.read_frame(data, 6)

    assert read is not None
    assert (read.kind, read.interaction_id, read.record_bytes) == (segment.EVENT, "i-1", 7)
    assert (read.batch_start, data[read.message_start : read.end]) == (6, b"message")


def test_any_flipped_byte_makes_a_frame_unreadable():
    data = frame(b"some message of some length")

    for offset in range(len(data)):
        flipped = bytearray(data)
        flipped[offset] ^= 0x10
        assert segment.read_frame(bytes(flipped), 0) is None


def test_walk_finds_the_frames_behind_a_hole():
    first, second, third = frame(b"one"), frame(b"two" * 50), frame(b"three")
    broken = bytearray(first + second + third)
    broken[len(first)] ^= 0xFF  # the length itself is wrong

    items = list(segment.walk(bytes(broken), 0))

    assert [type(item) for item in items] == [Frame, Hole, Frame]
    assert items[1] == Hole(len(first), len(first) + len(second))


@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 5120, 5121, 65536, 65537, 200_000])
def test_piecewise_digests_equal_the_plain_ones(size):
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]

    assert segment.checksum(data, 5) == zlib.crc32(data, 5)
    assert segment.record_hash(data) == hashlib.sha256(data).hexdigest()
