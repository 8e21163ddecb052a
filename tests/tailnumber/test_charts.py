from datetime import date
from decimal import Decimal

from schemas.questions import Chart, parse
from tailnumber.charts import CATEGORIES_MAX, specification

QUESTION = parse(
    "cost",
    """\
-- title: Cost
-- question: What did it cost?
-- description: By day.
-- topic: cost
-- asked by: management
-- parameter: since TIMESTAMP = 30d; start of the period
-- column: day DATE; day
-- column: department STRING; department
-- column: cost_amount NUMERIC; cost
SELECT DATE(requested_at) AS day, department, SUM(cost_amount) AS cost_amount
FROM audit.interactions
WHERE requested_at >= @since
GROUP BY day, department
ORDER BY day, department
""",
)


def row(day, department, amount="1.50"):
    return {"day": date(2026, 10, day), "department": department, "cost_amount": Decimal(amount)}


def test_bars_of_names_lie_so_that_they_can_be_read():
    drawn = specification(QUESTION, Chart("bar", "department", "cost_amount", None), [row(1, "a")])

    assert drawn["encoding"]["y"]["field"] == "department"
    assert drawn["encoding"]["y"]["sort"] is None, "the answer's own order stays"


def test_line_over_days_is_drawn_over_time_with_a_colour_for_each():
    chart = Chart("line", "day", "cost_amount", "department")

    drawn = specification(QUESTION, chart, [row(1, "a"), row(2, "b")])

    assert drawn["encoding"]["x"]["type"] == "temporal"
    assert drawn["encoding"]["color"]["field"] == "department"


def test_values_are_numbers_and_only_those_that_are_drawn():
    drawn = specification(QUESTION, Chart("bar", "day", "cost_amount", None), [row(1, "a")])

    assert drawn["data"]["values"] == [{"day": "2026-10-01", "cost_amount": 1.5}]


def test_more_bars_than_are_read_are_left_out_and_counted():
    rows = [row(1, f"team{n}") for n in range(CATEGORIES_MAX + 7)]

    drawn = specification(QUESTION, Chart("bar", "department", "cost_amount", None), rows)

    assert len(drawn["data"]["values"]) == CATEGORIES_MAX
    assert drawn["title"]["subtitle"] == "and 7 more"
