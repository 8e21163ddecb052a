"""Check that the JSON Schemas say what the records say."""

import json
from typing import Any

import pytest
from examples import Example, locations, records, replaced, valid_records
from jsonschema import Draft202012Validator

from schemas.base import Classification, ContractError
from schemas.jsonschema import render_event
from schemas.registry import EVENTS, parse

VALIDATORS = {event: Draft202012Validator(render_event(*event, EVENTS[event])) for event in EVENTS}

# Wrong somewhere, right elsewhere. Left out: what JSON Schema cannot say (1.0 is no integer here,
# the 30th of February is no day).
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**63,
    1.5,
    "",
    "x" * 5000,
    "2026-11-20T09:15:27.5Z",
    [],
    ["x"],
    {},
)


def parses(record: Any) -> bool:
    try:
        parse(json.dumps(record).encode())
    except ContractError:
        return False
    return True


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_schema_is_valid_draft_2020_12(event: tuple[str, int]) -> None:
    Draft202012Validator.check_schema(VALIDATORS[event].schema)


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_every_property_has_a_description_and_a_class(event: tuple[str, int]) -> None:
    schema = VALIDATORS[event].schema
    properties = [schema["properties"], *(d["properties"] for d in schema["$defs"].values())]

    for one in (member for group in properties for member in group.values()):
        assert one["description"]
        assert one["classification"] in set(Classification)


@pytest.mark.parametrize("example", records(), ids=str)
def test_schema_and_record_agree_on_every_example(example: Example) -> None:
    record = json.loads(example.file.read_bytes())

    assert VALIDATORS[example.event].is_valid(record) is example.passes is parses(record)


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_schema_and_record_agree_on_every_field_s_wrong_values(event: tuple[str, int]) -> None:
    example = next(e for e in valid_records() if e.event == event)
    record = json.loads(example.file.read_bytes())

    for location in locations(record):
        for value in VALUES:
            changed = replaced(record, location, value)
            valid = VALIDATORS[event].is_valid(changed)
            assert valid is parses(changed), (location, value)


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_schema_and_record_agree_on_every_missing_field(event: tuple[str, int]) -> None:
    example = next(e for e in valid_records() if e.event == event)
    record = json.loads(example.file.read_bytes())

    for name in record:
        without = {key: value for key, value in record.items() if key != name}
        assert VALIDATORS[event].is_valid(without) is parses(without), name
