"""Read a git pack within bounds: commits, trees and tags by id, blobs only where they lie. Pure.

Every length that a pack claims is a stranger's word: inflating stops at the claimed size, and
objects, kept bytes, inflated bytes and the depth of deltas each have a limit. A library would read
packs too, but those at hand (dulwich 0.25) compare the size only after all was inflated.

Source: git's gitformat-pack.
"""

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ingress.errors import BadPrompt

COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
_OFFSET_DELTA, _ID_DELTA = 6, 7
_NAMES: Final = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}
_HEADER_BYTES: Final = 12
_STEP_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class PackLimits:
    """How much of a pack is read; beyond, what the push changes counts as not known."""

    objects: int = 300_000
    # Of everything that is inflated, kept or not.
    inflated_bytes: int = 2 * 1024 * 1024 * 1024
    # Of commits, trees, tags and deltas, which are kept until the push is decided.
    kept_bytes: int = 192 * 1024 * 1024
    # Of deltas on commits, trees and tags: two bytes are an order, and each takes 0.4 us.
    delta_bytes: int = 24 * 1024 * 1024
    # Largest single object that is kept.
    object_bytes: int = 32 * 1024 * 1024


class PackTooLarge(Exception):
    """The pack is over a limit, so it was not read to its end."""


@dataclass(slots=True)
class PackedObject:
    """One object: its kind and its bytes."""

    kind: int
    data: bytes


@dataclass(slots=True)
class Entry:
    """One object as it stands in a pack, inflated or only located."""

    kind: int
    data: bytes | None
    base: int | bytes | None = None
    data_start: int = 0
    size: int = 0


class Pack:
    """The objects of one pack."""

    def __init__(self, object_format: str) -> None:
        self.objects: dict[bytes, PackedObject] = {}
        # By where they begin; their ids are not worked out, and they are not inflated yet.
        self.blobs: dict[int, Entry] = {}
        self.object_count = 0
        # Deltas whose base is not in the pack: nobody knows what they make.
        self.unnamed_count = 0
        self._hash = object_format

    def object_id(self, kind: int, data: bytes) -> bytes:
        """Return an object's id, as bytes."""
        digest = hashlib.new(self._hash, b"%b %d\0" % (_NAMES[kind], len(data)))
        digest.update(data)
        return digest.digest()

    def add(self, kind: int, data: bytes) -> None:
        """Keep an object under its id."""
        self.objects[self.object_id(kind, data)] = PackedObject(kind, data)


def read_pack(data: memoryview, object_format: str, limits: PackLimits | None = None) -> Pack:
    """Read a pack from its first byte to its checksum, which must end ``data``.

    Raises:
        BadPrompt: it is no pack, is cut, inflates to other sizes than it claims, or its checksum is
            another.
        PackTooLarge: it is over a limit; what was not read is not known to be sound.
    """
    return _Reader(data, object_format, limits or PackLimits()).read()


class _Reader:
    def __init__(self, data: memoryview, object_format: str, limits: PackLimits) -> None:
        self._data = data
        self._limits = limits
        self._id_bytes = hashlib.new(object_format).digest_size
        self._end = len(data) - self._id_bytes
        self._pack = Pack(object_format)
        self._hash = object_format
        self._at = 0
        self._entries: dict[int, Entry] = {}
        self._inflated = self._kept = self._ordered = 0

    def read(self) -> Pack:
        count = self._header()
        if count > self._limits.objects:
            raise PackTooLarge
        # First, since it tells a cut or damaged pack from one that means harm.
        if hashlib.new(self._hash, self._data[: self._end]).digest() != self._data[self._end :]:
            raise BadPrompt("The pack's checksum is wrong; it was damaged on the way.")
        for _ in range(count):
            start = self._at
            self._entries[start] = self._entry()
        if self._at != self._end:
            raise BadPrompt("The pack has bytes behind its last object.")
        self._resolve()
        self._pack.object_count = count
        return self._pack

    def _header(self) -> int:
        head = bytes(self._data[:_HEADER_BYTES])
        version = int.from_bytes(head[4:8])
        if len(self._data) < _HEADER_BYTES + self._id_bytes or head[:4] != b"PACK":
            raise BadPrompt("A pack is expected after the ref updates; it is missing or cut.")
        if version not in {2, 3}:
            raise BadPrompt("The pack's version is none that is known.")
        self._at = _HEADER_BYTES
        return int.from_bytes(head[8:12])

    def _entry(self) -> Entry:
        start = self._at
        kind, size = self._kind_and_size()
        base: int | bytes | None = None
        root = kind
        if kind == _OFFSET_DELTA:
            base = start - self._offset()
            below = self._entries.get(base)
            if below is None:
                raise BadPrompt("The pack has a delta without its base.")
            root = below.kind
        elif kind == _ID_DELTA:
            base = bytes(self._data[self._at : self._at + self._id_bytes])
            self._at += self._id_bytes
        elif kind not in _NAMES:
            raise BadPrompt("The pack has an object of no known kind.")
        data_start = self._at
        data = self._inflate(size, keep=root != BLOB)
        # A delta on a delta that names its base by id stays of unknown kind until all is read.
        return Entry(root, data, base, data_start, size)

    def _byte(self) -> int:
        if self._at >= self._end:
            raise BadPrompt("The pack is cut.")
        value = self._data[self._at]
        self._at += 1
        return value

    def _kind_and_size(self) -> tuple[int, int]:
        byte = self._byte()
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            byte = self._byte()
            size |= (byte & 0x7F) << shift
            shift += 7
            if shift > 63:
                raise BadPrompt("The pack claims an impossible size.")
        return kind, size

    def _offset(self) -> int:
        byte = self._byte()
        value = byte & 0x7F
        while byte & 0x80:
            byte = self._byte()
            value = value + 1 << 7 | byte & 0x7F
            if value > len(self._data):
                raise BadPrompt("The pack has a delta without its base.")
        return value

    def _inflate(self, size: int, *, keep: bool) -> bytes | None:
        limits = self._limits
        if keep:
            self._kept += size
        if self._inflated + size > limits.inflated_bytes or self._kept > limits.kept_bytes:
            raise PackTooLarge
        if keep and size > limits.object_bytes:
            raise PackTooLarge
        self._inflated += size
        data, self._at = _inflated(self._data, self._at, self._end, size, keep=keep)
        return data

    def _resolve(self) -> None:
        """Name every commit, tree and tag; what a delta makes may be the base of others."""
        on_base: dict[int | bytes, list[int]] = {}
        ready: list[tuple[int, PackedObject]] = []
        for start, entry in self._entries.items():
            if entry.kind == BLOB:
                self._pack.blobs[start] = entry
            elif entry.base is not None:
                on_base.setdefault(entry.base, []).append(start)
            elif entry.data is not None:
                ready.append((start, PackedObject(entry.kind, entry.data)))
        if any(isinstance(base, bytes) for base in on_base):
            ready += self._blobs_below(on_base)
        while ready:
            start, found = ready.pop()
            identifier = self._pack.object_id(found.kind, found.data)
            if found.kind != BLOB:
                self._pack.objects[identifier] = found
            above = on_base.pop(start, []) + on_base.pop(identifier, [])
            ready += [(each, self._applied(self._entries[each], found)) for each in above]
            if found.kind == BLOB:
                self._pack.blobs |= {each: self._entries[each] for each in above}
                for each in above:
                    self._entries[each].base = start
        self._pack.unnamed_count = sum(map(len, on_base.values()))

    def _blobs_below(self, on_base: Mapping[int | bytes, object]) -> list[tuple[int, PackedObject]]:
        """Return the blobs that deltas name by their ids, as some clients write all deltas."""
        found: list[tuple[int, PackedObject]] = []
        for start, blob in self._pack.blobs.items():
            data = read_blob(self._data, blob, {}, self._limits.object_bytes)
            if data is not None and self._pack.object_id(BLOB, data) in on_base:
                self._kept += len(data)
                if self._kept > self._limits.kept_bytes:
                    raise PackTooLarge
                found.append((start, PackedObject(BLOB, data)))
        return found

    def _applied(self, entry: Entry, below: PackedObject) -> PackedObject:
        self._ordered += len(entry.data or b"")
        if self._ordered > self._limits.delta_bytes:
            raise PackTooLarge
        data = apply_delta(below.data, entry.data or b"", self._limits.object_bytes)
        self._kept += len(data)
        if self._kept > self._limits.kept_bytes:
            raise PackTooLarge
        return PackedObject(below.kind, data)


def read_blob(data: memoryview, blob: Entry, bases: Mapping[int, bytes], most: int) -> bytes | None:
    """Return a blob of a pack that was read.

    Args:
        data: the pack.
        blob: one of its blobs.
        bases: the blobs before it, by where they begin.
        most: largest blob that is wanted, bytes.

    Returns:
        None if it is larger, or a delta on a blob that is not among ``bases``.

    Raises:
        BadPrompt: it is a delta that lies.
    """
    base = bases.get(blob.base) if isinstance(blob.base, int) else None
    if blob.size > most or (blob.base is not None and base is None):
        return None
    file = _inflated(data, blob.data_start, len(data), blob.size, keep=True)[0] or b""
    try:
        return file if base is None else apply_delta(base, file, most)
    except PackTooLarge:
        return None


def _inflated(
    data: memoryview, at: int, end: int, size: int, *, keep: bool
) -> tuple[bytes | None, int]:
    """Return one zlib stream's bytes (None unless kept) and where it ends."""
    inflater = zlib.decompressobj()
    pieces: list[bytes] = []
    length = 0
    pending = b""
    try:
        while not inflater.eof:
            if not pending:
                if at >= end:
                    raise BadPrompt("The pack is cut.")
                step = min(end - at, _STEP_BYTES, max(size - length, 0) + 256)
                pending = bytes(data[at : at + step])
                at += step
            # One byte more than is claimed, so that a bomb shows itself at its first byte too many.
            piece = inflater.decompress(pending, min(size - length + 1, _STEP_BYTES))
            pending = inflater.unconsumed_tail
            length += len(piece)
            if length > size:
                raise BadPrompt("The pack has an object that is larger than it claims.")
            if keep and piece:
                pieces.append(piece)
    except zlib.error:
        raise BadPrompt("The pack has an object that cannot be inflated.") from None
    if length != size:
        raise BadPrompt("The pack has an object that is smaller than it claims.")
    at -= len(inflater.unused_data)
    return (b"".join(pieces) if keep else None), at


def apply_delta(base: bytes, delta: bytes, most: int) -> bytes:
    """Return what a delta makes of its base.

    Raises:
        BadPrompt: it does not fit its base, or makes another size than it claims.
        PackTooLarge: it claims more than ``most`` bytes.
    """
    base_size, at = _size_at(delta, 0)
    size, at = _size_at(delta, at)
    if size > most:
        raise PackTooLarge
    if base_size != len(base):
        raise BadPrompt("The pack has a delta that does not fit its base.")
    pieces: list[bytes] = []
    made = 0
    while at < len(delta) and made <= size:
        piece, at = _ordered(base, delta, at)
        made += len(piece)
        pieces.append(piece)
    if made != size:
        raise BadPrompt("The pack has a delta that makes another size than it claims.")
    return b"".join(pieces)


def _ordered(base: bytes, delta: bytes, at: int) -> tuple[bytes, int]:
    """Return what one order of a delta makes: bytes of its own, or a piece of the base."""
    order = delta[at]
    at += 1
    if not order:
        raise BadPrompt("The pack has a delta with an order that none is.")
    if order < 0x80:
        return delta[at : at + order], at + order
    numbers = [0] * 7
    for place in range(7):
        if order >> place & 1:
            if at >= len(delta):
                raise BadPrompt("The pack has a cut delta.")
            numbers[place] = delta[at]
            at += 1
    offset = int.from_bytes(bytes(numbers[:4]), "little")
    length = int.from_bytes(bytes(numbers[4:]), "little") or 0x10000
    if offset + length > len(base):
        raise BadPrompt("The pack has a delta that reaches behind its base.")
    return base[offset : offset + length], at


def _size_at(delta: bytes, at: int) -> tuple[int, int]:
    size = shift = 0
    while True:
        if at >= len(delta) or shift > 63:
            raise BadPrompt("The pack has a cut delta.")
        byte = delta[at]
        at += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return size, at
