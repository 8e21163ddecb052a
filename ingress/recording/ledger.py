"""Which segments exist, what of them is published, and which may go.

The ledger is the one object that the writer thread, the publisher thread and the event loop share,
so every method takes its lock, once per batch. It touches no file.

A segment may be removed when it is not the current one, everything publishable in it is
acknowledged, no interaction that opened or left chunks in it is still open, and no damage was
found in it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from ingress.recording.segment import CHUNK, CLOSES, OPENS, Position

_AGE_GRAIN_SECONDS: Final = 1.0
"""Unpublished batches closer together than this share one entry: an outage of hours stays small."""


class Extent(NamedTuple):
    """A run of durable bytes of one segment, on frame boundaries, with something to publish."""

    path: Path
    segment: int
    start: int
    end: int


class Mark(NamedTuple):
    """What the ledger must know of one durable record that belongs to an interaction."""

    kind: int
    flags: int
    interaction_id: str


@dataclass(slots=True)
class _Segment:
    path: Path
    first_frame: int
    durable_end: int
    publish_end: int = 0
    acknowledged_end: int = 0
    holds: int = 0
    pinned: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class LedgerFigures:
    """The ledger's part of the journal's figures."""

    segments: int
    bytes_on_disk: int
    unacknowledged_count: int
    oldest_unpublished_at: float | None


class Ledger:
    """The books of one writer's segments. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._segments: dict[int, _Segment] = {}
        self._current = 0
        self._open: dict[str, list[int]] = {}
        self._unpublished: deque[tuple[float, int, int]] = deque()
        self._unacknowledged = 0
        self._bytes = 0

    def opened(self, segment: int, path: Path, first_frame: int) -> None:
        """Make a new segment the current one; its header is durable."""
        with self._lock:
            self._segments[segment] = _Segment(path, first_frame, first_frame)
            self._current = segment
            self._bytes += first_frame

    def committed(
        self,
        durable_end: int,
        publish_end: int,
        published_count: int,
        marks: Iterable[Mark],
        now: float,
    ) -> None:
        """Book a durable batch of the current segment; ``publish_end`` 0: nothing to publish."""
        with self._lock:
            segment = self._segments[self._current]
            self._bytes += durable_end - segment.durable_end
            segment.durable_end = durable_end
            if publish_end:
                segment.publish_end = publish_end
                self._unacknowledged += published_count
                self._note_unpublished(publish_end, now)
            for mark in marks:
                self._book(mark)

    def _note_unpublished(self, publish_end: int, now: float) -> None:
        if self._unpublished:
            at, _, _ = self._unpublished[-1]
            if now - at < _AGE_GRAIN_SECONDS:
                self._unpublished[-1] = (at, self._current, publish_end)
                return
        self._unpublished.append((now, self._current, publish_end))

    def _book(self, mark: Mark) -> None:
        if mark.flags & CLOSES:
            self._let_go(mark.interaction_id)
        elif mark.flags & OPENS or mark.kind == CHUNK:
            held = self._open.get(mark.interaction_id)
            if held is None:
                if not mark.flags & OPENS:
                    return  # a chunk of an interaction that is not open proves nothing to anyone
                held = self._open[mark.interaction_id] = []
            if not held or held[-1] != self._current:
                held.append(self._current)
                self._segments[self._current].holds += 1

    def _let_go(self, interaction_id: str) -> None:
        for segment in self._open.pop(interaction_id, ()):
            self._segments[segment].holds -= 1

    def abandon(self, interaction_id: str) -> None:
        """Stop holding segments for an interaction whose opening was refused to its caller."""
        with self._lock:
            self._let_go(interaction_id)

    def failed(self) -> None:
        """Book that the current segment takes no more; its durable end stands."""
        with self._lock:
            segment = self._segments.get(self._current)
            if segment is not None:
                segment.failed = True
            self._current = 0

    def retired(self) -> None:
        """Book that the current segment is full."""
        with self._lock:
            self._current = 0

    def valid_bytes(self, previous: int) -> dict[int, int]:
        """Return the durable end of the previous segment and of each failed one still on disk."""
        with self._lock:
            return {
                number: segment.durable_end
                for number, segment in self._segments.items()
                if segment.failed or number == previous
            }

    def acknowledge(self, position: Position, count: int) -> bool:
        """Book that all up to a position is published; True if a segment became removable."""
        with self._lock:
            segment = self._segments.get(position.segment)
            if segment is not None:
                segment.acknowledged_end = max(segment.acknowledged_end, position.end)
            self._unacknowledged -= count
            reached = (position.segment, position.end)
            while self._unpublished and self._unpublished[0][1:] <= reached:
                self._unpublished.popleft()
            return any(self._is_removable(number) for number in self._segments)

    def pin(self, segment: int) -> None:
        """Keep a segment for good: damage was found in it."""
        with self._lock:
            if segment in self._segments:
                self._segments[segment].pinned = True

    def next_extent(self, after: Position) -> Extent | None:
        """Return the next run of publishable bytes behind a position, None when there is none."""
        with self._lock:
            for number, segment in self._segments.items():
                if number < after.segment:
                    continue
                start = max(segment.first_frame, after.end if number == after.segment else 0)
                if start < segment.publish_end:
                    return Extent(segment.path, number, start, segment.publish_end)
            return None

    def _is_removable(self, number: int) -> bool:
        segment = self._segments[number]
        return (
            number != self._current
            and segment.acknowledged_end >= segment.publish_end
            and not segment.holds
            and not segment.pinned
        )

    def removable(self) -> list[tuple[int, Path]]:
        """Return the segments that may be removed now."""
        with self._lock:
            return [
                (number, segment.path)
                for number, segment in self._segments.items()
                if self._is_removable(number)
            ]

    def removed(self, number: int) -> None:
        """Forget a segment whose file is gone."""
        with self._lock:
            self._bytes -= self._segments.pop(number).durable_end

    @property
    def bytes_on_disk(self) -> int:
        """How many durable bytes the segments hold."""
        return self._bytes

    @property
    def is_settled(self) -> bool:
        """Whether everything is published, nothing is open and nothing is damaged."""
        with self._lock:
            return not self._open and all(
                segment.acknowledged_end >= segment.publish_end and not segment.pinned
                for segment in self._segments.values()
            )

    def figures(self) -> LedgerFigures:
        """Return the figures as they stand."""
        with self._lock:
            return LedgerFigures(
                segments=len(self._segments),
                bytes_on_disk=self._bytes,
                unacknowledged_count=self._unacknowledged,
                oldest_unpublished_at=self._unpublished[0][0] if self._unpublished else None,
            )
