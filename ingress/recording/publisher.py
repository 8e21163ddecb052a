"""The publisher: everything durable goes to Pub/Sub, in order, at least once.

One thread reads the segment files behind the journal's durable position, live records and the
backlog of an outage by the same path, and the journals of dead writers beside it, turn by turn.
It acknowledges to the source what the broker took; the source then removes the segment.

Nothing is dropped. A broker that is away is tried again forever. A message that the broker
refuses for what it is, alone and several times over, goes to ``rejected/`` as a durable file, and
the log and the figures say so.
"""

from __future__ import annotations

import errno
import logging
import os
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from ingress.errors import PublishRejected, PublishUnavailable
from ingress.recording.files import REJECTED, sync_directory
from ingress.recording.ledger import Extent
from ingress.recording.segment import (
    CHUNK,
    CLOSED,
    FRAME_BYTES,
    Position,
    next_frame,
    read_frame,
)
from ingress.recording.writer import PUBLISHED_KINDS

logger = logging.getLogger(__name__)

_REJECTION_ATTEMPTS: Final = 3
"""Refusals of a message alone before it is set aside: one may be the broker's bad moment."""


class Message(NamedTuple):
    """One message for Pub/Sub; ``kind`` is "event", "content" or "key"."""

    writer_id: str
    kind: str
    data: bytes
    position: Position


class Transport(Protocol):
    """The way to the broker."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Return when the broker has taken all of them, in order; bounded in time.

        Raises:
            PublishUnavailable: not this time.
            PublishRejected: never, as they are.
        """

    def close(self) -> None:
        """End every call under way; none may follow."""


class Source(Protocol):
    """A writer's durable bytes: the live journal, or an orphan."""

    writer_id: str

    def next_extent(self, after: Position) -> Extent | None:
        """Return the next publishable run behind a position, or None."""

    def acknowledge(self, position: Position, count: int = 1) -> None:
        """Note that all up to a position is published."""

    def refuse(self, position: Position) -> None:
        """Note that the message ending there was set aside; acknowledging it follows."""

    def pin(self, segment: int) -> None:
        """Keep a damaged segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherLimits:
    """How the publisher batches and how long it waits."""

    batch_count: int = 500
    """Pub/Sub takes 1,000 messages in a request. Source: cloud.google.com/pubsub/quotas."""
    batch_bytes: int = 3 * 1024 * 1024
    """Below gRPC's default limit of 4 MiB a request; a larger message goes alone."""
    read_bytes: int = 4 * 1024 * 1024
    linger_seconds: float = 0.05
    """Wait after the first record of a batch: a call costs as much as fifty messages."""
    first_backoff_seconds: float = 0.1
    last_backoff_seconds: float = 10.0


@dataclass(slots=True)
class PublisherStats:
    """Counts since the start; ``last_error`` is a status name."""

    published_count: int = 0
    retry_count: int = 0
    rejected_count: int = 0
    damaged_count: int = 0
    last_error: str | None = None


class Publisher:
    """The publishing thread of one process."""

    def __init__(
        self,
        transport: Transport,
        root: Path,
        sources: Sequence[Source] = (),
        *,
        limits: PublisherLimits | None = None,
    ) -> None:
        """Prepare to publish from ``sources``; messages refused for good go to root/rejected."""
        self.stats = PublisherStats()
        self._transport = transport
        self._rejected = root / REJECTED
        self._limits = limits or PublisherLimits()
        self._cursors: list[_Cursor] = []
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._draining = False
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        for source in sources:
            self.add(source)

    def add(self, source: Source) -> None:
        """Publish from one more source; from any thread."""
        self._cursors = [*self._cursors, _Cursor(source, self._limits)]
        self._wake.set()

    def start(self) -> None:
        """Start the thread. Connect ``journal.on_durable(publisher.wake)`` too."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something new; cheap, from any thread."""
        self._wake.set()

    def close(self, drain_seconds: float) -> bool:
        """Publish what is left, for so long at most, and stop; True if nothing is left.

        Blocking: call it with ``asyncio.to_thread``, before the journal's close.
        """
        self._draining = True
        self._wake.set()
        started = self._thread.ident is not None
        if started:
            self._thread.join(drain_seconds)
        drained = started and not self._thread.is_alive()
        self._stopping.set()
        self._wake.set()
        self._transport.close()
        if started:
            self._thread.join(1.0)
        for cursor in self._cursors:
            cursor.close()
        return drained

    def _run(self) -> None:
        while not self._stopping.is_set():
            if any([self._publish_next(cursor) for cursor in self._cursors]):  # noqa: C419 - all
                continue
            idle_seconds = self._idle_seconds()
            if self._draining and idle_seconds is None:
                return
            self._wake.wait(idle_seconds)
            self._wake.clear()
            if not self._draining:
                self._stopping.wait(self._limits.linger_seconds)

    def _idle_seconds(self) -> float | None:
        """Return when to look again without being woken: only if a source could not be read."""
        waits = [cursor.retry_at for cursor in self._cursors if cursor.retry_at]
        return max(min(waits) - time.monotonic(), 0.01) if waits else None

    def _publish_next(self, cursor: _Cursor) -> bool:
        """Publish one batch of a source; False when there is nothing, or the thread must end."""
        if time.monotonic() < cursor.retry_at:
            return False
        try:
            messages, position = cursor.read()
        except OSError as error:
            self.stats.last_error = errno.errorcode.get(error.errno or 0, "OSError")
            cursor.retry_at = time.monotonic() + self._limits.last_backoff_seconds
            logger.exception("journal not readable", extra={"writer_id": cursor.writer_id})
            return False
        self.stats.damaged_count += cursor.take_damage()
        if position is None or not self._deliver(cursor.source, messages):
            return False
        cursor.acknowledge(position, len(messages))
        self.stats.published_count += len(messages)
        return True

    def _deliver(self, source: Source, messages: Sequence[Message]) -> bool:
        """Bring messages to the broker or, refused for good, to ``rejected/``; False: must end."""
        attempts = 0
        while messages:
            if self._stopping.is_set():
                return False
            try:
                self._transport.publish(messages)
            except PublishUnavailable as error:
                self.stats.last_error = error.reason
            except PublishRejected as error:
                self.stats.last_error = error.code
                if len(messages) > 1:
                    middle = len(messages) // 2
                    halves = (messages[:middle], messages[middle:])
                    return all(self._deliver(source, half) for half in halves)
                if attempts + 1 >= _REJECTION_ATTEMPTS and self._set_aside(messages[0]):
                    source.refuse(messages[0].position)
                    return True
            except Exception as error:  # noqa: BLE001 - boundary: the thread outlives a bug there
                self.stats.last_error = type(error).__name__
                logger.error(  # noqa: TRY400 - a traceback could hold what was sent
                    "publishing failed unexpectedly", extra={"error": self.stats.last_error}
                )
            else:
                return True
            attempts += 1
            self.stats.retry_count += 1
            self._stopping.wait(self._backoff_seconds(attempts))
        return True

    def _backoff_seconds(self, attempts: int) -> float:
        limits = self._limits
        pause = limits.first_backoff_seconds * 2.0 ** min(attempts - 1, 20)
        pause = min(pause, limits.last_backoff_seconds)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret

    def _set_aside(self, message: Message) -> bool:
        """Keep a message that the broker will never take as a durable file; False if that fails."""
        place = f"{message.writer_id}-{message.position.segment}-{message.position.end}"
        path = self._rejected / f"{place}.{message.kind}.json"
        try:
            self._rejected.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor with its mode
                file.write(message.data)
                file.flush()
                os.fsync(file.fileno())
            sync_directory(self._rejected)
        except OSError:
            logger.exception("rejected message not kept", extra={"place": place})
            return False
        self.stats.rejected_count += 1
        logger.error("message rejected by Pub/Sub", extra={"place": place, "kind": message.kind})
        return True


class _Cursor:
    """Where the publisher stands in one source."""

    def __init__(self, source: Source, limits: PublisherLimits) -> None:
        self.writer_id = source.writer_id
        self.source = source
        self._limits = limits
        self._after = Position(0, 0)
        self._path: Path | None = None
        self._descriptor = -1
        self._damage = 0
        self.retry_at = 0.0

    def read(self) -> tuple[list[Message], Position | None]:
        """Return the next batch and where it ends; a position of None: nothing to read.

        Raises:
            OSError: the segment cannot be read.
        """
        extent = self.source.next_extent(self._after)
        if extent is None:
            self.retry_at = 0.0
            return [], None
        remaining = extent.end - extent.start
        data = self._load(extent, min(remaining, max(self._limits.read_bytes, FRAME_BYTES)))
        if len(data) < remaining and read_frame(data, 0, check_local=False) is None:
            data = self._load(extent, remaining)  # a frame longer than one read, or damage
        if not data:
            raise OSError(errno.EIO, "the segment is shorter than its durable bytes")
        messages, end = self._parse(extent, data, is_whole=len(data) >= remaining)
        self.retry_at = 0.0
        return messages, Position(extent.segment, extent.start + end)

    def _load(self, extent: Extent, size: int) -> bytes:
        if extent.path != self._path:
            self.close()
            self._descriptor = os.open(extent.path, os.O_RDONLY)
            self._path = extent.path
        return os.pread(self._descriptor, size, extent.start)

    def _parse(self, extent: Extent, data: bytes, *, is_whole: bool) -> tuple[list[Message], int]:
        """Return the messages of a run of frames and where they end, within the batch limits."""
        messages: list[Message] = []
        offset = size = 0
        while offset < len(data) and len(messages) < self._limits.batch_count:
            frame = read_frame(data, offset, check_local=False)
            if frame is None:
                if not is_whole and offset:
                    break  # cut by the read, or damage: the next read starts here and tells
                offset = self._skip(extent, data, offset)
                continue
            if frame.kind not in (CHUNK, CLOSED):
                size += frame.end - frame.message_start
                if messages and size > self._limits.batch_bytes:
                    break
                position = Position(extent.segment, extent.start + frame.end)
                kind = PUBLISHED_KINDS[frame.kind]
                body = data[frame.message_start : frame.end]
                messages.append(Message(self.writer_id, kind, body, position))
            offset = frame.end
        return messages, offset

    def _skip(self, extent: Extent, data: bytes, offset: int) -> int:
        """Pass over damage, keep its file, and go on at the next intact frame."""
        self._damage += 1
        self.source.pin(extent.segment)
        logger.error(
            "journal segment damaged",
            extra={"writer_id": self.writer_id, "segment": extent.segment},
        )
        return next_frame(data, offset + 1)

    def take_damage(self) -> int:
        """Return the holes met since the last call."""
        damage, self._damage = self._damage, 0
        return damage

    def acknowledge(self, position: Position, count: int) -> None:
        """Move on, and tell the source."""
        self._after = position
        self.source.acknowledge(position, count)

    def close(self) -> None:
        """Close the segment file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._path = None
