"""Options that several commands share, each meaning the same everywhere."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from tailnumber.stack.layout import Layout

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="TAILNUMBER_DATA_DIR",
        help="Folder of the stack's data. Default: the user's data directory.",
        show_default=False,
        file_okay=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Gateway = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The gateway. Default: where you are signed in, else the stack of this machine.",
        show_default=False,
    ),
]
Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="PROJECT",
        envvar="TAILNUMBER_BIGQUERY_PROJECT",
        help="The warehouse is BigQuery in this Google Cloud project, as who you are signed in "
        "there, instead of the stack of this machine.",
        show_default=False,
    ),
]
DeedReason = Annotated[
    str, typer.Option("--reason", help="Why, for the record: a case or ticket number.")
]
Since = Annotated[
    str,
    typer.Option("--since", help="How far back: 90m, 12h, 30d, or a date such as 2026-11-01."),
]
Reason = Annotated[
    str | None,
    typer.Option(
        metavar="WHY",
        help="Why you open these texts; recorded with who you are in audit.record_views.",
        show_default=False,
    ),
]
DEFAULT_SINCE: Final = "30d"
REASON_MAX: Final = 1024

_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNIT: Final = {"m": "minutes", "h": "hours", "d": "days"}


def layout_of(data_dir: Path | None) -> Layout:
    """Return the files of a data directory; None is the user's own."""
    if data_dir is None:
        from platformdirs import user_data_path

        data_dir = user_data_path("tailnumber", appauthor=False)
    return Layout(data_dir.expanduser().absolute())


def checked_reason(reason: str) -> str:
    """Return a reason as it is recorded.

    Raises:
        typer.BadParameter: it is empty, too long, or not one line of text.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= REASON_MAX or not reason.isprintable():
        raise typer.BadParameter(
            f"write one line of 1 to {REASON_MAX} characters", param_hint="--reason"
        )
    return reason


def since_time(text: str) -> datetime:
    """Return the time that ``--since`` names.

    Raises:
        typer.BadParameter: it is neither a span nor a date.
    """
    span = _SPAN.fullmatch(text.strip())
    if span:
        return datetime.now(UTC) - timedelta(**{_UNIT[span[2]]: int(span[1])})
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(
            "write a span such as 90m, 12h or 30d, or a date such as 2026-11-01",
            param_hint="--since",
        ) from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
