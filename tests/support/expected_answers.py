"""What each shipped question must answer over the planted month, row by row, in order.

``@answers("name", parameter="text")`` marks a function from the month to the expected rows, each a
tuple in the order of the question's columns. ``since`` and ``until`` are the month's own unless
given; other parameters have their defaults. Count from ``month.interactions``, or take what
``planted.py`` put into ``month.facts``; never copy an answer from the query's own.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from counting import found, grouped
from month import Month

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Expected:
    parameters: dict[str, str]
    rows: Callable[[Month], Rows]


EXPECTED: dict[str, Expected] = {}


def answers(name: str, **parameters: str) -> Callable[[Callable[[Month], Rows]], None]:
    def mark(function: Callable[[Month], Rows]) -> None:
        assert name not in EXPECTED, f"{name} has two expected answers"
        EXPECTED[name] = Expected(parameters, function)

    return mark


@answers("secrets_seen_again", least_people="1")
def _(month: Month) -> Rows:
    rows = []
    for fingerprint, each in grouped(found(month), lambda e: e[2]["fingerprint"]).items():
        times = [at for *_, at in each]
        if len(each) > 1:
            rows.append(
                (
                    fingerprint, each[0][2]["rule_id"], len(each),
                    len({i.person for i, *_ in each}),
                    sorted({i.repository for i, *_ in each if i.repository}), min(times), max(times),
                )
            )  # fmt: skip
    return sorted(rows, key=lambda row: (-row[3], -row[2], row[0]))


@answers("refused_access")
def _(month: Month) -> Rows:
    return [
        (date(2026, 10, 9), "key_unknown", None, 25, 5),
        (date(2026, 10, 13), "key_in_url", None, 1, 1),
        (date(2026, 10, 13), "token_expired", "https://login.acme.example", 2, 1),
    ]


@answers("model_use", row_limit="1000")
def _(month: Month) -> Rows:
    groups = defaultdict(list)
    for each in month.interactions:
        if each.model is not None:
            groups[each.person, each.provider, each.fields.get("model_used", each.model)].append(
                each
            )
    rows = [
        (
            person.email, person.id, provider, model, len(each),
            sum(i.fields.get("input_tokens", 0) for i in each),
            sum(i.fields.get("output_tokens", 0) for i in each),
        )
        for (person, provider, model), each in groups.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[4], row[1], row[3], row[2]))
