"""Read the value of a question's parameter as a person writes it. Pure: the time is an argument."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Final

Value = str | int | float | bool | datetime | date | tuple[str, ...]

_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS: Final = MappingProxyType({"m": "minutes", "h": "hours", "d": "days"})
# INT64 of BigQuery.
_INT64: Final = range(-(2**63), 2**63)


class ValueFault(Exception):
    """A text is no value of the parameter's type; the message is one sentence without the text."""


def read_value(name: str, kind: str, text: str, now: datetime) -> Value:
    """Return what a text means as the parameter ``name`` of BigQuery's type ``kind``.

    A TIMESTAMP is ``now``, a span before it (``30d``, ``12h``, ``90m``), or a date or time in ISO
    8601, in UTC where it names no zone; a DATE is ``today``, a span of days or a date; an
    ``ARRAY<STRING>`` is separated by commas and may be empty.

    Raises:
        ValueFault: it is none of that type.
    """
    read, expected = _TYPES[kind]
    try:
        return read(text.strip(), now)
    except (ValueError, OverflowError):
        raise ValueFault(f"The parameter {name} takes {expected}.") from None


def _timestamp(text: str, now: datetime) -> datetime:
    if text == "now":
        return now
    span = _SPAN.fullmatch(text)
    if span:
        return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _date(text: str, now: datetime) -> date:
    if text == "today":
        return now.date()
    return _timestamp(text, now).date() if _SPAN.fullmatch(text) else date.fromisoformat(text)


def _int64(text: str, _now: datetime) -> int:
    if (number := int(text)) not in _INT64:
        raise ValueError
    return number


def _float64(text: str, _now: datetime) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError
    return number


def _bool(text: str, _now: datetime) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError
    return text.lower() == "true"


def _string(text: str, _now: datetime) -> str:
    return text


def _strings(text: str, _now: datetime) -> tuple[str, ...]:
    return tuple(part for each in text.split(",") if (part := each.strip()))


_Read = Callable[[str, datetime], Value]
_TYPES: Final[Mapping[str, tuple[_Read, str]]] = MappingProxyType(
    {
        "STRING": (_string, "a text"),
        "INT64": (_int64, "a whole number"),
        "FLOAT64": (_float64, "a number"),
        "BOOL": (_bool, "true or false"),
        "TIMESTAMP": (_timestamp, "now, a span such as 30d or 12h, or a time such as 2026-11-01"),
        "DATE": (_date, "today, a span such as 30d, or a date such as 2026-11-01"),
        "ARRAY<STRING>": (_strings, "texts with commas between them"),
    }
)
TYPES: Final = tuple(_TYPES)
