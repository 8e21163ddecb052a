"""``tailnumber search``: find a text in what was recorded, as a reader who holds the keys."""

from typing import Annotated, Any

import typer

from tailnumber.commands.options import (
    DEFAULT_SINCE,
    DataDir,
    Json,
    Project,
    Reason,
    Since,
    layout_of,
    since_time,
)
from tailnumber.errors import CommandError
from tailnumber.output import console, print_json, say, table

_COLUMNS = ("when", "who", "repository", "session", "said by", "text")
_EXAMPLE = 'Example:  tailnumber search "rounding error" --since 7d --reason "incident 4711"'


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EXAMPLE)(search)


def search(  # noqa: PLR0913, PLR0917  (one option each)
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to look for, in any case.")],
    reason: Reason = None,
    principal: Annotated[
        str | None,
        typer.Option(help="Only this person: mail address, subject or principal_id."),
    ] = None,
    repository: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Only in this repository.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Stop after so many hits.")] = 100,
    since: Since = DEFAULT_SINCE,
    project: Project = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Search the recorded texts. They are opened here, and who searched and why is recorded."""
    begin = since_time(since)
    if not text.strip():
        raise CommandError("Name a text to look for.")
    from tailnumber.viewing import checked_reason, note_view

    why = checked_reason(reason)
    layout = layout_of(data_dir)
    from tailnumber import questions, searching
    from tailnumber.answering import open_asked
    from tailnumber.control import this_account
    from tailnumber.reader import open_reader

    with open_asked(project, data_dir) as trail, open_reader(layout) as reader:
        parts = trail.stream(
            questions.SEARCHED_PARTS,
            since=begin,
            principal=principal or "",
            repository=repository or "",
        )
        found = searching.search(parts, reader, text, limit)
    note_view(layout, this_account(), "search", why, found.hits)
    if as_json:
        print_json({"hits": found.hits, "opened": found.opened_count, "complete": found.complete})
        return
    if found.hits:
        console().print(table(_COLUMNS, map(_cells, found.hits)))
    say(_summary(found.hits, found.opened_count, found.erased_count), style="dim")
    if not found.complete:
        say(f"Stopped after {limit} hits; narrow it down or raise --limit.", style="dim")


def _cells(hit: dict[str, Any]) -> tuple[Any, ...]:
    return (
        hit["occurred_at"],
        hit["principal_email"] or hit["principal_subject"] or hit["principal_id"],
        hit["repository"],
        hit["session_id"],
        hit["role"],
        hit["excerpt"],
    )


def _summary(hits: list[dict[str, Any]], opened: int, erased: int) -> str:
    gone = f"; {erased:,} erased" if erased else ""
    return f"{len(hits):,} of {opened:,} opened texts hold it{gone}."
