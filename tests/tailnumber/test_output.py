import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from rich.console import Console

from tailnumber.output import CELL_MAX, cell, duration, table, to_json


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 11, 20, 12, 0, tzinfo=UTC), "2026-11-20T12:00:00Z"),
        (datetime(2026, 11, 20, 14, tzinfo=timezone(timedelta(hours=2))), "2026-11-20T12:00:00Z"),
        (date(2026, 11, 20), "2026-11-20"),
        (Decimal("1.50"), "1.50"),
        (b"\x00\xff", "AP8="),
        ({"a": [b"x", None, True, 1.5]}, {"a": ["eA==", None, True, 1.5]}),
    ],
    ids=["utc", "zone", "date", "decimal", "bytes", "nested"],
)
def test_value_becomes_json(value, expected):
    assert to_json(value) == expected


def test_long_cell_is_cut():
    assert len(cell("x" * 1000)) == CELL_MAX


def test_cell_cannot_move_the_cursor():
    assert "\x1b" not in cell("a\x1b[2Jb")


def test_cell_with_markup_is_plain_text():
    console = Console(width=80, record=True, file=io.StringIO())

    console.print(table(["a"], [["[bold]x[/bold]"]]))
    assert "[bold]x[/bold]" in console.export_text()


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (65, "1 min 5 s"), (3700, "1 h 1 min"), (90_000, "1 d 1 h")]
)
def test_duration_is_told_in_its_two_largest_units(seconds, text):
    assert duration(seconds) == text
