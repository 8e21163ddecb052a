"""A successor tells what a dead writer's chunks prove, as far as they can be read."""

import asyncio
from dataclasses import replace

import pytest
from fake_upstream import chat_frame
from recordings import Recording, exchange

from ingress.errors import AuditUnavailable
from ingress.recording.recovery import adopt
from ingress.recording.succession import succeed
from ingress.sealing import Opener


def after_death(tmp_path, life, opener_of=lambda recording: recording.reading.opener):
    """Let a first recorder live and leave what it had open; return what its successor records."""

    async def run():
        first = Recording(tmp_path)
        await life(first)
        await first.journal.close()
        second = Recording(tmp_path)
        try:
            (orphan,) = adopt(tmp_path / "journal", second.journal.writer_id)
            await succeed(orphan, second.recorder, opener_of(second))
            orphan.close()
            return second.events(), second.reading.texts(second.messages())
        finally:
            await second.journal.close()
            first.reading.close()
            second.reading.close()

    return asyncio.run(run())


def test_the_text_of_the_chunks_becomes_the_completion(tmp_path):
    async def life(recording):
        asked = exchange("question")
        await recording.recorder.requested(asked)
        for number, text in enumerate(("one ", "two ")):
            await recording.recorder.chunk(asked, number, chat_frame(text))

    (failed, *_), texts = after_death(tmp_path, life)

    assert (failed.event_type, failed.reason_code) == ("interaction.failed", "interrupted")
    assert [texts[part_id] for part_id in failed.completion_part_ids] == ["one two "]
    assert (failed.http_status, failed.chunk_count) == (200, 2)


def test_an_interaction_without_a_chunk_had_no_answer(tmp_path):
    async def life(recording):
        await recording.recorder.requested(exchange("question"))

    (failed, *_), _ = after_death(tmp_path, life)

    assert (failed.http_status, failed.completion_part_ids) == (502, ())


def test_an_interaction_that_had_ended_is_left_alone(tmp_path):
    async def life(recording):
        asked = exchange("question")
        await recording.recorder.requested(asked)
        await recording.recorder.completed(asked)

    events, _ = after_death(tmp_path, life)

    # Not even a writer.closed: this writer's journal was closed on purpose.
    assert events == []


def test_a_chunk_whose_key_was_erased_still_lets_the_interaction_be_closed(tmp_path):
    async def life(recording):
        asked = exchange("question")
        await recording.recorder.requested(asked)
        await recording.recorder.chunk(asked, 0, chat_frame("gone"))

    class Erased(Opener):
        def open(self, key_id, *_):
            return self._keys.get("ck_of_nobody")

    def erased(recording):
        return Erased(recording.reading.opener._keys)

    (failed, *_), _ = after_death(tmp_path, life, erased)

    assert failed.reason_code == "interrupted"
    assert failed.completion_part_ids == ()


def test_a_second_successor_gives_the_same_event_the_same_id(tmp_path):
    async def run():
        first = Recording(tmp_path)
        await first.recorder.requested(exchange("question"))
        await first.journal.close()
        ids = []
        for _ in range(2):
            successor = Recording(tmp_path)
            root = tmp_path / "journal"
            orphans = adopt(root, successor.journal.writer_id)
            orphan = next(o for o in orphans if o.writer_id == first.journal.writer_id)
            await succeed(orphan, successor.recorder, successor.reading.opener)
            ids.append([event.event_id for event in successor.events()])
            for one in orphans:
                one.close()
            await successor.journal.close()
            successor.reading.close()
        first.reading.close()
        return ids

    one, two = asyncio.run(run())
    assert one == two


def test_a_journal_that_does_not_work_leaves_the_orphan_for_the_next_start(tmp_path):
    async def run():
        first = Recording(tmp_path)
        await first.recorder.requested(exchange("question"))
        await first.journal.close()
        second = Recording(tmp_path)
        (orphan,) = adopt(tmp_path / "journal", second.journal.writer_id)
        await second.journal.close()
        with pytest.raises(AuditUnavailable):
            await succeed(orphan, second.recorder, second.reading.opener)
        orphan.close()
        first.reading.close()
        second.reading.close()

    asyncio.run(run())
    assert [orphan.last_sequence for orphan in adopt(tmp_path / "journal", "next")] == [0]


@pytest.mark.parametrize("mode", ["tagged", "none"])
def test_what_is_delivered_is_kept_as_the_policy_had_said(tmp_path, mode):
    async def run():
        first = Recording(tmp_path)
        asked = exchange("question")
        asked.decision = replace(asked.decision, content=mode)
        await first.recorder.requested(asked)
        await first.recorder.chunk(asked, 0, chat_frame("one two"))
        await first.journal.close()
        second = Recording(tmp_path)
        try:
            (orphan,) = adopt(tmp_path / "journal", second.journal.writer_id)
            await succeed(orphan, second.recorder, second.reading.opener)
            orphan.close()
            return second.events()[0], b"".join(second.messages())
        finally:
            await second.journal.close()
            first.reading.close()
            second.reading.close()

    failed, sent = asyncio.run(run())

    assert (failed.content_mode, len(failed.completion_part_ids)) == (mode, 1)
    assert (b'"text":"one two"' in sent) == (mode == "tagged")
    assert len(failed.parts) == (mode == "tagged")
