"""The journal as the event loop sees it, on real files and on a disk that fails."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import stat
import time
from pathlib import Path

import pytest
from fake_transport import FakeTransport
from faulty_files import FaultyFiles
from journal_tools import FAST, SMALL, assert_chain_holds, body, event_ids, eventually

from ingress.errors import AuditUnavailable
from ingress.recording.journal import Journal
from ingress.recording.publisher import Publisher
from ingress.recording.recovery import adopt
from ingress.recording.segment import Position


def recovered(root: Path) -> list[bytes]:
    messages: list[bytes] = []
    for orphan in adopt(root, "successor"):
        assert not orphan.damage
        messages += [data for kind, data in orphan.messages() if kind == "event"]
        orphan.close()
    return messages


def test_events_are_chained_in_the_order_of_the_calls(tmp_path):
    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        positions = await asyncio.gather(*(journal.append_event(body(n)) for n in range(300)))
        await journal.close()
        return positions

    positions = asyncio.run(scenario())

    messages = recovered(tmp_path)
    assert [p.sequence for p in positions] == list(range(300))
    assert event_ids(messages) == [f"e{n}" for n in range(300)]
    assert [json.loads(m)["record_hash"] for m in messages] == [p.record_hash for p in positions]
    assert_chain_holds(messages)


def test_published_message_carries_contents_beside_the_record(tmp_path):
    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        await journal.append_event(body(1), b'[{"part_id":"p"}]')
        await journal.close()

    asyncio.run(scenario())

    envelope = json.loads(recovered(tmp_path)[0])
    assert envelope["contents"] == [{"part_id": "p"}]
    assert envelope["record"]["writer_id"] == "w1"


def test_files_belong_to_their_owner_alone(tmp_path):
    async def scenario():
        journal = Journal(tmp_path / "journal", "w1", limits=SMALL)
        await journal.append_event(body(1))
        await journal.close()

    asyncio.run(scenario())

    directory = tmp_path / "journal" / "w1"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


@pytest.mark.parametrize("writer_id", ["", "../up", "a/b", ".hidden", "rejected", "quarantine"])
def test_writer_id_that_is_no_plain_name_is_refused(tmp_path, writer_id):
    async def scenario():
        Journal(tmp_path, writer_id, limits=SMALL)

    with pytest.raises(ValueError, match="writer id"):
        asyncio.run(scenario())


def test_writer_id_is_used_once(tmp_path):
    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        with pytest.raises(AuditUnavailable):
            Journal(tmp_path, "w1", limits=SMALL)
        assert [path.name for path in tmp_path.iterdir()] == ["w1"]
        await journal.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("bad", [b"", b"{}", b"[1]", b' {"a":1}'])
def test_body_that_is_no_compact_object_is_a_bug(tmp_path, bad):
    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        try:
            with pytest.raises(ValueError, match="compact JSON"):
                journal.append_event(bad)
        finally:
            await journal.close()

    asyncio.run(scenario())


def test_interaction_id_that_could_break_the_frame_is_a_bug(tmp_path):
    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        try:
            for bad in ("é", "x" * 256, "\ud800"):
                with pytest.raises(ValueError, match="interaction id"):
                    journal.append_chunk(bad, b"")
            with pytest.raises(ValueError, match="need an interaction"):
                journal.append_event(body(1), opens=True)
            with pytest.raises(ValueError, match="larger"):
                journal.append_content(b"x" * 9_500_001, interaction_id=None)
        finally:
            await journal.close()

    asyncio.run(scenario())


def test_durable_hook_sees_every_event_in_order_before_its_waiter(tmp_path):
    seen: list[int] = []

    async def scenario():
        journal = Journal(
            tmp_path, "w1", limits=SMALL, on_event_durable=lambda p: seen.append(p.sequence)
        )
        for number in range(5):
            position = await journal.append_event(body(number))
            assert seen[-1] == position.sequence
        await journal.append_chunk("i", b"local")
        await journal.close()

    asyncio.run(scenario())

    assert seen == list(range(5))


def test_failed_sync_fails_its_batch_and_leaves_no_gap(tmp_path):
    files = FaultyFiles()
    files.truncate_works = False  # the refused bytes stay in the old file

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL, files=files)
        await journal.append_event(body(0))
        files.fail_syncs = 1
        failed = await asyncio.gather(
            *(journal.append_event(body(100 + n)) for n in range(3)), return_exceptions=True
        )
        await eventually(lambda: journal.healthy)
        position = await journal.append_event(body(1))
        await journal.close()
        return failed, position

    failed, position = asyncio.run(scenario())

    assert [type(error) for error in failed] == [AuditUnavailable] * 3
    assert (position.segment, position.sequence) == (2, 1)
    assert not files.synced_after_failure
    assert b"e100" in (tmp_path / "w1" / "00000001.segment").read_bytes()
    messages = recovered(tmp_path)
    assert event_ids(messages) == ["e0", "e1"]
    assert_chain_holds(messages)


def test_full_disk_refuses_fast_and_service_resumes_by_itself(tmp_path):
    files = FaultyFiles()

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL, files=files)
        await journal.append_event(body(0))
        files.capacity_bytes = 100  # the next batch is taken in part
        with pytest.raises(AuditUnavailable) as refusal:
            await journal.append_event(body(1, padding=500))
        started = time.monotonic()
        for _ in range(100):
            with pytest.raises(AuditUnavailable):
                await journal.append_event(body(1, padding=500))
        refused_seconds = time.monotonic() - started
        files.capacity_bytes = None
        await eventually(lambda: journal.healthy, 1.5)
        await journal.append_event(body(2))
        stats = journal.stats()
        await journal.close()
        return refusal.value, refused_seconds, stats

    refusal, refused_seconds, stats = asyncio.run(scenario())

    assert refusal.reason == "disk_full"
    assert refusal.status == 503
    assert refused_seconds < 1
    assert stats.last_error == "disk_full"
    messages = recovered(tmp_path)
    assert event_ids(messages) == ["e0", "e2"]
    assert_chain_holds(messages)


def test_low_disk_refuses_new_work_but_lets_interactions_end(tmp_path):
    files = FaultyFiles()
    limits = dataclasses.replace(SMALL, min_free_bytes=1000)

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=limits, files=files)
        await journal.append_event(body(0), interaction_id="i", opens=True)
        files.free = 999
        await eventually(lambda: not journal.healthy)
        with pytest.raises(AuditUnavailable, match="disk_low"):
            await journal.append_event(body(1))
        await journal.append_content(b"{}", interaction_id="i", closing=True)
        await journal.append_event(body(2), interaction_id="i", closes=True)
        files.free = 1000
        await eventually(lambda: journal.healthy)
        await journal.append_event(body(3))
        await journal.close()

    asyncio.run(scenario())

    assert event_ids(recovered(tmp_path)) == ["e0", "e2", "e3"]


def test_hung_disk_is_bounded_and_later_appends_fail_at_once(tmp_path):
    files = FaultyFiles()
    limits = dataclasses.replace(SMALL, deadline_seconds=0.15)

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=limits, files=files)
        await journal.append_event(body(0))
        files.hung.clear()
        started = time.monotonic()
        taken = journal.append_event(body(1), interaction_id="i", opens=True)
        await asyncio.sleep(0.03)
        queued = journal.append_event(body(2))
        for future in (taken, queued):
            with pytest.raises(AuditUnavailable, match="deadline"):
                await future
        waited = time.monotonic() - started
        assert not journal.healthy
        with pytest.raises(AuditUnavailable, match="deadline"):
            await journal.append_event(body(3))
        files.hung.set()
        await eventually(lambda: journal.healthy)
        await journal.append_event(body(4))
        await journal.close()
        return waited

    assert asyncio.run(scenario()) < 1
    # e1 was on its way and may appear; e2 was still queued, so it is not written any more.
    assert event_ids(recovered(tmp_path)) == ["e0", "e1", "e4"]


def test_close_on_a_hung_disk_is_bounded(tmp_path):
    files = FaultyFiles()

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL, files=files)
        await journal.append_event(body(0))
        files.hung.clear()
        future = journal.append_event(body(1))
        in_time = await journal.close(timeout_seconds=0.1)
        with pytest.raises(AuditUnavailable, match="closed"):
            await future
        files.hung.set()
        assert await journal.close()
        return in_time

    assert asyncio.run(scenario()) is False


def test_queue_is_bounded_in_bytes(tmp_path):
    files = FaultyFiles()
    limits = dataclasses.replace(SMALL, queue_bytes=10_000)

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=limits, files=files)
        files.hung.clear()
        waiting = [journal.append_chunk("i", b"x" * 4000) for _ in range(2)]
        with pytest.raises(AuditUnavailable, match="queue_full"):
            await journal.append_chunk("i", b"x" * 4000)
        files.hung.set()
        await asyncio.gather(*waiting)
        await journal.append_chunk("i", b"x" * 4000)
        await journal.close()

    asyncio.run(scenario())


def test_cancelled_waiter_does_not_cancel_its_record(tmp_path):
    files = FaultyFiles()

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL, files=files)
        await journal.append_event(body(0), interaction_id="i", opens=True)
        files.hung.clear()
        blocker = journal.append_event(body(1))
        await asyncio.sleep(0.03)
        closing = journal.append_event(body(2), interaction_id="i", closes=True)
        closing.cancel()  # the client left
        files.hung.set()
        await blocker
        await journal.close()

    asyncio.run(scenario())

    assert event_ids(recovered(tmp_path)) == ["e0", "e1", "e2"]


def test_append_after_close_is_refused(tmp_path):
    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        await journal.close()
        with pytest.raises(AuditUnavailable, match="closed"):
            await journal.append_event(body(0))

    asyncio.run(scenario())


def test_segment_goes_only_when_acknowledged_and_no_interaction_needs_it(tmp_path):
    limits = dataclasses.replace(SMALL, segment_bytes=1000)

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=limits)

        def on_disk() -> list[str]:
            return sorted(path.name[:8] for path in (tmp_path / "w1").glob("*.segment"))

        first = await journal.append_event(body(0, padding=1000), interaction_id="i", opens=True)
        await journal.append_chunk("i", b"x" * 1000)
        third = await journal.append_event(body(1, padding=1000))
        await eventually(lambda: on_disk() == ["00000001", "00000002", "00000003", "00000004"])
        journal.acknowledge(first)
        journal.acknowledge(third)
        await eventually(lambda: on_disk() == ["00000001", "00000002", "00000004"])
        last = await journal.append_event(body(2), interaction_id="i", closes=True)
        await eventually(lambda: on_disk() == ["00000004"])
        # A file goes first and is taken off the books after.
        await eventually(lambda: journal.stats().segments == 1)
        journal.acknowledge(last)
        stats = journal.stats()
        await journal.close()
        return stats

    stats = asyncio.run(scenario())

    assert stats.unacknowledged_count == 0
    assert stats.segments == 1
    assert not (tmp_path / "w1").exists(), "a settled journal leaves nothing behind"


def test_unacknowledged_segment_stays(tmp_path):
    limits = dataclasses.replace(SMALL, segment_bytes=1000)

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=limits)
        first = await journal.append_event(body(0, padding=1000))
        await journal.append_event(body(1, padding=1000))
        journal.acknowledge(Position(first.segment, first.end - 1), 0)
        await asyncio.sleep(0.6)
        stats = journal.stats()
        await journal.close()
        return stats

    stats = asyncio.run(scenario())

    assert stats.segments >= 2
    assert stats.unacknowledged_count == 2
    assert stats.oldest_unpublished_age_seconds > 0.5
    assert len(recovered(tmp_path)) == 2


def test_journal_over_its_size_refuses_until_the_publisher_catches_up(tmp_path):
    limits = dataclasses.replace(SMALL, segment_bytes=1000, max_bytes=4000)
    transport = FakeTransport()

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=limits)
        while journal.healthy:
            await asyncio.gather(journal.append_event(body(0, padding=900)), return_exceptions=True)
        with pytest.raises(AuditUnavailable, match="journal_full"):
            await journal.append_event(body(1))
        publisher = Publisher(transport, tmp_path, [journal], limits=FAST)
        publisher.start()
        await eventually(lambda: journal.healthy)
        await journal.append_event(body(99))
        assert await asyncio.to_thread(publisher.close, 5)
        await journal.close()

    asyncio.run(scenario())

    assert_chain_holds(transport.data())
