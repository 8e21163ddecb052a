"""Count a month by hand, for the answers that are expected of the questions."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from month import RISKS, Interaction, Month

# A request is recorded so long after it was read.
MOMENT = timedelta(milliseconds=5)


def grouped(items: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def ended_at(each: Interaction) -> datetime:
    return each.requested_at + timedelta(seconds=each.fields.get("duration_seconds", 0.05))


def called(month: Month) -> Iterator[tuple[Interaction, int, dict[str, Any], str | None]]:
    """Each tool call of an answer: its interaction, its place, itself, its risk."""
    for each in month.interactions:
        for index, call in enumerate(each.tool_calls):
            yield each, index, call, each.fields.get("risk_tier") or RISKS.get(call["name"])


def found(month: Month) -> Iterator[tuple[Interaction, int, dict[str, Any], datetime]]:
    """Each finding: its interaction, its place, itself, when it was recorded."""
    for each in month.interactions:
        at = ended_at(each) if each.status == "blocked" else each.requested_at + MOMENT
        for index, finding in enumerate(each.findings):
            yield each, index, finding, at


def model_of(each: Interaction) -> str | None:
    return each.fields.get("model_used", each.model)


def tokens(each: Interaction) -> int:
    return (each.fields.get("input_tokens") or 0) + (each.fields.get("output_tokens") or 0)


def cost(interactions: Iterable[Interaction]) -> float:
    return float(sum(each.cost for each in interactions if each.cost is not None))


def listed(values: Iterable[str | None]) -> str | None:
    return ", ".join(sorted({value for value in values if value is not None})) or None


def monday(at: datetime) -> date:
    return at.date() - timedelta(days=at.weekday())


def nulls_first(value: Any) -> tuple[bool, Any]:
    """A key that puts rows in BigQuery's ascending order."""
    return (value is not None, value)
