"""Take over the journals of dead writers: read them back, judge damage, hand them on.

``adopt`` finds sibling directories whose owner no longer holds the flock. For each it cuts a torn
tail (never promised to anyone), moves a damaged file to ``quarantine/`` with every intact record
of it still published, and reports what the dead writer left open.

What the caller then does, in this order: append an ``interaction.failed`` for each open
interaction and a ``writer.closed`` to its own journal; give the orphan to the publisher; when the
closing records are durable, call ``Orphan.release()``. A successor may die half-way, and the next
one then adopts the same orphan again, so the ``event_id`` of those closing events must be derived
from the orphan's writer id and the interaction id, not drawn anew.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from ingress.recording.files import QUARANTINE, REJECTED, DirectoryLock, sync_directory
from ingress.recording.ledger import Extent
from ingress.recording.segment import (
    CHUNK,
    CLOSED,
    CLOSES,
    CONTENT,
    EVENT,
    EVENT_RECORD_OFFSET,
    FIRST_PREVIOUS_HASH,
    KEY,
    OPENS,
    Frame,
    Header,
    Hole,
    Position,
    decode_header,
    record_hash,
    record_prefix,
    walk,
)

logger = logging.getLogger(__name__)

_HASH_OFFSET: Final = len(b',"record_hash":"')
_HEADER_LIMIT: Final = 64 * 1024


class OpenInteraction(NamedTuple):
    """What a dead writer had begun and not ended.

    ``opening`` is the published message of the opening event; ``chunks`` are the sealed texts
    that may have been released to the client, in order.
    """

    interaction_id: str
    opening: bytes
    chunks: tuple[bytes, ...]


class Damage(NamedTuple):
    """One damaged segment. ``reason``: corrupt | truncated | header | chain."""

    segment: int
    reason: str
    kept_as: Path


@dataclass(eq=False)
class Orphan:
    """A dead writer's journal, locked by this process. A source for the publisher.

    ``last_sequence`` is -1 when it holds no event. ``closed`` says that the writer ended on
    purpose, so no closing records are due. ``torn_bytes`` were cut from the end.
    """

    writer_id: str
    last_sequence: int = -1
    last_hash: str = FIRST_PREVIOUS_HASH
    open_interactions: tuple[OpenInteraction, ...] = ()
    closed: bool = False
    torn_bytes: int = 0
    damage: tuple[Damage, ...] = ()
    extents: list[Extent] = field(default_factory=list, repr=False)
    lock: DirectoryLock | None = field(default=None, repr=False)
    _published: Position = field(default=Position(0, 0), repr=False)
    _released: bool = field(default=False, repr=False)
    _gone: bool = field(default=False, repr=False)
    _mutex: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def next_extent(self, after: Position) -> Extent | None:
        """Return the next run of frames behind a position, None when there is none."""
        for extent in self.extents:
            if extent.segment < after.segment:
                continue
            start = max(extent.start, after.end if extent.segment == after.segment else 0)
            if start < extent.end:
                return extent._replace(start=start)
        return None

    def acknowledge(self, position: Position, count: int = 1) -> None:  # noqa: ARG002 - protocol
        """Note that everything up to a position is published."""
        with self._mutex:
            self._published = max(self._published, Position(position.segment, position.end))
        self._remove_if_done()

    def refuse(self, position: Position) -> None:
        """Do nothing: nobody waits for an orphan's message."""

    def pin(self, segment: int) -> None:
        """Do nothing: damage in an orphan was judged when it was adopted."""

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """Yield the kind and message of everything still to be published, in order.

        Raises:
            OSError: a segment cannot be read.
        """
        words = {EVENT: "event", CONTENT: "content", KEY: "key"}
        for extent in self.extents:
            data = extent.path.read_bytes()
            for frame in walk(data[: extent.end], extent.start):
                if isinstance(frame, Frame) and frame.kind in words:
                    yield words[frame.kind], data[frame.message_start : frame.end]

    @property
    def is_published(self) -> bool:
        """Whether everything in it is acknowledged."""
        if not self.extents:
            return True
        last = self.extents[-1]
        return self._published >= Position(last.segment, last.end)

    @property
    def is_gone(self) -> bool:
        """Whether the directory has been removed."""
        return self._gone

    def release(self) -> None:
        """Say that the closing records are durable: the directory goes once all is published."""
        self._released = True
        self._remove_if_done()

    def close(self) -> None:
        """Let go of the directory without removing it: the next process adopts it."""
        if self.lock is not None:
            self.lock.close()

    def _remove_if_done(self) -> None:
        with self._mutex:
            if self._gone or not self._released or not self.is_published:
                return
            self._gone = True
            if self.lock is not None:
                try:
                    self.lock.remove_directory()
                except OSError:
                    logger.exception("orphan not removed", extra={"writer_id": self.writer_id})


def adopt(root: Path, own_writer_id: str) -> list[Orphan]:
    """Lock and read back every dead writer's journal below ``root``, oldest name first.

    A directory that cannot be read is reported in the log and left alone for the next start.
    Directories without a record are removed at once. Blocking: it reads every segment.
    """
    orphans: list[Orphan] = []
    for directory in sorted(root.iterdir()) if root.is_dir() else []:
        name = directory.name
        if name in (own_writer_id, REJECTED, QUARANTINE) or name.startswith("."):
            continue
        try:
            lock = DirectoryLock.seize(directory) if directory.is_dir() else None
        except OSError:
            logger.exception("orphan not opened", extra={"writer_id": name})
            continue
        if lock is None:
            continue
        try:
            orphan = _Reader(root, lock, name).read()
            if orphan is None:
                lock.remove_directory()
            else:
                orphans.append(orphan)
        except OSError:
            lock.close()
            logger.exception("orphan not read", extra={"writer_id": name})
    return orphans


class _Segment(NamedTuple):
    """A segment file as found, before it is judged."""

    number: int
    path: Path
    data: bytes
    header: Header | None
    first_frame: int


class _Reader:
    """Reads one dead writer's directory. Used once."""

    def __init__(self, root: Path, lock: DirectoryLock, writer_id: str) -> None:
        self._root = root
        self._lock = lock
        self._orphan = Orphan(writer_id, lock=lock)
        self._open: dict[str, tuple[bytes, list[bytes]]] = {}
        self._damage: list[Damage] = []
        self._prefix = record_prefix(writer_id)

    def read(self) -> Orphan | None:
        """Return the orphan; None when its directory holds no record at all."""
        paths = sorted(self._lock.directory.glob("*.segment"))
        valid_bytes = _collect_valid_bytes(paths)
        for path in paths:
            self._read_segment(_load(path), valid_bytes)
        orphan = self._orphan
        orphan.open_interactions = tuple(
            OpenInteraction(identifier, opening, tuple(chunks))
            for identifier, (opening, chunks) in self._open.items()
        )
        orphan.damage = tuple(self._damage)
        empty = orphan.last_sequence < 0 and not orphan.extents
        return None if empty and not self._damage else orphan

    def _read_segment(self, segment: _Segment, valid_bytes: dict[int, int]) -> None:
        promised = valid_bytes.get(segment.number)
        data = segment.data if promised is None else segment.data[:promised]
        frames: list[Frame] = []
        holes: list[Hole] = []
        for item in walk(data, segment.first_frame):
            if isinstance(item, Frame):
                frames.append(item)
            else:
                holes.append(item)
        synced = max((frame.batch_start for frame in frames), default=0)
        reason = self._judge(segment, promised, holes, synced)
        if not reason and holes:
            frames = self._cut(segment, holes[0].start, frames)
        broken_chain = self._replay(segment, data, frames)
        reason = reason or broken_chain
        path = self._quarantine(segment, reason) if reason else segment.path
        if any(frame.kind in (EVENT, CONTENT, KEY) for frame in frames):
            last = max(frame.end for frame in frames if frame.kind in (EVENT, CONTENT, KEY))
            extent = Extent(path, segment.number, segment.first_frame, last)
            self._orphan.extents.append(extent)

    @staticmethod
    def _judge(segment: _Segment, promised: int | None, holes: list[Hole], synced: int) -> str:
        """Return how the segment is damaged, or nothing: a torn tail is no damage."""
        if segment.header is None:
            # A crash can tear a header only before the first frame: the header is synced first.
            is_torn = promised is None and not synced and len(segment.data) <= _HEADER_LIMIT
            return "" if is_torn else "header"
        if promised is not None and len(segment.data) < promised:
            return "truncated"
        if any(promised is not None or hole.start < synced for hole in holes):
            return "corrupt"
        return ""

    def _cut(self, segment: _Segment, end: int, frames: list[Frame]) -> list[Frame]:
        """Cut a torn tail off the file; what follows in the same batch was never promised."""
        if segment.data[end:].strip(b"\0"):  # else it was only reserved
            self._orphan.torn_bytes += len(segment.data) - end
        with segment.path.open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())
        return [frame for frame in frames if frame.end <= end]

    def _replay(self, segment: _Segment, data: bytes, frames: list[Frame]) -> str:
        """Follow the chain and the open interactions; "chain" if a link does not hold."""
        orphan = self._orphan
        expected = None
        if segment.header is not None:
            expected = (segment.header.first_sequence, segment.header.previous_hash)
        broken = ""
        for frame in frames:
            message = data[frame.message_start : frame.end]
            if frame.kind == EVENT:
                link = self._link(message, frame.record_bytes, expected)
                if link is None:
                    broken, expected = "chain", None
                else:
                    orphan.last_sequence, orphan.last_hash = link
                    expected = (link[0] + 1, link[1])
            self._note_interaction(frame, message)
            if frame.kind == CLOSED:
                orphan.closed = True
        return broken

    def _link(
        self, message: bytes, record_bytes: int, expected: tuple[int, str] | None
    ) -> tuple[int, str] | None:
        """Return the sequence and hash of an event whose link holds, else None."""
        end = EVENT_RECORD_OFFSET + record_bytes
        record = message[EVENT_RECORD_OFFSET:end]
        digest = record_hash(record)
        written = message[end + _HASH_OFFSET : end + _HASH_OFFSET + len(digest)]
        if written != digest.encode() or not record.startswith(self._prefix):
            return None
        number, _, rest = record[len(self._prefix) :].partition(b",")
        previous = rest[len(b'"previous_hash":"') :][: len(digest)].decode("ascii", "replace")
        if not number.isdigit() or (expected is not None and (int(number), previous) != expected):
            return None
        return int(number), digest

    def _note_interaction(self, frame: Frame, message: bytes) -> None:
        if frame.flags & CLOSES:
            self._open.pop(frame.interaction_id, None)
        elif frame.flags & OPENS:
            self._open[frame.interaction_id] = (message, [])
        elif frame.kind == CHUNK and frame.interaction_id in self._open:
            self._open[frame.interaction_id][1].append(message)

    def _quarantine(self, segment: _Segment, reason: str) -> Path:
        """Move a damaged file out of the directory, which will be removed, and report it."""
        folder = self._root / QUARANTINE
        folder.mkdir(mode=0o700, exist_ok=True)
        kept_as = folder / f"{self._orphan.writer_id}-{segment.path.name}"
        segment.path.rename(kept_as)
        sync_directory(folder)
        self._damage.append(Damage(segment.number, reason, kept_as))
        logger.error(
            "journal segment damaged",
            extra={
                "writer_id": self._orphan.writer_id,
                "segment": segment.number,
                "reason": reason,
            },
        )
        return kept_as


def _load(path: Path) -> _Segment:
    data = path.read_bytes()
    decoded = decode_header(data)
    number = int(path.stem)
    if decoded is None:
        return _Segment(number, path, data, None, 0)
    return _Segment(number, path, data, *decoded)


def _collect_valid_bytes(paths: list[Path]) -> dict[int, int]:
    """Read every header for what it says of earlier segments."""
    valid: dict[int, int] = {}
    for path in paths:
        with path.open("rb") as file:
            decoded = decode_header(file.read(_HEADER_LIMIT))
        if decoded is not None:
            valid.update(decoded[0].valid_bytes)
    return valid
