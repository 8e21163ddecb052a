"""Reading back a dead writer's journal: torn tails, damage, open interactions, who may adopt."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from journal_tools import SMALL, assert_chain_holds, body, event_ids

from ingress.recording.files import DirectoryLock
from ingress.recording.journal import Journal
from ingress.recording.recovery import Orphan, adopt
from ingress.recording.segment import EVENT, Frame, Header, decode_header, encode_header, walk


def write(root: Path, appends, *, limits=SMALL) -> None:
    """Run a writer; each append is awaited, so each is a batch of its own."""

    async def scenario():
        journal = Journal(root, "w1", limits=limits)
        for append in appends:
            await append(journal)
        await journal.close()

    asyncio.run(scenario())


def crash(root: Path) -> Path:
    """Take the mark of a proper end off the last segment, as if the process had died."""
    path = max((root / "w1").glob("*.segment"))
    frames = frames_of(path)
    with path.open("r+b") as file:
        file.truncate(frames[-1].start)
    return path


def frames_of(path: Path) -> list[Frame]:
    data = path.read_bytes()
    decoded = decode_header(data)
    assert decoded is not None
    return [item for item in walk(data, decoded[1]) if isinstance(item, Frame)]


def adopt_one(root: Path) -> Orphan:
    (orphan,) = adopt(root, "successor")
    orphan.close()
    return orphan


def events(orphan: Orphan) -> list[bytes]:
    return [data for kind, data in orphan.messages() if kind == "event"]


def test_closed_writer_with_unpublished_records_is_adopted_as_closed(tmp_path):
    write(tmp_path, [lambda j: j.append_event(body(0))])

    orphan = adopt_one(tmp_path)

    assert orphan.closed
    assert (orphan.writer_id, orphan.last_sequence) == ("w1", 0)
    assert event_ids(events(orphan)) == ["e0"]


def test_torn_tail_is_cut_at_every_byte_of_the_last_record(tmp_path):
    write(tmp_path, [lambda j, n=n: j.append_event(body(n)) for n in range(3)])
    path = crash(tmp_path)
    whole = path.read_bytes()
    last = frames_of(path)[-1]

    for end in range(last.start, last.end):
        path.write_bytes(whole[:end])
        orphan = adopt_one(tmp_path)

        assert event_ids(events(orphan)) == ["e0", "e1"]
        assert (orphan.last_sequence, orphan.closed, orphan.damage) == (1, False, ())
        assert orphan.torn_bytes == end - last.start
        assert path.stat().st_size == last.start


def test_hole_inside_the_last_batch_is_torn_not_damaged(tmp_path):
    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        await journal.append_event(body(0))
        await asyncio.gather(*(journal.append_event(body(n)) for n in range(1, 30)))
        await journal.close()

    asyncio.run(scenario())
    path = crash(tmp_path)
    data = bytearray(path.read_bytes())
    batch = frames_of(path)[-1].batch_start
    members = [frame for frame in frames_of(path) if frame.batch_start == batch]
    assert len(members) > 2
    hole = members[1]
    data[hole.start : hole.end] = bytes(hole.end - hole.start)  # a page that never reached disk
    path.write_bytes(bytes(data))

    orphan = adopt_one(tmp_path)

    assert orphan.damage == ()
    assert path.stat().st_size == hole.start
    assert_chain_holds(events(orphan))


def test_damage_to_synced_bytes_is_quarantined_and_the_rest_still_published(tmp_path):
    write(tmp_path, [lambda j, n=n: j.append_event(body(n)) for n in range(5)])
    path = crash(tmp_path)
    data = bytearray(path.read_bytes())
    victim = frames_of(path)[2]
    data[victim.message_start + 30] ^= 0x01
    path.write_bytes(bytes(data))

    orphan = adopt_one(tmp_path)

    (damage,) = orphan.damage
    assert (damage.segment, damage.reason) == (1, "corrupt")
    assert damage.kept_as.read_bytes() == bytes(data)
    assert damage.kept_as.parent == tmp_path / "quarantine"
    assert event_ids(events(orphan)) == ["e0", "e1", "e3", "e4"]
    assert orphan.last_sequence == 4


def test_damage_to_a_sealed_segment_is_found_even_at_its_end(tmp_path):
    limits = dataclasses.replace(SMALL, segment_bytes=300)
    write(tmp_path, [lambda j, n=n: j.append_event(body(n)) for n in range(4)], limits=limits)
    first = tmp_path / "w1" / "00000001.segment"
    cut = frames_of(first)[-1].start + 5
    first.write_bytes(first.read_bytes()[:cut])

    orphan = adopt_one(tmp_path)

    assert [(d.segment, d.reason) for d in orphan.damage] == [(1, "truncated")]
    assert event_ids(events(orphan))[-1] == "e3"


def test_rewritten_record_with_a_right_checksum_breaks_the_chain(tmp_path):
    from ingress.recording import segment

    write(tmp_path, [lambda j, n=n: j.append_event(body(n)) for n in range(3)])
    path = crash(tmp_path)
    data = path.read_bytes()
    victim = frames_of(path)[1]
    forged = data[victim.message_start : victim.end].replace(b'"e1"', b'"e9"')
    frame = segment.encode_frame(EVENT, 0, b"", forged, victim.record_bytes, victim.batch_start)
    path.write_bytes(data[: victim.start] + frame + forged + data[victim.end :])

    orphan = adopt_one(tmp_path)

    assert [damage.reason for damage in orphan.damage] == ["chain"]


def test_damaged_header_is_reported_and_its_records_still_published(tmp_path):
    write(tmp_path, [lambda j: j.append_event(body(0))])
    path = tmp_path / "w1" / "00000001.segment"
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(bytes(data))

    orphan = adopt_one(tmp_path)

    assert [damage.reason for damage in orphan.damage] == ["header"]
    assert event_ids(events(orphan)) == ["e0"]


def test_header_torn_by_a_crash_is_no_damage(tmp_path):
    write(tmp_path, [lambda j: j.append_event(body(0))])
    crash(tmp_path)
    header = encode_header(Header("w1", 2, 1, "0" * 64))
    (tmp_path / "w1" / "00000002.segment").write_bytes(header[:40])

    orphan = adopt_one(tmp_path)

    assert orphan.damage == ()
    assert event_ids(events(orphan)) == ["e0"]


def test_open_interactions_come_back_with_their_chunks_in_order(tmp_path):
    limits = dataclasses.replace(SMALL, segment_bytes=300)
    appends = [
        lambda j: j.append_event(body(0), interaction_id="left-open", opens=True),
        lambda j: j.append_event(body(1), interaction_id="ended", opens=True),
        lambda j: j.append_chunk("left-open", b"one"),
        lambda j: j.append_chunk("ended", b"other"),
        lambda j: j.append_chunk("never-opened", b"stray"),
        lambda j: j.append_event(body(2), interaction_id="ended", closes=True),
        lambda j: j.append_content(b'{"part":1}', interaction_id="left-open"),
        lambda j: j.append_chunk("left-open", b"two"),
    ]
    write(tmp_path, appends, limits=limits)
    crash(tmp_path)

    orphan = adopt_one(tmp_path)

    (left,) = orphan.open_interactions
    assert left.interaction_id == "left-open"
    assert event_ids([left.opening]) == ["e0"]
    assert left.chunks == (b"one", b"two")
    assert [kind for kind, _ in orphan.messages()] == ["event", "event", "event", "content"]


def test_writer_that_recorded_nothing_leaves_nothing(tmp_path):
    DirectoryLock.create(tmp_path, "w1").close()

    assert adopt(tmp_path, "successor") == []
    assert list(tmp_path.iterdir()) == []


def test_living_writer_is_not_adopted(tmp_path):
    async def scenario():
        journal = Journal(tmp_path, "w1", limits=SMALL)
        await journal.append_event(body(0))
        script = (
            "import sys; from pathlib import Path; from ingress.recording.recovery import adopt;"
            "print(len(adopt(Path(sys.argv[1]), 'other')))"
        )
        command = [sys.executable, "-c", script, str(tmp_path)]
        found = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
        await journal.close()
        return found.stdout.strip()

    assert asyncio.run(scenario()) == b"0"


def test_of_two_adopters_one_wins(tmp_path):
    write(tmp_path, [lambda j: j.append_event(body(0))])

    first = adopt(tmp_path, "a")
    second = adopt(tmp_path, "b")

    assert (len(first), len(second)) == (1, 0)
    first[0].close()
    assert len(adopt(tmp_path, "b")) == 1


def test_adopter_that_waited_on_a_removed_directory_gets_nothing(tmp_path, monkeypatch):
    write(tmp_path, [lambda j: j.append_event(body(0))])
    winner = DirectoryLock.seize(tmp_path / "w1")
    assert winner is not None
    take = DirectoryLock._take

    def remove_first(self):
        winner.remove_directory()  # between the loser's open and its flock
        return take(self)

    monkeypatch.setattr(DirectoryLock, "_take", remove_first)

    assert DirectoryLock.seize(tmp_path / "w1") is None


def test_directory_that_cannot_be_read_does_not_stop_the_others(tmp_path, caplog):
    write(tmp_path, [lambda j: j.append_event(body(0))])
    shutil.copytree(tmp_path / "w1", tmp_path / "w0")
    (tmp_path / "w0" / "00000009.segment").mkdir()

    orphans = adopt(tmp_path, "successor")

    assert [orphan.writer_id for orphan in orphans] == ["w1"]
    assert "orphan not read" in caplog.text
    orphans[0].close()


@pytest.mark.parametrize("release_first", [True, False])
def test_orphan_goes_when_published_and_released_whatever_comes_first(tmp_path, release_first):
    write(tmp_path, [lambda j: j.append_event(body(0))])
    (orphan,) = adopt(tmp_path, "successor")
    extent = orphan.next_extent(orphan._published)
    assert extent is not None
    end = type(orphan._published)(extent.segment, extent.end)

    steps = [orphan.release, lambda: orphan.acknowledge(end)]
    for step in steps if release_first else reversed(steps):
        assert (tmp_path / "w1").exists()
        step()

    assert orphan.is_gone
    assert not (tmp_path / "w1").exists()
