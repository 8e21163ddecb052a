"""The on-disk format of the journal: segments, frames, and how to read a damaged one.

Pure: bytes in, bytes out; no file is opened here. The writer encodes, the publisher and the
recovery decode. All integers are little-endian.

A segment file is one header and then frames, without padding:

    header   magic 8 | length u32 | crc u32 | JSON: writer, segment, first sequence, previous hash,
             and up to which byte earlier segments hold
    frame    length u32 | crc u32 | kind u8 | flags u8 | id length u16 | record length u32
             | batch start u32 | interaction id | message

``length`` counts what follows the checksum, and the checksum covers exactly that. ``batch start``
is the file offset at which the frame's group commit began. It lets a reader tell two things apart
that look alike: a batch torn by a power cut (never promised to anyone: cut it) and damage to bytes
that had been synced (promised: keep the file, raise the alarm). A frame whose batch began after
the hole proves that the bytes of the hole were once durable.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MAGIC: Final = b"TNJRNL\x00\x01"
"""First eight bytes of a segment; the last one is the version of the format."""

EVENT: Final = 1
"""A chained record, published."""
CONTENT: Final = 2
"""Overflow of an event's contents: published, not chained."""
CHUNK: Final = 3
"""Sealed text about to be released: local only, never published."""
CLOSED: Final = 4
"""The writer ended on purpose; nothing follows."""
KEY: Final = 5
"""A wrapped content key: published, not chained, and marked so that an archive leaves it out."""

OPENS: Final = 1
CLOSES: Final = 2

FIRST_PREVIOUS_HASH: Final = "0" * 64
MAX_MESSAGE_BYTES: Final = 9_500_000
"""Below Pub/Sub's 10 MB for one request, with room for attributes.
Source: cloud.google.com/pubsub/quotas, resource limits."""
MAX_INTERACTION_ID_BYTES: Final = 255

_HEADER = struct.Struct("<8sII")
_HEAD = struct.Struct("<II")
_BODY = struct.Struct("<BBHII")
_FRAME = struct.Struct("<IIBBHII")
FRAME_BYTES: Final = _FRAME.size

# zlib and hashlib let go of the interpreter lock for longer inputs. Getting it back can take a
# whole switch interval (5 ms) while the event loop is busy, so middling inputs go in pieces.
_CRC_PIECE_BYTES: Final = 5 * 1024
_HASH_PIECE_BYTES: Final = 2047
_PIECEWISE_BYTES: Final = 64 * 1024

# Every plausible frame header: three small numbers have zero high bytes. Text and ciphertext in
# base64 hold no zero bytes, so a scan for the next intact frame rarely stops in vain.
_PLAUSIBLE = re.compile(rb"(?=...\x00....[\x01-\x05][\x00-\x03].\x00...\x00)", re.DOTALL)


class Position(NamedTuple):
    """Where a durable record ends; ordered as the records are.

    ``sequence`` and ``record_hash`` are those of an event, and -1 and "" for other kinds.
    """

    segment: int
    end: int
    sequence: int = -1
    record_hash: str = ""


class Frame(NamedTuple):
    """One intact frame: offsets into the buffer it was read from."""

    kind: int
    flags: int
    interaction_id: str
    start: int
    message_start: int
    record_bytes: int
    batch_start: int
    end: int


class Hole(NamedTuple):
    """Bytes that are no intact frame, up to the next one or to the end of the data."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a segment says about itself and the ones before it.

    ``valid_bytes`` maps earlier segments to the offset up to which they hold: the previous one
    always, and every segment that failed. Bytes beyond were refused to their callers.
    """

    writer_id: str
    segment: int
    first_sequence: int
    previous_hash: str
    valid_bytes: dict[int, int] = field(default_factory=dict)


def encode_header(header: Header) -> bytes:
    """Render a segment's first bytes."""
    body = json.dumps(
        {
            "writer_id": header.writer_id,
            "segment": header.segment,
            "first_sequence": header.first_sequence,
            "previous_hash": header.previous_hash,
            "valid_bytes": {str(segment): end for segment, end in header.valid_bytes.items()},
        },
        separators=(",", ":"),
    ).encode()
    return _HEADER.pack(MAGIC, len(body), zlib.crc32(body)) + body


def decode_header(data: bytes) -> tuple[Header, int] | None:
    """Read a segment's header and the offset of its first frame; None if it is not intact."""
    if len(data) < _HEADER.size:
        return None
    magic, length, crc = _HEADER.unpack_from(data)
    end = _HEADER.size + length
    if magic != MAGIC or end > len(data) or zlib.crc32(data[_HEADER.size : end]) != crc:
        return None
    fields = json.loads(data[_HEADER.size : end])
    header = Header(
        writer_id=fields["writer_id"],
        segment=fields["segment"],
        first_sequence=fields["first_sequence"],
        previous_hash=fields["previous_hash"],
        valid_bytes={int(segment): end for segment, end in fields["valid_bytes"].items()},
    )
    return header, end


def checksum(data: bytes, start: int = 0) -> int:
    """Return the CRC-32 of ``data`` continued from ``start``."""
    if len(data) <= _CRC_PIECE_BYTES or len(data) > _PIECEWISE_BYTES:
        return zlib.crc32(data, start)
    view = memoryview(data)
    for offset in range(0, len(data), _CRC_PIECE_BYTES):
        start = zlib.crc32(view[offset : offset + _CRC_PIECE_BYTES], start)
    return start


def record_hash(record: bytes) -> str:
    """Return the SHA-256 of a record's exact bytes, in hex."""
    if len(record) <= _HASH_PIECE_BYTES or len(record) > _PIECEWISE_BYTES:
        return hashlib.sha256(record).hexdigest()
    digest = hashlib.sha256()
    view = memoryview(record)
    for offset in range(0, len(record), _HASH_PIECE_BYTES):
        digest.update(view[offset : offset + _HASH_PIECE_BYTES])
    return digest.hexdigest()


def record_prefix(writer_id: str) -> bytes:
    """Return the bytes every record of a writer starts with, up to its sequence number."""
    return b'{"writer_id":%s,"sequence":' % json.dumps(writer_id).encode()


def splice_record(prefix: bytes, sequence: int, previous_hash: str, body: bytes) -> bytes:
    """Put the chain's fields in front of a body, a compact JSON object with one member or more."""
    return b'%s%d,"previous_hash":"%s",%s' % (prefix, sequence, previous_hash.encode(), body[1:])


def encode_event(record: bytes, digest: str, contents: bytes) -> bytes:
    """Render what is published of an event."""
    return b'{"record":%s,"record_hash":"%s","contents":%s}' % (record, digest.encode(), contents)


EVENT_RECORD_OFFSET: Final = len(b'{"record":')
"""Where the record's bytes start in an event's message."""


def encode_frame(  # noqa: PLR0913, PLR0917 - the fields of a frame; the hot path
    kind: int, flags: int, interaction: bytes, message: bytes, record_bytes: int, batch_start: int
) -> bytes:
    """Render everything of a frame but its message, which follows unchanged."""
    body = _BODY.pack(kind, flags, len(interaction), record_bytes, batch_start) + interaction
    crc = checksum(message, zlib.crc32(body))
    return _HEAD.pack(len(body) + len(message), crc) + body


def read_frame(data: bytes, start: int, *, check_local: bool = True) -> Frame | None:
    """Read the frame at ``start``; None if the bytes there are no intact frame.

    ``check_local=False`` skips the checksum of chunks, for a reader that passes over them.
    """
    if start + FRAME_BYTES > len(data):
        return None
    length, crc, kind, flags, id_bytes, record_bytes, batch = _FRAME.unpack_from(data, start)
    end = start + _HEAD.size + length
    message_start = start + FRAME_BYTES + id_bytes
    if end > len(data) or message_start > end or not EVENT <= kind <= KEY:
        return None
    if (check_local or kind != CHUNK) and zlib.crc32(
        memoryview(data)[start + _HEAD.size : end]
    ) != crc:
        return None
    identifier = data[start + FRAME_BYTES : message_start].decode("utf-8", "replace")
    return Frame(kind, flags, identifier, start, message_start, record_bytes, batch, end)


def walk(data: bytes, start: int) -> Iterator[Frame | Hole]:
    """Yield every intact frame from ``start`` to the end of the data, and the holes between."""
    while start < len(data):
        frame = read_frame(data, start)
        if frame is not None:
            yield frame
            start = frame.end
            continue
        resumed = next_frame(data, start + 1)
        yield Hole(start, resumed)
        start = resumed


def next_frame(data: bytes, start: int) -> int:
    """Return where the next intact frame at or after ``start`` begins, else the data's end."""
    for match in _PLAUSIBLE.finditer(data, start):
        if read_frame(data, match.start()) is not None:
            return match.start()
    return len(data)


def segment_name(segment: int) -> str:
    """Return the file name of a segment."""
    return f"{segment:08d}.segment"
