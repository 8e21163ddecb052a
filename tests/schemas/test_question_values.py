from datetime import UTC, date, datetime, timedelta

import pytest

from schemas.question_values import ValueFault, read_value

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("STRING", " ann@acme.example ", "ann@acme.example"),
        ("INT64", "-5", -5),
        ("FLOAT64", "2.5", 2.5),
        ("BOOL", "True", True),
        ("TIMESTAMP", "now", NOW),
        ("TIMESTAMP", "30d", NOW - timedelta(days=30)),
        ("TIMESTAMP", "90m", NOW - timedelta(minutes=90)),
        ("TIMESTAMP", "2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("TIMESTAMP", "2026-11-01T02:00:00+02:00", datetime(2026, 11, 1, tzinfo=UTC)),
        ("DATE", "today", date(2026, 11, 20)),
        ("DATE", "1d", date(2026, 11, 19)),
        ("DATE", "2026-11-01", date(2026, 11, 1)),
        ("ARRAY<STRING>", "DE, FR ,", ("DE", "FR")),
        ("ARRAY<STRING>", "", ()),
    ],
)
def test_text_is_read_by_its_type(kind, text, value):
    assert read_value("p", kind, text, NOW) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("INT64", "two"),
        ("INT64", str(2**63)),
        ("FLOAT64", "nan"),
        ("BOOL", "yes"),
        ("TIMESTAMP", "yesterday"),
        ("TIMESTAMP", "99999d x"),
        ("TIMESTAMP", "99999h ago"),
        ("DATE", "2026-13-01"),
    ],
)
def test_text_of_another_type_is_one_sentence_without_the_text(kind, text):
    with pytest.raises(ValueFault) as fault:
        read_value("since", kind, text, NOW)

    assert str(fault.value).startswith("The parameter since takes ")
    assert text not in str(fault.value)
