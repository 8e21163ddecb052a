"""Derived structs accept and refuse exactly what the contract's records do."""

import pickle
from typing import Any

import examples
import msgspec
import pytest

from pipeline.records import struct_of
from schemas.interaction import InteractionRequested
from schemas.registry import EVENTS


@pytest.mark.parametrize("example", examples.records(), ids=str)
def test_struct_agrees_with_the_contract_on_every_example(example: examples.Example) -> None:
    decoder = msgspec.json.Decoder(struct_of(EVENTS[example.event]))
    data = example.file.read_bytes()

    if example.passes:
        decoder.decode(data)
    else:
        with pytest.raises(msgspec.DecodeError):
            decoder.decode(data)


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_struct_has_the_fields_of_its_record(event: Any) -> None:
    record = EVENTS[event]

    assert struct_of(record).__struct_fields__ == tuple(record.model_fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [("event_id", "01934b2e-7c10-7010-8a4d-5e6f7a8b9c0d\n"), ("policy_digest", "\u0660" * 64)],
    ids=["last newline", "digits of another script"],
)
def test_patterns_mean_what_they_mean_to_other_engines(field: str, value: str) -> None:
    example = examples.valid_records()[0]
    record = msgspec.json.decode(example.file.read_bytes())

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**record, field: value}, struct_of(EVENTS[example.event]))


def test_structs_survive_pickling() -> None:
    example = next(e for e in examples.valid_records() if e.event[0] == "interaction.requested")
    struct = msgspec.json.decode(example.file.read_bytes(), type=struct_of(InteractionRequested))

    assert pickle.loads(pickle.dumps(struct)) == struct
