"""The writer thread: group commit, the hash chain, and what happens when the disk fails.

One thread owns the current segment file and the chain. It takes all that is queued up to a limit,
writes it with one write, makes it durable with one fdatasync, and only then moves the chain on
and settles the batch. A failed batch therefore leaves no gap: its sequence numbers are used again.

After a failed write or sync the file is never synced again: the kernel may have dropped the dirty
pages, and a second fdatasync may return success for bytes that are gone. The file is cut back to
its last durable byte if that works, the next segment's header states that byte in any case, and
the chain goes on there. Source: the PostgreSQL wiki, "Fsync Errors".

Called by ``journal.Journal`` alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple

from ingress.recording.files import DirectoryLock, FileOps
from ingress.recording.ledger import Ledger, Mark
from ingress.recording.segment import (
    CHUNK,
    CLOSED,
    CLOSES,
    CONTENT,
    EVENT,
    FIRST_PREVIOUS_HASH,
    KEY,
    OPENS,
    Header,
    Position,
    encode_event,
    encode_frame,
    encode_header,
    record_hash,
    record_prefix,
    segment_name,
    splice_record,
)

logger = logging.getLogger(__name__)

RESERVED: Final = 4
"""Flag in memory only: part of what ends an interaction, so it may use the disk's last reserve."""

SOFT_REFUSALS: Final = frozenset({"disk_low", "journal_full"})
"""Refusals that spare RESERVED appends: ending interactions is what frees segments."""

_STORED_FLAGS: Final = OPENS | CLOSES
_SPACE_CHECK_SECONDS: Final = 0.5
_FIRST_BACKOFF_SECONDS: Final = 0.05
_LAST_BACKOFF_SECONDS: Final = 1.0
_RESERVE_BYTES: Final = 256 * 1024
"""How far ahead a segment is filled with zeros. A commit that only overwrites changes no size, so
its fdatasync leaves the file system's own journal alone: half the CPU time and half the wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLimits:
    """How much the journal holds and how long anybody waits for it."""

    segment_bytes: int = 8 * 1024 * 1024
    """A segment at least this long is followed by a new one."""
    max_bytes: int = 4 * 1024**3
    """All segments of this writer together; beyond it, appends are refused."""
    min_free_bytes: int = 1024**3
    """Below this much free disk, appends are refused; what ends an interaction may use it up."""
    queue_bytes: int = 64 * 1024 * 1024
    """Appends waiting in memory; beyond it, appends are refused."""
    batch_count: int = 256
    """Records of one group commit."""
    batch_bytes: int = 2 * 1024 * 1024
    """Bytes of one group commit, give or take one record."""
    commit_seconds: float = 0.001
    """Between the beginnings of two group commits under load; 0: as fast as the disk takes them."""
    deadline_seconds: float = 2.0
    """An append that is not durable after this long fails."""


class Append(NamedTuple):
    """One record on its way to the disk."""

    future: asyncio.Future[Position]
    submitted_at: float
    kind: int
    flags: int
    interaction_id: str | None
    message: bytes
    contents: bytes


Outcome = Position | str
"""Where an append ended up, or the reason why it did not."""

Settle = Callable[[Sequence[Append], Sequence[Outcome]], None]


class Stop:
    """Queued behind the last append: finish and end the thread."""


class Wake:
    """Queued to make the writer look for removable segments."""


class Writer(threading.Thread):
    """The thread that owns one writer's segments and chain."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of one writer, all needed
        self,
        lock: DirectoryLock,
        writer_id: str,
        limits: JournalLimits,
        files: FileOps,
        ledger: Ledger,
        settle: Settle,
        ended: Callable[[], None],
    ) -> None:
        super().__init__(name="journal-writer", daemon=True)
        self.queue: SimpleQueue[Append | Stop | Wake] = SimpleQueue()
        self.refusal: str | None = None
        self.last_error: str | None = None
        self.records = 0
        self.published: Callable[[], None] | None = None
        self._lock = lock
        self._writer_id = writer_id
        self._limits = limits
        self._files = files
        self._ledger = ledger
        self._settle = settle
        self._ended = ended
        self._prefix = record_prefix(writer_id)
        self._sequence = 0
        self._previous_hash = FIRST_PREVIOUS_HASH
        self._descriptor: int | None = None
        self._segment = 0
        self._durable_end = 0
        self._reserved_end = 0
        self._failures = 0
        self._retry_at = 0.0
        self._space_checked_at = 0.0
        self._cleaned_at = 0.0
        self._gather_until = 0.0
        self._is_busy = False
        self._stopping = False

    def run(self) -> None:
        """Serve the queue until a Stop has come and everything before it is settled."""
        try:
            while not (self._stopping and self.queue.empty()):
                self._keep_house()
                batch = self._take()
                if batch:
                    self._serve(batch)
            self._finish()
        finally:
            self.refusal = "closed"
            self._lock.close()
            self._ended()

    def _take(self) -> list[Append]:
        """Wait for appends and take what is queued, up to one batch."""
        batch: list[Append] = []
        size = 0
        queue = self.queue
        try:
            item = queue.get(timeout=0 if self._stopping else self._patience())
            if not self._stopping:
                self._gather()
            while True:
                if isinstance(item, Append):
                    batch.append(item)
                    size += len(item.message) + len(item.contents)
                    if len(batch) >= self._limits.batch_count or size >= self._limits.batch_bytes:
                        break
                elif isinstance(item, Stop):
                    self._stopping = True
                else:
                    self._cleaned_at = 0.0
                item = queue.get_nowait()
        except Empty:
            pass
        self._is_busy = len(batch) > 1
        return batch

    def _gather(self) -> None:
        """Let a batch grow while the one before it is young, if that held more than one record.

        Under load there are fewer commits then, of which each costs as much as ten records; a
        caller alone, and the first after a pause, never waits for others.
        """
        now = time.monotonic()
        if self._is_busy and now < self._gather_until:
            time.sleep(self._gather_until - now)
            now = time.monotonic()
        self._gather_until = now + self._limits.commit_seconds

    def _patience(self) -> float:
        if self._descriptor is None:
            wait = self._retry_at - time.monotonic()
            return min(max(wait, 0.001), _SPACE_CHECK_SECONDS)
        return _SPACE_CHECK_SECONDS

    def _serve(self, batch: list[Append]) -> None:
        """Commit a batch and settle each append of it, in order."""
        self._check_space()
        outcomes: list[Outcome] = [self._admit(append) for append in batch]
        admitted = [place for place, reason in enumerate(outcomes) if not reason]
        if admitted:
            try:
                positions = self._commit([batch[place] for place in admitted])
            except OSError as error:
                self._poison(error)
                batch = batch + self._drain()
                outcomes = [*outcomes, *[""] * (len(batch) - len(outcomes))]
                outcomes = [reason or self.last_error or "io_error" for reason in outcomes]
            else:
                for place, position in zip(admitted, positions, strict=True):
                    outcomes[place] = position
        self._settle(batch, outcomes)

    def _admit(self, append: Append) -> str:
        """Return why an append must not be written, or nothing."""
        future = append.future
        if future.done() and not future.cancelled():
            return "deadline"  # its caller was told no; a cancelled one must still be recorded
        if self.refusal in SOFT_REFUSALS and not append.flags & (CLOSES | RESERVED):
            return self.refusal or ""
        return ""

    def _commit(self, batch: Sequence[Append]) -> list[Position]:
        """Write a batch, make it durable, move the chain on.

        Raises:
            OSError: nothing of the batch may be believed durable.
        """
        descriptor = self._open_segment()
        start = end = self._durable_end
        sequence, previous_hash = self._sequence, self._previous_hash
        buffers: list[bytes] = []
        positions: list[Position] = []
        marks: list[Mark] = []
        publish_end = published = 0
        for _, _, kind, flags, interaction_id, message, contents in batch:
            record_bytes = 0
            digest = ""
            stored = flags & _STORED_FLAGS
            if kind == EVENT:
                record = splice_record(self._prefix, sequence, previous_hash, message)
                digest = record_hash(record)
                record_bytes = len(record)
                message = encode_event(record, digest, contents)  # noqa: PLW2901 - what is stored
            identifier = interaction_id.encode() if interaction_id is not None else b""
            frame = encode_frame(kind, stored, identifier, message, record_bytes, start)
            buffers += (frame, message)
            end += len(frame) + len(message)
            if kind == EVENT:
                positions.append(Position(self._segment, end, sequence, digest))
                sequence += 1
                previous_hash = digest
            else:
                positions.append(Position(self._segment, end))
            if kind != CHUNK:
                publish_end = end
                published += 1
            if interaction_id is not None and (stored or kind == CHUNK):
                marks.append(Mark(kind, stored, interaction_id))
        if end > self._reserved_end:
            self._reserve(descriptor, end)
        self._write_durably(descriptor, b"".join(buffers))
        self._durable_end = end
        self._sequence, self._previous_hash = sequence, previous_hash
        self._ledger.committed(end, publish_end, published, marks, time.monotonic())
        self._failures = 0
        self.records += len(batch)
        if published and self.published is not None:
            self.published()
        if end >= self._limits.segment_bytes:
            self._retire_segment()
        return positions

    def _reserve(self, descriptor: int, end: int) -> None:
        """Fill the segment with zeros ahead of the bytes that are about to end at ``end``."""
        self._reserved_end = end + _RESERVE_BYTES
        with contextlib.suppress(OSError):  # a full disk is the next write's to tell
            self._files.reserve(descriptor, end, _RESERVE_BYTES)

    def _write_durably(self, descriptor: int, data: bytes) -> None:
        written = self._files.write(descriptor, data)
        if written < len(data):  # a full disk takes a part first and says so on the next call
            view = memoryview(data)
            while written < len(data):
                taken = self._files.write(descriptor, view[written:])
                if taken <= 0:
                    raise OSError(errno.ENOSPC, "the disk takes no more")
                written += taken
        self._files.fdatasync(descriptor)

    def _open_segment(self) -> int:
        """Return the current segment's descriptor; start a new segment if there is none."""
        if self._descriptor is not None:
            return self._descriptor
        self._segment += 1  # a number is never used twice, whatever became of its file
        path = self._lock.directory / segment_name(self._segment)
        header = encode_header(
            Header(
                writer_id=self._writer_id,
                segment=self._segment,
                first_sequence=self._sequence,
                previous_hash=self._previous_hash,
                valid_bytes=self._ledger.valid_bytes(self._segment - 1),
            )
        )
        descriptor = self._files.create(path)
        try:
            self._write_durably(descriptor, header)
            self._files.sync_directory(self._lock.directory)
        except OSError:
            with contextlib.suppress(OSError):  # the first error is the one to tell
                self._files.close(descriptor)
            with contextlib.suppress(OSError):  # holds no record; the recovery removes it if not
                self._files.unlink(path)
            raise
        self._descriptor = descriptor
        self._durable_end = self._reserved_end = len(header)
        self._ledger.opened(self._segment, path, len(header))
        if self.refusal not in SOFT_REFUSALS:
            self.refusal = None
        return descriptor

    def _retire_segment(self) -> None:
        """Close a full segment; the next append starts another."""
        self._close_descriptor(self._durable_end)
        self._ledger.retired()

    def _poison(self, error: OSError) -> None:
        """Give up the current segment and refuse until another one opens."""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        self.refusal = self.last_error = "disk_full" if full else "io_error"
        logger.error(
            "journal segment failed",
            extra={"writer_id": self._writer_id, "segment": self._segment, "errno": error.errno},
        )
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # the next header says the same
                self._files.truncate(self._descriptor, self._durable_end)
            self._close_descriptor()
            self._ledger.failed()
        self._back_off()

    def _back_off(self) -> None:
        pause = _FIRST_BACKOFF_SECONDS * 2 ** (self._failures - 1) if self._failures else 0.0
        self._failures = min(self._failures + 1, 16)
        self._retry_at = time.monotonic() + min(pause, _LAST_BACKOFF_SECONDS)

    def _close_descriptor(self, end: int | None = None) -> None:
        """Close the segment, with the zeros behind ``end`` cut off."""
        if self._descriptor is not None:
            if end is not None:
                with contextlib.suppress(OSError):  # a reader takes them for what they are
                    self._files.truncate(self._descriptor, end)
            with contextlib.suppress(OSError):  # all that matters was synced, or given up
                self._files.close(self._descriptor)
            self._descriptor = None

    def _drain(self) -> list[Append]:
        """Take every append that is queued: they fail with the batch before them."""
        drained: list[Append] = []
        with contextlib.suppress(Empty):
            while True:
                item = self.queue.get_nowait()
                if isinstance(item, Append):
                    drained.append(item)
                elif isinstance(item, Stop):
                    self._stopping = True
        return drained

    def _keep_house(self) -> None:
        """Remove what may go, look at the free space, and come back after a failure."""
        if time.monotonic() - self._cleaned_at >= _SPACE_CHECK_SECONDS:
            self._cleaned_at = time.monotonic()
            self._remove_segments()
        self._check_space()
        if self._descriptor is None and time.monotonic() >= self._retry_at:
            try:
                self._open_segment()
            except OSError as error:
                self._poison(error)

    def _remove_segments(self) -> None:
        for number, path in self._ledger.removable():
            try:
                self._files.unlink(path)
            except FileNotFoundError:
                pass
            except OSError:
                continue  # tried again at the next turn; the bytes stay counted
            self._ledger.removed(number)

    def _check_space(self) -> None:
        """Set or lift the refusals that have to do with space."""
        if self.refusal is not None and self.refusal not in SOFT_REFUSALS:
            return  # a failed disk comes back through a new segment only
        if self._ledger.bytes_on_disk >= self._limits.max_bytes:
            self.refusal = self.last_error = "journal_full"
            return
        now = time.monotonic()
        if self.refusal != "journal_full" and now - self._space_checked_at < _SPACE_CHECK_SECONDS:
            return
        self._space_checked_at = now
        try:
            free = self._files.free_bytes(self._lock.directory)
        except OSError as error:
            self._poison(error)
            return
        self.refusal = "disk_low" if free < self._limits.min_free_bytes else None
        self.last_error = self.refusal or self.last_error

    def _finish(self) -> None:
        """Mark the end of the writer, and leave nothing behind when everything is published."""
        try:
            descriptor = self._open_segment()
            mark = encode_frame(CLOSED, 0, b"", b"", 0, self._durable_end)
            self._write_durably(descriptor, mark)
            self._close_descriptor(self._durable_end + len(mark))
            if self._ledger.is_settled:
                self._lock.remove_directory()
        except OSError as error:
            self._poison(error)  # without the mark, the next process adopts the directory


PUBLISHED_KINDS: Final = {EVENT: "event", CONTENT: "content", KEY: "key"}
"""The kinds that leave the machine, and the word for each in a message's attributes."""
