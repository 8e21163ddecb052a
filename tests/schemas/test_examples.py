"""Drive the committed examples: what must pass passes, what must fail fails for its name's reason."""

from collections import Counter
from pathlib import Path

import pytest
from examples import DIRECTORY, Example, messages, records

from schemas.base import ContractError
from schemas.message import parse_message
from schemas.registry import EVENTS, parse

# First word of a failing example's name -> the kinds of error that it may stand for.
KINDS = {
    "missing": {"missing"},
    "unknown": {"extra_forbidden"},
    "wrong_type": {"int_type", "string_type", "bool_type", "float_type", "tuple_type"},
    "null": {"string_type"},
    "bad_pattern": {"string_pattern_mismatch"},
    "other_value": {"literal_error"},
    "not_utc": {"time_not_utc"},
    "too_fine": {"time_not_utc"},
    "too_long": {"string_too_long"},
    "too_small": {"greater_than_equal"},
    "too_large": {"less_than_equal"},
}

MESSAGE_REASONS = {
    "hash_mismatch": "record_hash does not match the record",
    "record_changed": "record_hash does not match the record",
    "record_reformatted": "record_hash does not match the record",
    "not_json": "not an event message",
    "torn": "not an event message",
    "record_not_first": "not an event message",
    "contents_missing": "not an event message",
    "contents_malformed": "not an event message",
    "unknown_outer_field": "not an event message",
    "unknown_event_type": "unknown event type or version",
    "unknown_event_version": "unknown event type or version",
    "record_incomplete": "writer.opened version 1: host: missing",
}


@pytest.mark.parametrize("example", [e for e in records() if e.passes], ids=str)
def test_passing_record_parses_as_its_event(example: Example) -> None:
    event = parse(example.file.read_bytes())

    assert type(event) is EVENTS[example.event]


@pytest.mark.parametrize("example", [e for e in records() if not e.passes], ids=str)
def test_failing_record_fails_for_its_name_s_reason_alone(example: Example) -> None:
    word, location = example.case.split(".", 1)
    if word == "unknown":
        location = ".".join([*location.split(".")[:-1], "?"])

    with pytest.raises(ContractError) as refusal:
        parse(example.file.read_bytes())

    head = f"{example.event[0]} version {example.event[1]}: {location}: "
    assert str(refusal.value).startswith(head)
    assert str(refusal.value).removeprefix(head) in KINDS[word]


@pytest.mark.parametrize("file", messages("pass"), ids=lambda file: file.name)
def test_passing_message_parses(file: Path) -> None:
    message = parse_message(file.read_bytes())

    assert message.record in file.read_bytes()


@pytest.mark.parametrize("file", messages("fail"), ids=lambda file: file.name)
def test_failing_message_fails_for_its_name_s_reason(file: Path) -> None:
    reason = MESSAGE_REASONS[file.name.split(".")[1]]

    with pytest.raises(ContractError) as refusal:
        parse_message(file.read_bytes())

    assert str(refusal.value) == reason


def test_each_event_has_two_examples_that_pass_and_four_that_fail() -> None:
    passing = Counter(example.event for example in records() if example.passes)
    failing = Counter(example.event for example in records() if not example.passes)

    assert all(passing[event] >= 2 for event in EVENTS)
    assert all(failing[event] >= 4 for event in EVENTS)


def test_every_example_file_is_driven() -> None:
    driven = {example.file for example in records()} | {*messages("pass"), *messages("fail")}

    assert set(DIRECTORY.iterdir()) == driven
