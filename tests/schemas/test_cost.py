"""The reckoning follows its formula."""

import pytest

from schemas import cost
from schemas.__main__ import main


def test_a_gibibyte_for_ninety_days_costs_carrying_writing_and_active_storage() -> None:
    size = cost.GIB // cost.MILLION
    prices = cost.Prices(1024, 1024, write_gib=1, active_gib_month=1, long_term_gib_month=100)

    usd = cost.stored_usd(size, 90, prices, size)

    assert usd == pytest.approx(3 + 1 + 90 / (365 / 12), rel=0.001)


def test_days_after_ninety_cost_the_long_term_price() -> None:
    prices = cost.Prices(0, 0, 0, 0, long_term_gib_month=12)

    assert cost.stored_usd(1000, 90, prices, 0) == 0
    assert cost.stored_usd(1000, 455, prices, 0) == pytest.approx(10**9 / cost.GIB * 12 * 12)


def test_texts_stored_once_cost_less_than_bodies() -> None:
    once, bodies = cost.reckon()

    assert once[:-1] == bodies[:-1]
    assert once[-1].usd * 10 < bodies[-1].usd


def test_command_takes_other_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--body-bytes", "1234"]) == 0
    assert "| every request's body | 1,234 | 190 |" in capsys.readouterr().out
    assert main(["cost", "--body-bytes", "-1"]) == 2
