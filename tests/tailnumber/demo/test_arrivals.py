from datetime import UTC, datetime

from tailnumber.demo.arrivals import Arrivals, percentile
from tailnumber.demo.people import ADA
from tailnumber.demo.story import Step
from tailnumber.demo.traffic import Sent
from tailnumber.trail import Answer


class Warehouse:
    """Shows the rows that a test puts there."""

    def __init__(self):
        self.request_ids, self.denial_count = [], 0

    def ask(self, sql, **parameters):
        if "access_denials" in sql:
            return Answer((), [{"denial_count": self.denial_count}])
        return Answer((), [{"request_id": each} for each in self.request_ids])


def sent(request_id, status=200):
    return Sent(Step(0, "chat", ADA), request_id, status, ended_at=0.0)


def test_request_without_a_row_is_missing_until_the_row_comes():
    warehouse = Warehouse()
    arrivals = Arrivals(warehouse, datetime.now(UTC))
    arrivals.look()
    assert arrivals.missing([sent("a"), sent("b")]) == 2

    warehouse.request_ids = ["a", "b", None]
    arrivals.look()

    assert arrivals.missing([sent("a"), sent("b")]) == 0
    assert len(arrivals.delays([sent("a"), sent("b")])) == 2


def test_caller_who_was_not_let_in_is_looked_for_among_the_denials():
    warehouse = Warehouse()
    arrivals = Arrivals(warehouse, datetime.now(UTC))
    assert arrivals.missing([sent("a", 401)]) == 1

    warehouse.denial_count = 1

    assert arrivals.missing([sent("a", 401)]) == 0


def test_percentile_is_one_of_the_values():
    values = [float(n) for n in range(1, 101)]

    assert (percentile(values, 0.5), percentile(values, 0.95)) == (51.0, 95.0)
    assert percentile([], 0.5) == 0.0
