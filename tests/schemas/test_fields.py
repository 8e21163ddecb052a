"""Check the types that records share where pydantic alone would be generous."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.fields import Time

TIME = TypeAdapter(Time)


@pytest.mark.parametrize(
    "text",
    ["2026-11-20T09:15:27Z", "2026-11-20T09:15:27.118204Z", "2026-11-20T09:15:27.1+00:00"],
)
def test_utc_time_is_taken_as_it_is(text: str) -> None:
    assert TIME.validate_json(f'"{text}"', strict=True) == datetime.fromisoformat(text)


@pytest.mark.parametrize(
    "json_text",
    [
        '"2026-11-20T09:15:27"',
        '"2026-11-20T09:15:27+01:00"',
        '"2026-11-20T09:15:27.118204999Z"',
        '"2026-11-20 09:15:27Z"',
        '"2026-11-20"',
        '"1763630127"',
        "1763630127",
        "true",
        '"2026-11-20T09:15:27Z\\n"',
        '"2026-02-30T09:15:27Z"',
    ],
)
def test_time_that_is_not_utc_microseconds_is_refused(json_text: str) -> None:
    with pytest.raises(ValidationError):
        TIME.validate_json(json_text, strict=True)


def test_datetime_of_another_zone_is_refused() -> None:
    moment = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)

    assert TIME.validate_python(moment) == moment
    for other in (moment.replace(tzinfo=None), moment.astimezone(timezone(timedelta(hours=1)))):
        with pytest.raises(ValidationError):
            TIME.validate_python(other)
