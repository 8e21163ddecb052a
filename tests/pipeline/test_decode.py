"""Messages become events, byte for byte, or are refused without their words."""

import json
from datetime import UTC, datetime

import examples
import pytest
from audit_messages import PART_ID, Writer, message, overflow, sealed

from pipeline.decode import Event, Incoming, Overflow, decode
from pipeline.errors import RefusedError
from pipeline.verify import verify

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)


def _incoming(data: bytes) -> Incoming:
    return Incoming(data, "1", NOW)


@pytest.mark.parametrize("file", examples.messages("pass"), ids=lambda f: f.name)
def test_every_valid_message_of_the_contract_is_taken(file) -> None:
    verify(decode(_incoming(file.read_bytes())))


@pytest.mark.parametrize("file", examples.messages("fail"), ids=lambda f: f.name)
def test_every_broken_message_of_the_contract_is_refused(file) -> None:
    with pytest.raises(RefusedError):
        verify(decode(_incoming(file.read_bytes())))


def test_record_bytes_are_kept_as_they_came() -> None:
    record = json.dumps(Writer().record(), indent=1).encode()

    event = decode(_incoming(message(record, sealed(b"sealed"))))

    assert isinstance(event, Event)
    assert event.record == record
    assert event.contents[0].ciphertext == b"sealed"
    assert event.occurred_at == datetime(2026, 11, 20, 9, 15, 27, 118204, tzinfo=UTC)


def test_texts_that_did_not_fit_come_alone() -> None:
    record = Writer().record()

    event = decode(_incoming(overflow(record, sealed(b"long"))))

    assert isinstance(event, Overflow)
    assert event.ids.event_id == record["event_id"]
    assert event.contents[0].part_id == PART_ID


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "message_malformed"),
        (b"canary", "message_malformed"),
        (b"\xff\xfe canary", "message_malformed"),
        (b'{"record":' + b"[" * 100_000, "message_malformed"),
        (b'{"overflow":{"canary":1},"contents":[]}', "message_malformed"),
        (message({"canary": 1}), "record_invalid"),
        (message({"event_type": "canary", "event_version": 1}), "event_unknown"),
        (message({"event_type": "access.denied", "event_version": True}), "record_invalid"),
        (message(Writer().record(canary="canary")), "record_invalid"),
        (message(Writer().record(effect="canary")), "record_invalid"),
        (message(Writer().record(requested_at="2026-02-30T00:00:00Z")), "record_invalid"),
        (
            message(Writer().record(), {**sealed(b"x"), "ciphertext": "!canary"}),
            "message_malformed",
        ),
    ],
)
def test_stranger_is_refused_without_a_word_of_his(data: bytes, code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        decode(_incoming(data))

    assert refused.value.reason_code == code
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_reason_names_the_field_and_the_type_of_the_event() -> None:
    with pytest.raises(RefusedError) as refused:
        decode(_incoming(message(Writer().record(sequence="canary"))))

    assert refused.value.reason == "interaction.requested version 1: sequence: int_type"
    assert refused.value.event_type == "interaction.requested"
