"""The recorder over a real journal: long texts, many texts, what it remembers, a disk's return."""

import asyncio
import json
from dataclasses import replace

import pytest
import tink
from faulty_files import FaultyFiles
from journal_tools import eventually
from recordings import Recording, exchange

import ingress.recording.parts as parts_module
import ingress.recording.recorder as module
from ingress.errors import AuditUnavailable, SealingUnavailable
from ingress.protocol.texts import Channel
from ingress.recording.recorder import Recorder
from ingress.sealing import ContentKeys, Sealer
from schemas.message import CONTENTS_BYTES_MAX, PART_BYTES_MAX, parse_message


def recorded(tmp_path, scenario, files=None):
    """Run a scenario on a recorder of its own."""

    async def run():
        recording = Recording(tmp_path, files)
        try:
            return await scenario(recording)
        finally:
            await recording.journal.close()
            recording.reading.close()

    return asyncio.run(run())


def test_a_long_text_becomes_parts_that_never_cut_a_code_point(tmp_path):
    text = "é€\U0001f600" * 250_000

    async def scenario(recording):
        await recording.recorder.requested(exchange(text))
        (event,) = recording.events()
        return event, recording.reading.texts(recording.messages())

    event, texts = recorded(tmp_path, scenario)
    assert len(event.prompt_part_ids) == 3
    assert all(PART_BYTES_MAX - 4 < part.size_bytes <= PART_BYTES_MAX for part in event.parts[:2])
    # The opened parts decoded as UTF-8 each, or texts() would have failed.
    assert "".join(texts[part_id] for part_id in event.prompt_part_ids) == text


def test_texts_that_do_not_fit_beside_their_record_follow_in_messages_of_their_own(tmp_path):
    texts = [f"{number}" * 900_000 for number in range(9)]

    async def scenario(recording):
        await recording.recorder.requested(exchange(*texts))
        return recording.messages(), recording.reading.texts(recording.messages())

    messages, opened = recorded(tmp_path, scenario)
    records = [data for data in messages if data.startswith(b'{"record":')]
    overflows = [json.loads(data)["overflow"] for data in messages if b'{"overflow"' in data[:12]]
    (event,) = [parse_message(data).event for data in records]
    assert len(overflows) >= 2
    assert {overflow["event_id"] for overflow in overflows} == {event.event_id}
    assert all(len(data) < CONTENTS_BYTES_MAX + 1_500_000 for data in messages)
    assert [opened[part_id] for part_id in event.prompt_part_ids] == texts


def test_a_session_id_that_two_people_use_shares_no_part(tmp_path):
    async def scenario(recording):
        await recording.recorder.requested(exchange("same words", session="mine"))
        await recording.recorder.requested(exchange("same words", session="mine", subject="eve"))
        return recording.events()

    first, second = recorded(tmp_path, scenario)

    assert len(second.parts) == 1
    assert first.parts[0].part_id != second.parts[0].part_id
    assert first.parts[0].key_id != second.parts[0].key_id


def test_a_part_is_recorded_again_once_it_was_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(parts_module, "KNOWN_PARTS_MAX", 2)

    async def scenario(recording):
        for texts in (("a", "b"), ("b",), ("c", "d"), ("a",)):
            await recording.recorder.requested(exchange(*texts))
        return recording.events()

    assert [len(event.parts) for event in recorded(tmp_path, scenario)] == [2, 0, 2, 1]


def test_a_part_whose_record_failed_is_recorded_with_the_next(tmp_path):
    files = FaultyFiles()

    async def scenario(recording):
        files.hung.clear()
        with pytest.raises(AuditUnavailable):
            await recording.recorder.requested(exchange("a"))
        files.hung.set()
        await eventually(lambda: recording.journal.healthy)
        await recording.recorder.requested(exchange("a"))
        return recording.events()

    assert len(recorded(tmp_path, scenario, files)[-1].parts) == 1


def test_an_end_that_the_disk_refused_is_recorded_when_it_is_back(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.05)
    files = FaultyFiles()

    async def scenario(recording):
        asked = exchange("a")
        await recording.recorder.requested(asked)
        asked.outcome.completion.add(Channel(0, "text"), "answer")
        files.capacity_bytes = 0
        with pytest.raises(AuditUnavailable):
            await recording.recorder.completed(asked)
        files.capacity_bytes = None
        await eventually(lambda: len(recording.events()) == 2)
        return recording.events(), recording.reading.texts(recording.messages())

    (_, completed), texts = recorded(tmp_path, scenario, files)
    assert completed.event_type == "interaction.completed"
    assert [texts[part_id] for part_id in completed.completion_part_ids] == ["answer"]


def test_equal_texts_of_one_prompt_are_one_part_named_twice(tmp_path):
    async def scenario(recording):
        await recording.recorder.requested(exchange("same", "same", ""))
        return recording.events()

    (event,) = recorded(tmp_path, scenario)
    assert len(event.parts) == 1
    assert event.prompt_part_ids == (event.parts[0].part_id,) * 2


class DeadKeyService:
    """Cloud KMS that does not answer."""

    remote = True

    def encrypt(self, plaintext, associated_data, /):
        raise tink.TinkError("no answer")

    decrypt = encrypt


@pytest.mark.parametrize("mode", ["sealed", None])
def test_without_the_key_service_nothing_is_written_at_all(tmp_path, mode):
    async def scenario(recording):
        tenant = recording.reading.tenant
        keys = ContentKeys(recording.reading.engine, DeadKeyService(), b"0" * 32)
        recorder = Recorder(recording.journal, Sealer(keys), tenant.subkey("part"), "local")
        asked = exchange("the canary prompt")
        asked.decision = replace(asked.decision, content=mode)
        with pytest.raises(SealingUnavailable):
            await recorder.requested(asked)
        return recording.messages()

    assert recorded(tmp_path, scenario) == []
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"canary" in path.read_bytes() for path in written)
