"""The books of the segments: what may go, what is next to publish."""

from __future__ import annotations

from pathlib import Path

from ingress.recording.ledger import Ledger, Mark
from ingress.recording.segment import CHUNK, CLOSES, EVENT, OPENS, Position


def ledger_with_two_segments(*marks: Mark) -> Ledger:
    ledger = Ledger()
    ledger.opened(1, Path("1"), 100)
    ledger.committed(500, 400, 3, marks, now=10.0)
    ledger.retired()
    ledger.opened(2, Path("2"), 100)
    return ledger


def test_only_bytes_up_to_the_last_publishable_record_are_offered():
    ledger = ledger_with_two_segments()

    extent = ledger.next_extent(Position(0, 0))

    assert extent == (Path("1"), 1, 100, 400)
    assert ledger.next_extent(Position(1, 250)) == (Path("1"), 1, 250, 400)
    assert ledger.next_extent(Position(1, 400)) is None


def test_current_segment_never_goes():
    ledger = ledger_with_two_segments()

    assert ledger.acknowledge(Position(1, 400), 3)

    assert ledger.removable() == [(1, Path("1"))]


def test_reopened_hold_counts_once_per_segment():
    ledger = ledger_with_two_segments(
        Mark(EVENT, OPENS, "i"), Mark(CHUNK, 0, "i"), Mark(CHUNK, 0, "i")
    )
    ledger.acknowledge(Position(1, 400), 3)
    assert ledger.removable() == []

    ledger.committed(200, 200, 1, [Mark(EVENT, CLOSES, "i")], now=11.0)

    assert ledger.removable() == [(1, Path("1"))]


def test_chunk_of_an_interaction_that_is_not_open_holds_nothing():
    ledger = ledger_with_two_segments(Mark(CHUNK, 0, "stray"))

    assert ledger.acknowledge(Position(1, 400), 3)


def test_failed_segment_is_named_with_its_valid_bytes_until_it_is_gone():
    ledger = Ledger()
    ledger.opened(1, Path("1"), 100)
    ledger.committed(300, 300, 1, [], now=1.0)
    ledger.failed()
    for number in (2, 3):
        ledger.opened(number, Path(str(number)), 100)
        ledger.retired()
    assert ledger.valid_bytes(3) == {1: 300, 3: 100}

    ledger.removed(1)

    assert ledger.valid_bytes(3) == {3: 100}


def test_oldest_unpublished_time_moves_on_with_acknowledgements():
    ledger = ledger_with_two_segments()
    ledger.committed(200, 200, 1, [], now=20.0)
    assert ledger.figures().oldest_unpublished_at == 10.0

    ledger.acknowledge(Position(1, 400), 3)
    assert ledger.figures().oldest_unpublished_at == 20.0

    ledger.acknowledge(Position(2, 200), 1)
    assert ledger.figures().oldest_unpublished_at is None
    assert ledger.figures().unacknowledged_count == 0
