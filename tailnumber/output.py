"""Write what a command has to say: tables and sentences for people, one document for scripts."""

import base64
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

# A cell longer than this is cut in a table; --json and --csv have it whole.
CELL_MAX: Final = 120
# Width where the output is no terminal, so that a log or a pipe gets whole rows.
_PLAIN_WIDTH: Final = 160


@cache
def console() -> Console:
    """Return standard output for people."""
    width = None if sys.stdout.isatty() else _PLAIN_WIDTH
    return Console(highlight=False, soft_wrap=False, width=width, emoji=False)


def say(text: str = "", style: str | None = None) -> None:
    """Print a line; square brackets are plain text."""
    console().print(Text(text, style=style or ""), soft_wrap=True)


def working(text: str) -> Status:
    """Show on standard error what is being done, for as long as it is, if somebody looks."""
    return Console(stderr=True).status(text)


def complain(text: str) -> None:
    """Print a sentence on standard error."""
    sys.stderr.write(f"tailnumber: {text}\n")


def print_json(document: Any) -> None:
    """Print one JSON document on standard output, and nothing else."""
    sys.stdout.write(json.dumps(to_json(document), ensure_ascii=False, indent=2) + "\n")


def to_json(value: Any) -> Any:  # noqa: PLR0911  (one line per type)
    """Return a value as JSON knows it: times in ISO 8601, bytes in base64, decimals as text."""
    if isinstance(value, dict):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    if isinstance(value, datetime):
        return as_utc(value).isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Decimal):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def as_utc(value: datetime) -> datetime:
    """Return a time in UTC; one without a zone is taken to be in UTC already."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None
) -> Table:
    """Return a table whose cells are plain text; numbers stand right."""
    listed = [list(row) for row in rows]
    built = Table(
        box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False
    )
    for number, column in enumerate(columns):
        numeric = bool(listed) and all(
            isinstance(row[number], int | float) and not isinstance(row[number], bool)
            for row in listed
            if row[number] is not None
        )
        numeric = numeric and any(row[number] is not None for row in listed)
        built.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        built.add_row(*(Text(cell(value)) for value in row))
    return built


def cell(value: Any) -> str:
    """Return a value as a table shows it: on one line, and cut."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return as_utc(value).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple) and not any(isinstance(each, dict) for each in value):
        text = ", ".join(cell(each) for each in value)
    elif isinstance(value, list | tuple | dict):
        text = json.dumps(to_json(value), ensure_ascii=False)
    else:
        text = str(to_json(value))
    text = printable(" ".join(text.split()))
    return text if len(text) <= CELL_MAX else text[: CELL_MAX - 1] + "…"


def printable(text: str) -> str:
    """Return a text that cannot move the cursor or colour the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def counted(number: int, what: str) -> str:
    """Return a number of things, with the plural's s where it belongs."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def duration(span: timedelta | float) -> str:
    """Return a span of time in its two largest units."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


@contextmanager
def progress(total: int) -> Iterator[Callable[[], None]]:
    """Show a bar, where a person is looking, that goes on by one at each call."""
    from rich.progress import Progress

    shown = sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=not shown) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)
