"""Check that a message is taken only with the very bytes that were hashed."""

import json

import pytest
from examples import DIRECTORY, messages
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.base import ContractError
from schemas.chain import record_hash
from schemas.message import RECORD_PREFIX, Overflow, parse_message

ONE_TEXT = (DIRECTORY / "message.one_text.pass.json").read_bytes()
RECORD_END = ONE_TEXT.index(b',"record_hash":')


def test_parsed_message_returns_the_exact_record_and_its_texts() -> None:
    message = parse_message(ONE_TEXT)

    assert message.record == ONE_TEXT[len(RECORD_PREFIX) : RECORD_END]
    assert message.record_hash == record_hash(message.record)
    assert [content.part_id for content in message.contents] == [
        part.part_id
        for part in message.event.parts  # type: ignore[attr-defined]  # requested
    ]


@given(st.integers(len(RECORD_PREFIX), RECORD_END - 1), st.integers(1, 255))
def test_any_flipped_byte_of_the_record_is_refused(place: int, flip: int) -> None:
    changed = ONE_TEXT[:place] + bytes([ONE_TEXT[place] ^ flip]) + ONE_TEXT[place + 1 :]

    with pytest.raises(ContractError):
        parse_message(changed)


@given(st.integers(0, len(ONE_TEXT) - 1))
def test_torn_message_is_refused(length: int) -> None:
    with pytest.raises(ContractError):
        parse_message(ONE_TEXT[:length])


@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_refused_and_never_crash(data: bytes) -> None:
    for message in (data, RECORD_PREFIX + data, ONE_TEXT + b"x" + data):
        with pytest.raises(ContractError):
            parse_message(message)


def test_deeply_nested_message_is_refused() -> None:
    with pytest.raises(ContractError):
        parse_message(RECORD_PREFIX + b"[" * 100_000)


def test_non_ascii_text_in_a_record_keeps_its_bytes() -> None:
    (opened,) = (file for file in messages("pass") if "no_text" in file.name)
    record = opened.read_bytes()[len(RECORD_PREFIX) :]
    record = record[: record.index(b',"record_hash":')].replace(
        b"gateway-7d9f", "gåteway-🛩".encode()
    )
    data = (
        RECORD_PREFIX + record + f',"record_hash":"{record_hash(record)}","contents":[]}}'.encode()
    )

    assert parse_message(data).record == record


def test_overflow_names_its_event_and_nothing_else() -> None:
    event = json.loads(ONE_TEXT)["record"]
    names = ("event_id", "occurred_at", "tenant_id", "session_id", "interaction_id")
    ids = {name: event[name] for name in names}
    ids["principal_id"] = event["principal"]["principal_id"]

    assert Overflow.model_validate_json(json.dumps(ids)).event_id == event["event_id"]
    with pytest.raises(ValidationError):
        Overflow.model_validate_json(json.dumps({**ids, "text": "in clear"}))
