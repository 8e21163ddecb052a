"""Prices: what tokens cost, exactly, on the day they were used."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrichment.prices import Price, read_prices
from pipeline.errors import SourceError

HEADER = "model,input_price,output_price,cached_price,currency,valid_from\n"
TODAY = date(2026, 11, 20)


def test_price_of_the_day_holds_until_the_next() -> None:
    prices = read_prices(
        f"{HEADER}gpt-5*,3,12,,USD,2026-06-01\ngpt-5*,2,8,0.5,USD,2026-11-20\n*,1,1,,USD,\n".encode(),
        "p.csv",
    )

    assert prices.find("gpt-5-mini", date(2026, 11, 19)).input_price == 3
    assert prices.find("gpt-5-mini", TODAY).input_price == 2
    assert prices.find("gpt-5-mini", date(2026, 1, 1)).input_price == 1, "the next pattern"
    assert read_prices(f"{HEADER}a,1,1,,EUR,\n".encode(), "p.csv").find("b", TODAY) is None


def test_cost_is_exact_to_nine_decimals() -> None:
    price = Price(TODAY, Decimal("2.5"), Decimal(10), Decimal("0.25"), "USD")

    assert price.cost(1000, 200, 7) == Decimal("0.002620000")
    assert price.cost(0, 0, 0) == 0
    assert str(price.cost(1, 0, 0)) == "0.000002500"


@given(*[st.integers(0, 2**63 - 1)] * 3)
def test_no_count_of_tokens_breaks_the_sum(fresh: int, cached: int, output: int) -> None:
    most = Price(TODAY, *[Decimal(1_000_000)] * 3, "USD")

    cost = most.cost(fresh, cached, output)

    assert cost == fresh + cached + output
    assert cost < Decimal(10) ** 29, "fits NUMERIC"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            "m,1,1,,USD,2026-01-01\nm,2,2,,USD,2026-01-01\n",
            "line 3: this model has a price from that",
        ),
        ("m,-1,1,,USD,\n", "line 2: input_price is not a number such as 2.50"),
        ("m,1,1e3,,USD,\n", "line 2: output_price is not a number"),
        ("m,1,NaN,,USD,\n", "line 2: output_price is not a number"),
        (
            "m,9999999,1,,USD,\n",
            "line 2: input_price is not a number such as 2.50, at most 1,000,000",
        ),
        ("m,1,,,USD,\n", "line 2: output_price is empty"),
        ("m,1,1,,dollar,\n", "line 2: currency is not three capital letters"),
        ("m,1,1,,USD,20.11.2026\n", "line 2: valid_from is not a day such as 2026-01-31"),
        ("m,1,1,,USD,2026-02-30\n", "line 2: valid_from is not a day"),
    ],
)
def test_bad_row_is_refused(row: str, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        read_prices((HEADER + row).encode(), "p.csv")
