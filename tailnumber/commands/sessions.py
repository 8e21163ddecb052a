"""``tailnumber sessions``: who worked with an AI, when, with what."""

from typing import Annotated, Any

import typer

from tailnumber.commands.options import (
    DEFAULT_SINCE,
    DataDir,
    Json,
    Project,
    Since,
    since_time,
)
from tailnumber.output import as_utc, console, print_json, say, table

_COLUMNS = ("session", "who", "client", "first", "last", "prompts", "models", "findings", "refused")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example:  tailnumber sessions --since 8h")(sessions)


def sessions(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    since: Since = DEFAULT_SINCE,
    project: Project = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List sessions, newest first: who, with which client and models, what was found."""
    begin = since_time(since)
    from tailnumber.answering import open_asked
    from tailnumber.questions import SESSIONS

    with open_asked(project, data_dir) as trail:
        rows = trail.ask(SESSIONS, since=begin, row_limit=limit).rows
    if as_json:
        print_json({"sessions": rows})
        return
    if not rows:
        say(f"No session was recorded in the last {since}." if since[-1] in "mhd" else "None.")
        return
    console().print(table(_COLUMNS, map(_cells, rows)))
    say(f"Look at one with: tailnumber replay {rows[0]['session_id']}", style="dim")


def _cells(row: dict[str, Any]) -> tuple[Any, ...]:
    client = " ".join(filter(None, (row["client_name"], row["client_version"])))
    return (
        row["session_id"],
        row["principal_email"] or row["principal_subject"],
        client,
        row["first_requested_at"],
        as_utc(row["last_requested_at"]).strftime("%H:%M:%S"),
        row["interaction_count"],
        row["models"],
        row["finding_count"],
        row["blocked_count"],
    )
