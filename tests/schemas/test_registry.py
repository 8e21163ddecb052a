"""Check that parsing is exact and never repeats what it read."""

import json
import traceback

import pytest
from examples import Example, locations, replaced, valid_records

from schemas.base import ContractError
from schemas.registry import EVENTS, model_of, parse

CANARY = "canary-7c1f"
BAD_VALUES = (f" {CANARY} ", {CANARY: CANARY}, [CANARY, [CANARY]], f"{CANARY}\ud800")


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_registered_record_carries_its_own_type_and_version(event: tuple[str, int]) -> None:
    fields = EVENTS[event].model_fields

    assert fields["event_type"].annotation.__args__ == (event[0],)  # type: ignore[union-attr]  # a Literal
    assert fields["event_version"].annotation.__args__ == (event[1],)  # type: ignore[union-attr]  # a Literal


@pytest.mark.parametrize("example", valid_records(), ids=str)
def test_error_never_repeats_a_value_of_any_field(example: Example) -> None:
    record = json.loads(example.file.read_bytes())
    changed = [replaced(record, at, value) for at in locations(record) for value in BAD_VALUES]

    refusals = [text for text in map(refusal_of, changed) if text]

    assert len(refusals) > 2 * len(record)
    assert not [text for text in refusals if CANARY in text]


def refusal_of(record: object) -> str:
    """Return everything that a traceback would print of the refusal; nothing if there is none."""
    try:
        parse(json.dumps(record).encode())
    except ContractError as error:
        return "".join(traceback.format_exception(error))
    return ""


@pytest.mark.parametrize("example", valid_records(), ids=str)
def test_error_never_repeats_the_name_of_an_unknown_field(example: Example) -> None:
    record = json.loads(example.file.read_bytes())
    objects = [()] + [at for at in locations(record) if isinstance(pick(record, at), dict)]

    for location in objects:
        with pytest.raises(ContractError) as refusal:
            parse(json.dumps(replaced(record, (*location, CANARY), 1)).encode())
        assert str(refusal.value).endswith("?: extra_forbidden")
        assert CANARY not in "".join(traceback.format_exception(refusal.value))


def pick(document: object, location: tuple[str | int, ...]) -> object:
    for step in location:
        document = document[step]  # type: ignore[index]  # JSON
    return document


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe\xfd", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{}", "no event_type or event_version"),
        (b'{"event_type":1,"event_version":1}', "no event_type or event_version"),
        (b'{"event_type":"writer.opened","event_version":true}', "no event_type or event_version"),
        (b'{"event_type":"writer.opened","event_version":"1"}', "no event_type or event_version"),
        (b'{"event_type":"writer.opened","event_version":2}', "unknown event type or version"),
        (b'{"event_type":"canary","event_version":1}', "unknown event type or version"),
    ],
)
def test_what_is_no_known_event_is_refused(record: bytes, reason: str) -> None:
    with pytest.raises(ContractError) as refusal:
        parse(record)

    assert str(refusal.value) == reason


def test_not_a_number_is_refused() -> None:
    example = next(e for e in valid_records() if e.case == "tool_call")
    record = json.loads(example.file.read_bytes())

    with pytest.raises(ContractError, match="duration_seconds: finite_number"):
        parse(json.dumps(replaced(record, ("duration_seconds",), float("nan"))).encode())


def test_model_of_an_unknown_event_is_refused() -> None:
    with pytest.raises(ContractError):
        model_of("writer.opened", 99)
