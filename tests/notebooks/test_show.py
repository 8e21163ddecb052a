"""What a notebook's tables look like."""

import polars as pl
import pytest
import show


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.000065, "0.000065"), (0.0011, "0.0011"), (0.0, "0.00"), (1234.5, "1,234.50")],
)
def test_a_small_cost_is_a_plain_decimal_and_not_a_power_of_ten(monkeypatch, value, shown):
    shows = []
    monkeypatch.setattr(show, "display", shows.append)
    show.table(pl.DataFrame({"cost": [value]}), title="Cost")
    assert f'<td align="right">{shown}</td>' in shows[-1].data
