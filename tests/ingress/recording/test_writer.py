"""The writer thread on a disk that stays broken: it backs off and never gives up."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import time

import pytest
from faulty_files import FaultyFiles
from journal_tools import SMALL, body, eventually

from ingress.recording.journal import Journal
from ingress.recording.recovery import adopt


def test_broken_disk_is_tried_again_with_growing_pauses(tmp_path):
    files = FaultyFiles()

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL, files=files)
        await journal.append_event(body(0))
        files.fail_syncs = 1_000
        await asyncio.gather(journal.append_event(body(1)), return_exceptions=True)
        await asyncio.sleep(0.5)
        tries = len([action for action in files.actions if action.startswith("create")])
        files.fail_syncs = 0
        await eventually(lambda: journal.healthy, 1.5)
        position = await journal.append_event(body(2))
        await journal.close()
        return tries, position

    tries, position = asyncio.run(scenario())

    assert 2 <= tries <= 8
    assert position.sequence == 1


def test_batches_are_bounded_in_count(tmp_path):
    files = FaultyFiles()
    limits = dataclasses.replace(SMALL, batch_count=10)
    settled: list[int] = []

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=limits, files=files)
        post = journal._writer._settle
        journal._writer._settle = lambda batch, out: (settled.append(len(batch)), post(batch, out))
        files.hung.clear()
        futures = [journal.append_event(body(n)) for n in range(25)]
        files.hung.set()
        await asyncio.gather(*futures)
        await journal.close()

    asyncio.run(scenario())

    assert sum(settled) == 25
    assert max(settled) <= 10


def test_segment_has_room_ahead_while_written_and_none_when_closed(tmp_path):
    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        await journal.append_event(body(0), interaction_id="i", opens=True)
        live = segment.read_bytes()
        await journal.close()
        return live

    segment = tmp_path / "w1" / "00000001.segment"
    live = asyncio.run(scenario())

    closed = segment.read_bytes()
    assert len(live) > len(closed)
    assert not live[len(closed) :].strip(b"\0")
    assert closed.rstrip(b"\0")[:100] == live[:100]


def test_room_left_by_a_killed_writer_is_cut_and_is_no_torn_record(tmp_path):
    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        await journal.append_event(body(0), interaction_id="i", opens=True)
        live = segment.read_bytes()
        await journal.close()
        segment.write_bytes(live)

    segment = tmp_path / "w1" / "00000001.segment"
    asyncio.run(scenario())

    (orphan,) = adopt(tmp_path, "w2")

    assert (orphan.last_sequence, orphan.torn_bytes, orphan.damage) == (0, 0, ())
    assert segment.read_bytes().endswith(b'"contents":[]}')
    orphan.close()


def test_disk_without_room_ahead_still_takes_records(tmp_path):
    class NoRoomAhead(FaultyFiles):
        def reserve(self, descriptor: int, start: int, size: int) -> None:
            raise OSError(errno.ENOSPC, "no space left")

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL, files=NoRoomAhead())
        position = await journal.append_event(body(0))
        await journal.close()
        return position

    assert asyncio.run(scenario()).sequence == 0


@pytest.mark.parametrize(
    ("first", "is_later"), [(1, False), (3, True)], ids=["a caller alone", "several callers"]
)
def test_commits_keep_their_distance_under_load(tmp_path, first, is_later):
    limits = dataclasses.replace(SMALL, commit_seconds=0.3)
    files = FaultyFiles()

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=limits, files=files)
        await journal.append_event(body(7))
        files.hung.clear()
        waiting = [journal.append_event(body(0))]  # holds the writer while the others queue
        await asyncio.sleep(0.05)
        waiting += [journal.append_event(body(n + 1)) for n in range(first)]
        files.hung.set()
        await asyncio.gather(*waiting)
        began = time.monotonic()
        await journal.append_event(body(9))
        took = time.monotonic() - began
        await journal.close()
        return took

    assert (asyncio.run(scenario()) > 0.15) is is_later
