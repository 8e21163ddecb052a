"""Batches are whole, in order and cheap to weigh."""

from typing import Any

from pipeline.batch import BATCH_MESSAGES, Batch, BatchCoder, Gather


def _gathered(count: int) -> list[list[Any]]:
    gather = Gather()
    gather.start_bundle()
    batches = [batch for n in range(count) for batch in gather.process(n)]
    return [*batches, *(window.value for window in gather.finish_bundle())]


def test_bundle_becomes_batches_in_order() -> None:
    batches = _gathered(2 * BATCH_MESSAGES + 1)

    assert [len(batch) for batch in batches] == [BATCH_MESSAGES, BATCH_MESSAGES, 1]
    assert [n for batch in batches for n in batch] == list(range(2 * BATCH_MESSAGES + 1))
    assert _gathered(0) == []


def test_bundle_that_failed_leaves_nothing_to_the_next() -> None:
    gather = Gather()
    gather.start_bundle()
    list(gather.process("lost with its bundle"))
    gather.start_bundle()

    assert list(gather.finish_bundle()) == []


def test_batch_that_leaves_the_process_comes_back() -> None:
    coder = BatchCoder()
    batch = Batch([b"one", "two"])

    assert coder.decode(coder.encode(batch)) == batch
    assert coder.estimate_size(batch) > 0
