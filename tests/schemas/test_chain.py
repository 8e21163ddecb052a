"""Check that a chain shows every change to its records."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from schemas.chain import GENESIS_HASH, begins, links, record_hash

Link = tuple[int, str, bytes]


def chain(bodies: list[bytes]) -> list[Link]:
    """Return (sequence, previous hash, record) of a well-made chain."""
    made, previous = [], GENESIS_HASH
    for sequence, body in enumerate(bodies):
        record = f"{sequence} {previous} ".encode() + body
        made.append((sequence, previous, record))
        previous = record_hash(record)
    return made


def holds(records: list[Link]) -> bool:
    return begins(*records[0][:2]) and all(
        links(before[0], record_hash(before[2]), after[0], after[1])
        for before, after in pairwise(records)
    )


BODIES = st.lists(st.binary(max_size=40), min_size=2, max_size=6)


@given(BODIES)
def test_untouched_chain_holds(bodies: list[bytes]) -> None:
    assert holds(chain(bodies))


@given(BODIES, st.data())
def test_any_flipped_byte_of_a_record_is_found(bodies: list[bytes], data: st.DataObject) -> None:
    records = chain(bodies)
    index = data.draw(st.integers(0, len(records) - 2))
    sequence, link, record = records[index]
    place = data.draw(st.integers(0, len(record) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = record[:place] + bytes([record[place] ^ flip]) + record[place + 1 :]

    records[index] = (sequence, link, changed)

    assert not holds(records)


@given(st.binary(min_size=1), st.data())
def test_any_flipped_byte_of_the_last_record_changes_its_hash(
    record: bytes, data: st.DataObject
) -> None:
    place, flip = data.draw(st.integers(0, len(record) - 1)), data.draw(st.integers(1, 255))
    changed = record[:place] + bytes([record[place] ^ flip]) + record[place + 1 :]

    assert record_hash(changed) != record_hash(record)


@given(BODIES, st.data())
def test_removed_record_is_found_unless_it_was_the_last(
    bodies: list[bytes], data: st.DataObject
) -> None:
    records = chain(bodies)

    del records[data.draw(st.integers(0, len(records) - 2))]

    assert not holds(records)


@given(BODIES, st.data())
def test_swapped_records_are_found(bodies: list[bytes], data: st.DataObject) -> None:
    records = chain(bodies)
    index = data.draw(st.integers(0, len(records) - 2))

    records[index], records[index + 1] = records[index + 1], records[index]

    assert not holds(records)


def test_chain_begins_at_zero_with_sixty_four_zeros() -> None:
    assert begins(0, "0" * 64)
    assert not begins(1, "0" * 64)
    assert not begins(0, record_hash(b""))
