# ruff: noqa: T201 - a script for people prints its figures
"""Measure the journal: 64 writers, 2 KiB records, beside a bare append + fdatasync loop.

Run by hand: ``python tests/bench/journal_bench.py [--seconds 4] [--directory D]``. The budget is
50,000 records a second with a p99 of 2 ms (design, section 9).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import queue
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ingress.recording.journal import Journal, JournalLimits
from ingress.recording.publisher import Message, Publisher

WRITERS = 64
RECORD = b'{"event_type":"bench","text":"' + os.urandom(1000).hex().encode()[:2018] + b'"}'


class BareLog:
    """The floor: queue, one write and one fdatasync per batch, one wake-up; no format, no chain."""

    def __init__(self, directory: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue = queue.SimpleQueue()
        self._descriptor = os.open(directory / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def append(self, data: bytes) -> asyncio.Future:
        future = self._loop.create_future()
        self._queue.put((future, data))
        return future

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < 256 and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            if batch[-1] is None:
                return
            os.write(self._descriptor, b"".join(data for _, data in batch))
            os.fdatasync(self._descriptor)
            self._loop.call_soon_threadsafe(self._settle, batch)

    @staticmethod
    def _settle(batch) -> None:
        for future, _ in batch:
            future.set_result(None)

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        os.close(self._descriptor)


async def drive(
    name: str, append: Callable[[int], Awaitable], seconds: float, writers: int = WRITERS
) -> None:
    waits: list[float] = []
    started = time.perf_counter()
    cpu = time.process_time()

    async def write(writer: int) -> None:
        while (now := time.perf_counter()) - started < seconds:
            await append(writer)
            waits.append(time.perf_counter() - now)

    await asyncio.gather(*(write(writer) for writer in range(writers)))
    elapsed = time.perf_counter() - started
    cpu = time.process_time() - cpu
    cuts = statistics.quantiles(waits, n=1000)
    print(
        f"{name:34} {writers:3} writers {len(waits) / elapsed:9,.0f} records/s"
        f"  p50 {cuts[499] * 1e3:6.3f} ms  p99 {cuts[989] * 1e3:6.3f} ms"
        f"  max {max(waits) * 1e3:6.1f} ms  cpu {cpu / len(waits) * 1e6:5.1f} us/record"
    )


class CountingTransport:
    """Takes everything at once: what is left is the publisher's own cost."""

    def publish(self, messages: list[Message]) -> None:
        pass

    def close(self) -> None:
        pass


async def measure(directory: Path, seconds: float) -> None:
    bare = BareLog(directory)
    await drive("bare append + fdatasync", lambda _: bare.append(RECORD), seconds)
    bare.close()
    limits = JournalLimits(max_bytes=64 * 1024**3, min_free_bytes=0)
    for writers in (1, WRITERS):
        journal = Journal(directory, f"events-{writers}", limits=limits)
        await drive(
            "journal, events", lambda _, j=journal: j.append_event(RECORD), seconds, writers
        )
        await journal.close(30)
    journal = Journal(directory, "chunks", limits=limits)
    await drive("journal, chunks", lambda w: journal.append_chunk(f"i{w}", RECORD), seconds)
    await journal.close(30)
    journal = Journal(directory, "published", limits=limits)
    publisher = Publisher(CountingTransport(), directory, [journal])
    journal.on_durable(publisher.wake)
    publisher.start()
    await drive("journal, events, and published", lambda _: journal.append_event(RECORD), seconds)
    behind = journal.stats().unacknowledged_count
    started = time.thread_time_ns(), time.perf_counter()
    await asyncio.to_thread(publisher.close, 60)
    drained = time.perf_counter() - started[1]
    if behind > 1000:
        print(f"publisher alone: {behind:,} messages in {drained / behind * 1e6:.1f} us each")
    print(f"published {publisher.stats.published_count:,}; journal: {journal.stats()}")
    await journal.close(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--directory", type=Path, default=None, help="on the disk to measure")
    parser.add_argument("--switch-ms", type=float, default=5.0, help="sys.setswitchinterval")
    options = parser.parse_args()
    sys.setswitchinterval(options.switch_ms / 1000)
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        uvloop.run(measure(Path(directory), options.seconds))


if __name__ == "__main__":
    main()
