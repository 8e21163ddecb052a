"""The journal: the local, durable, hash-chained record of everything the ingress lets through.

This is the face that the event loop sees. Appending never blocks: it queues the record for the
writer thread and returns a future, resolved when fdatasync returned 0 for the record's bytes.
A batch wakes the loop once. The future fails with AuditUnavailable when the disk refuses, and
after ``deadline_seconds`` at the latest when it hangs: ``await`` on it is bounded, callers need
no timer of their own. With ``until_published`` what is published counts as durable once the broker
has taken it, for machines whose disk does not outlive them.

Appends become durable in the order of the calls, and the chain (sequence, previous hash, record
hash) follows that order. What the journal does not do: seal, build events, publish.

Contract for callers, in three sentences. Release nothing before the future of the record that
holds it has resolved. Every interaction appended with ``opens=True`` must be ended by an event
with ``closes=True``, tried again until it works, because its segments stay on disk until then.
AuditUnavailable means "not known to be durable", so a refused record may still appear.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingress.errors import AuditUnavailable
from ingress.recording.files import QUARANTINE, REJECTED, DirectoryLock, FileOps
from ingress.recording.ledger import Extent, Ledger
from ingress.recording.segment import (
    CHUNK,
    CLOSES,
    CONTENT,
    EVENT,
    KEY,
    MAX_INTERACTION_ID_BYTES,
    MAX_MESSAGE_BYTES,
    OPENS,
    Position,
)
from ingress.recording.writer import (
    RESERVED,
    SOFT_REFUSALS,
    Append,
    JournalLimits,
    Outcome,
    Stop,
    Wake,
    Writer,
)

__all__ = ["Extent", "FileOps", "Journal", "JournalLimits", "JournalStats", "Position"]

_WRITER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_RESERVED_NAMES: Final = frozenset({REJECTED, QUARANTINE})
_CLOSE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class JournalStats:
    """Figures for /metrics and /readyz, as they stand."""

    records: int
    bytes_on_disk: int
    segments: int
    unacknowledged_count: int
    oldest_unpublished_age_seconds: float
    pending_count: int
    healthy: bool
    last_error: str | None


class Journal:
    """The journal of one process life. All methods belong to the event loop that opened it,
    except ``next_extent``, ``acknowledge``, ``refuse``, ``pin`` and ``stats``: any thread may.
    """  # noqa: D205 - one sentence

    def __init__(  # noqa: PLR0913 - three of them have a default that nearly everyone wants
        self,
        root: Path,
        writer_id: str,
        *,
        limits: JournalLimits | None = None,
        files: FileOps | None = None,
        on_event_durable: Callable[[Position], None] | None = None,
        until_published: bool = False,
    ) -> None:
        """Create and lock ``root/writer_id`` and start the writer thread.

        Call it inside a running loop. ``writer_id`` must be new for every process life.
        ``on_event_durable`` is called on the loop for every event in sequence order, before the
        event's own future resolves: a checkpoint signer's leaves. It must not raise.
        ``until_published`` needs a publisher that runs, and does not cover chunks.

        Raises:
            ValueError: the writer id is not a plain name.
            AuditUnavailable: the directory cannot be made.
        """
        if not _WRITER_ID.fullmatch(writer_id) or writer_id in _RESERVED_NAMES:
            raise ValueError("a writer id is 1 to 128 letters, digits, '.', '_' or '-'")
        self.writer_id = writer_id
        self._limits = limits or JournalLimits()
        self._loop = asyncio.get_running_loop()
        self._on_event_durable = on_event_durable
        self._ledger = Ledger()
        self._pending: deque[Append] = deque()
        self._pending_bytes = 0
        # Only with until_published: what is on disk and not yet published, how far the broker
        # has taken it, and what of it the broker will never take.
        self._written: deque[tuple[Append, Outcome]] | None = deque() if until_published else None
        self._published_to = (0, 0)
        self._refused: set[tuple[int, int]] = set()
        self._watchdog: asyncio.TimerHandle | None = None
        self._closing = False
        self._ended = asyncio.Event()
        try:
            lock = DirectoryLock.create(root, writer_id)
        except OSError as error:
            raise AuditUnavailable("io_error") from error
        self._writer = Writer(
            lock,
            writer_id,
            self._limits,
            files or FileOps(),
            self._ledger,
            settle=self._post_settle,
            ended=self._post_ended,
        )
        self._queue = self._writer.queue
        self._writer.start()

    # ---- appending ----

    def append_event(
        self,
        body: bytes,
        contents: bytes = b"[]",
        *,
        interaction_id: str | None = None,
        opens: bool = False,
        closes: bool = False,
    ) -> asyncio.Future[Position]:
        """Queue an event; the future gives its position, sequence number and record hash.

        Args:
            body: a compact JSON object with one member or more and none of ``writer_id``,
                ``sequence``, ``previous_hash``: the journal puts those in front.
            contents: a JSON array, published beside the record and outside its hash.
            interaction_id: what the event belongs to; needed with ``opens`` and ``closes``.
            opens: from here on the interaction holds its segments on disk.
            closes: the interaction has ended; may use the disk's last reserve.

        Raises:
            ValueError: a body or id that the journal cannot take; a bug of the caller.
        """
        if not body.startswith(b'{"'):
            raise ValueError("an event's body is a compact JSON object with a member")
        if interaction_id is None and (opens or closes):
            raise ValueError("opening and closing events need an interaction id")
        flags = (OPENS if opens else 0) | (CLOSES if closes else 0)
        return self._submit(EVENT, flags, interaction_id, body, contents)

    def append_content(
        self, message: bytes, *, interaction_id: str | None, closing: bool = False
    ) -> asyncio.Future[Position]:
        """Queue a message that is published as it is: contents too large for their event.

        ``closing`` says that the closing event of the interaction needs it: it may then use the
        disk's last reserve.

        Raises:
            ValueError: the message is larger than Pub/Sub takes, or the id is not plain.
        """
        return self._submit(CONTENT, RESERVED if closing else 0, interaction_id, message, b"")

    def append_key(self, message: bytes) -> asyncio.Future[Position]:
        """Queue a wrapped content key, which is published as it is.

        Raises:
            ValueError: the message is larger than Pub/Sub takes.
        """
        return self._submit(KEY, 0, None, message, b"")

    def append_chunk(self, interaction_id: str, payload: bytes) -> asyncio.Future[Position]:
        """Queue sealed text that is about to be released; it never leaves this machine.

        Raises:
            ValueError: the payload is larger than a record may be, or the id is not plain.
        """
        return self._submit(CHUNK, 0, interaction_id, payload, b"")

    def _submit(
        self, kind: int, flags: int, interaction_id: str | None, message: bytes, contents: bytes
    ) -> asyncio.Future[Position]:
        size = len(message) + len(contents)
        if size > MAX_MESSAGE_BYTES:
            raise ValueError("a record is larger than Pub/Sub takes")
        if interaction_id is not None and (
            len(interaction_id) > MAX_INTERACTION_ID_BYTES or not interaction_id.isascii()
        ):
            raise ValueError("an interaction id is at most 255 ASCII characters")
        future: asyncio.Future[Position] = self._loop.create_future()
        now = time.monotonic()
        reason = self._refusal(now, size, flags)
        if reason is not None:
            _fail(future, reason)
            return future
        append = Append(future, now, kind, flags, interaction_id, message, contents)
        self._pending.append(append)
        self._pending_bytes += size
        if self._watchdog is None:
            self._watchdog = self._loop.call_later(self._limits.deadline_seconds, self._watch)
        self._queue.put(append)
        return future

    def _refusal(self, now: float, size: int, flags: int) -> str | None:
        """Return why an append cannot be taken now, None if it can."""
        if self._closing:
            return "closed"
        refusal = self._writer.refusal
        if refusal is not None and not (refusal in SOFT_REFUSALS and flags & (CLOSES | RESERVED)):
            return refusal
        if self._pending:
            if now - self._pending[0].submitted_at > self._limits.deadline_seconds:
                return "deadline"
            if self._pending_bytes + size > self._limits.queue_bytes:
                return "queue_full"
        return None

    # ---- settling, on the loop ----

    def _post_settle(self, batch: Sequence[Append], outcomes: Sequence[Outcome]) -> None:
        """Hand a batch's outcome to the loop; called by the writer thread."""
        self._post(self._settle, batch, outcomes)

    def _post(self, call: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(call, *arguments)

    def _settle(self, batch: Sequence[Append], outcomes: Sequence[Outcome]) -> None:
        settled: Iterable[tuple[Append, Outcome]] = zip(batch, outcomes, strict=True)
        if self._written is not None:
            self._written.extend(settled)
            settled = self._taken(self._written)
        hook = self._on_event_durable
        for append, outcome in settled:
            self._pending.popleft()
            self._pending_bytes -= len(append.message) + len(append.contents)
            future = append.future
            if isinstance(outcome, str):
                _fail(future, outcome)
                continue
            if hook is not None and append.kind == EVENT:
                hook(outcome)
            if not future.done():
                future.set_result(outcome)
            elif append.flags & OPENS and append.interaction_id and not future.cancelled():
                # Its caller was told no at the deadline, so nobody will close it.
                self._ledger.abandon(append.interaction_id)

    def _taken(self, written: deque[tuple[Append, Outcome]]) -> Iterator[tuple[Append, Outcome]]:
        """Take out what need not wait for the broker any longer, in order."""
        while written:
            append, outcome = written[0]
            if not isinstance(outcome, str) and append.kind != CHUNK:
                if outcome[:2] > self._published_to:
                    return
                if outcome[:2] in self._refused:
                    self._refused.discard(outcome[:2])
                    outcome = "rejected"
            written.popleft()
            yield append, outcome

    def _note_published(self, position: Position) -> None:
        self._published_to = max(self._published_to, position[:2])
        self._settle((), ())

    def _watch(self) -> None:
        """Fail what has waited too long, and come back when the next one is due."""
        self._watchdog = None
        overdue = time.monotonic() - self._limits.deadline_seconds
        for append in self._pending:
            if append.submitted_at > overdue:
                delay = append.submitted_at - overdue
                self._watchdog = self._loop.call_later(delay, self._watch)
                return
            _fail(append.future, "deadline")

    # ---- what the publisher calls, from its thread ----

    def on_durable(self, callback: Callable[[], None]) -> None:
        """Have the writer thread call this after each batch that holds something to publish."""
        self._writer.published = callback

    def next_extent(self, after: Position) -> Extent | None:
        """Return durable bytes behind a position that hold something to publish, or None."""
        return self._ledger.next_extent(after)

    def acknowledge(self, position: Position, count: int = 1) -> None:
        """Note that everything up to a position is published; ``count`` messages more than before.

        Segments that nobody needs any more are removed soon after.
        """
        if self._ledger.acknowledge(position, count):
            self._queue.put(Wake())
        if self._written is not None:
            self._post(self._note_published, position)

    def refuse(self, position: Position) -> None:
        """Note that the broker will never take the message that ends here; acknowledge it after."""
        if self._written is not None:
            self._post(self._refused.add, position[:2])

    def pin(self, segment: int) -> None:
        """Keep a segment for good, because damage was found in it."""
        self._ledger.pin(segment)

    # ---- introspection and end ----

    @property
    def healthy(self) -> bool:
        """Whether an append made now has a fair chance: what /readyz says of the journal."""
        return self._refusal(time.monotonic(), 0, 0) is None

    def stats(self) -> JournalStats:
        """Return the figures as they stand."""
        figures = self._ledger.figures()
        oldest = figures.oldest_unpublished_at
        return JournalStats(
            records=self._writer.records,
            bytes_on_disk=figures.bytes_on_disk,
            segments=figures.segments,
            unacknowledged_count=figures.unacknowledged_count,
            oldest_unpublished_age_seconds=0.0 if oldest is None else time.monotonic() - oldest,
            pending_count=len(self._pending),
            healthy=self.healthy,
            last_error=self._writer.last_error,
        )

    async def close(self, timeout_seconds: float = _CLOSE_SECONDS) -> bool:
        """Make everything queued durable and end the thread; True if that worked in time.

        Close the publisher first: if nothing is left to publish or to close, the directory goes,
        else the next process adopts it. A second call waits for the first.
        """
        if not self._closing:
            self._closing = True
            self._queue.put(Stop())
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._ended.wait()
        except TimeoutError:
            pass
        for append in self._pending:
            _fail(append.future, "closed")
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        return self._ended.is_set()

    def _post_ended(self) -> None:
        self._post(self._ended.set)


def _fail(future: asyncio.Future[Position], reason: str) -> None:
    if not future.done():
        future.set_exception(AuditUnavailable(reason))
        future.exception()  # marks it as seen: a caller that left need not be told in the log
