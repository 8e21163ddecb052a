"""The publisher: order kept, nothing lost, nothing dropped, whatever the broker does."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path

import pytest
from fake_transport import FakeTransport
from journal_tools import FAST, SMALL, assert_chain_holds, body, event_ids, eventually

from ingress.recording.journal import Journal
from ingress.recording.publisher import Publisher
from ingress.recording.recovery import adopt
from ingress.recording.segment import FRAME_BYTES


def publish(
    root: Path, transport: FakeTransport, count: int = 50, *, limits=FAST, journal_limits=SMALL
) -> Publisher:
    """Append events and chunks while a publisher runs, then drain."""

    async def scenario():
        journal = Journal(root, "w1", limits=journal_limits)
        publisher = Publisher(transport, root, [journal], limits=limits)
        journal.on_durable(publisher.wake)
        publisher.start()
        for number in range(count):
            await journal.append_event(body(number))
            await journal.append_chunk("i", b"local only")
        assert await asyncio.to_thread(publisher.close, 10)
        assert journal.stats().unacknowledged_count == 0
        await journal.close()
        return publisher

    return asyncio.run(scenario())


def test_events_arrive_once_and_in_order_when_all_is_well(tmp_path):
    transport = FakeTransport()

    publisher = publish(tmp_path, transport)

    assert event_ids(transport.data()) == [f"e{n}" for n in range(50)]
    assert_chain_holds(transport.data())
    assert {(m.writer_id, m.kind) for m in transport.taken} == {("w1", "event")}
    assert publisher.stats.published_count == 50
    assert transport.closed
    assert not (tmp_path / "w1").exists()


def test_contents_are_published_and_chunks_are_not(tmp_path):
    transport = FakeTransport()

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        await journal.append_content(b'{"part":1}', interaction_id="i")
        await journal.append_chunk("i", b"local only")
        await journal.append_event(body(0))
        publisher = Publisher(transport, tmp_path, [journal], limits=FAST)
        publisher.start()
        await asyncio.to_thread(publisher.close, 5)
        await journal.close()

    asyncio.run(scenario())

    assert [m.kind for m in transport.taken] == ["content", "event"]
    assert transport.taken[0].data == b'{"part":1}'


def test_unavailable_broker_is_tried_again_and_nothing_is_lost(tmp_path):
    transport = FakeTransport()
    transport.fail_next(5)

    publisher = publish(tmp_path, transport)

    assert event_ids(transport.data()) == [f"e{n}" for n in range(50)]
    assert publisher.stats.retry_count == 5
    assert publisher.stats.last_error == "unavailable"


def test_bug_in_the_transport_does_not_end_publishing_and_is_logged_without_content(
    tmp_path, caplog
):
    class Buggy(FakeTransport):
        def publish(self, messages):
            if self.calls < 2:
                self.calls += 1
                raise KeyError(messages[0].data)
            super().publish(messages)

    transport = Buggy()

    publisher = publish(tmp_path, transport, count=3)

    assert event_ids(transport.data()) == ["e0", "e1", "e2"]
    assert publisher.stats.last_error == "KeyError"
    assert "e0" not in caplog.text


def test_lost_acknowledgement_leads_to_duplicates_never_to_loss(tmp_path):
    transport = FakeTransport()
    transport.lose_ack_next(2)

    publish(tmp_path, transport, limits=dataclasses.replace(FAST, batch_count=7))

    arrived = event_ids(transport.data())
    assert len(arrived) > 50
    assert list(dict.fromkeys(arrived)) == [f"e{n}" for n in range(50)]


def test_message_the_broker_never_takes_is_set_aside_alone(tmp_path, caplog):
    transport = FakeTransport()
    transport.rejects = lambda message: b'"e23"' in message.data

    publisher = publish(tmp_path, transport)

    assert event_ids(transport.data()) == [f"e{n}" for n in range(50) if n != 23]
    (kept,) = (tmp_path / "rejected").iterdir()
    assert json.loads(kept.read_bytes())["record"]["event_id"] == "e23"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert publisher.stats.rejected_count == 1
    assert "e23" not in caplog.text


def test_message_stays_in_the_journal_while_it_cannot_be_set_aside(tmp_path):
    transport = FakeTransport()
    transport.rejects = lambda _: True
    (tmp_path / "rejected").write_text("a file is in the way")

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        await journal.append_event(body(0))
        publisher = Publisher(transport, tmp_path, [journal], limits=FAST)
        publisher.start()
        await eventually(lambda: transport.calls > 4)
        assert journal.stats().unacknowledged_count == 1
        transport.rejects = lambda _: False
        assert await asyncio.to_thread(publisher.close, 5)
        await journal.close()

    asyncio.run(scenario())

    assert event_ids(transport.data()) == ["e0"]


def test_close_without_a_broker_is_bounded_and_the_journal_keeps_all(tmp_path):
    transport = FakeTransport()
    transport.fail_next(1_000_000)

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        await journal.append_event(body(0))
        publisher = Publisher(transport, tmp_path, [journal], limits=FAST)
        publisher.start()
        drained = await asyncio.to_thread(publisher.close, 0.1)
        await journal.close()
        return drained

    assert asyncio.run(scenario()) is False
    (orphan,) = adopt(tmp_path, "successor")
    assert event_ids(data for _, data in orphan.messages()) == ["e0"]
    orphan.close()


@pytest.mark.parametrize("read_bytes", [1, FRAME_BYTES, 300, 1000])
def test_frames_cut_by_a_read_are_read_again_whole(tmp_path, read_bytes):
    transport = FakeTransport()

    publisher = publish(
        tmp_path, transport, limits=dataclasses.replace(FAST, read_bytes=read_bytes)
    )

    assert event_ids(transport.data()) == [f"e{n}" for n in range(50)]
    assert publisher.stats.damaged_count == 0


def test_batches_respect_their_limits(tmp_path):
    sizes: list[tuple[int, int]] = []

    class Measuring(FakeTransport):
        def publish(self, messages):
            sizes.append((len(messages), sum(len(message.data) for message in messages)))
            super().publish(messages)

    transport = Measuring()

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        await asyncio.gather(
            *(journal.append_event(body(n, padding=5000 if n == 9 else 0)) for n in range(40))
        )
        limits = dataclasses.replace(FAST, batch_count=6, batch_bytes=1000)
        publisher = Publisher(transport, tmp_path, [journal], limits=limits)
        publisher.start()
        assert await asyncio.to_thread(publisher.close, 5)
        await journal.close()

    asyncio.run(scenario())

    assert event_ids(transport.data()) == [f"e{n}" for n in range(40)]
    assert all(count <= 6 and (size <= 1000 or count == 1) for count, size in sizes)


def test_damage_in_a_live_segment_is_passed_over_and_the_file_kept(tmp_path):
    transport = FakeTransport()
    limits = dataclasses.replace(SMALL, segment_bytes=2000)

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=limits)
        await asyncio.gather(*(journal.append_event(body(n)) for n in range(30)))
        await journal.append_event(body(30))
        path = tmp_path / "w1" / "00000001.segment"
        data = bytearray(path.read_bytes())
        data[data.index(b'"e3"') + 1] ^= 1
        path.write_bytes(bytes(data))
        publisher = Publisher(transport, tmp_path, [journal], limits=FAST)
        publisher.start()
        assert await asyncio.to_thread(publisher.close, 5)
        await asyncio.sleep(0.6)
        await journal.close()
        return publisher, path

    publisher, path = asyncio.run(scenario())

    assert event_ids(transport.data()) == [f"e{n}" for n in range(31) if n != 3]
    assert publisher.stats.damaged_count == 1
    assert path.exists()


def test_orphans_are_published_beside_the_living_and_then_removed(tmp_path):
    transport = FakeTransport()

    async def die():
        journal = Journal(tmp_path, "dead", limits=SMALL)
        await asyncio.gather(*(journal.append_event(body(n)) for n in range(20)))
        await journal.close()

    async def live():
        journal = Journal(tmp_path, "alive", limits=SMALL)
        (orphan,) = adopt(tmp_path, "alive")
        publisher = Publisher(transport, tmp_path, [orphan, journal], limits=FAST)
        journal.on_durable(publisher.wake)
        publisher.start()
        await journal.append_event(body(100))
        orphan.release()
        await eventually(lambda: orphan.is_gone)
        assert await asyncio.to_thread(publisher.close, 5)
        await journal.close()

    asyncio.run(die())
    asyncio.run(live())

    assert_chain_holds(transport.data("dead"))
    assert_chain_holds(transport.data("alive"))
    assert (len(transport.data("dead")), len(transport.data("alive"))) == (20, 1)
    assert list(tmp_path.iterdir()) == []


def test_close_says_when_a_segment_could_not_be_read_and_waits_for_it(tmp_path):
    """A drain that met an unreadable segment is no drain: whoever stops would delete the rest."""
    transport = FakeTransport()

    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        await journal.append_event(body(0))
        (segment,) = (tmp_path / "w1").glob("*.segment")
        away = segment.rename(segment.with_suffix(".away"))
        impatient = Publisher(transport, tmp_path, [journal], limits=FAST)
        impatient.start()
        assert not await asyncio.to_thread(impatient.close, 0.2)

        patient = Publisher(transport, tmp_path, [journal], limits=FAST)
        patient.start()
        closing = asyncio.ensure_future(asyncio.to_thread(patient.close, 5))
        await asyncio.sleep(0.1)
        away.rename(segment)
        assert await closing
        await journal.close()

    asyncio.run(scenario())

    assert event_ids(transport.data()) == ["e0"]
