"""``tailnumber replay``: one session, turn by turn, as a reader who holds the keys sees it."""

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
from tailnumber.errors import CheckFailed
from tailnumber.output import print_json

# What the record says of a replay that was given none.
NO_REASON = "not given"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example:  tailnumber replay 4f2a   (the id's first letters are enough)")(
        replay
    )


def replay(  # noqa: PLR0913, PLR0917  (one option each)
    session: Annotated[str, typer.Argument(metavar="SESSION", help="As `sessions` shows it.")],
    full: Annotated[
        bool, typer.Option("--full", help="Show whole prompts, repeated parts and set-up too.")
    ] = False,
    reason: Reason = None,
    since: Since = DEFAULT_SINCE,
    project: Project = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Step through a session: what was new in each prompt, and what came back, masked.

    Who looked, at what and why is recorded in audit.record_views.
    """
    begin = since_time(since)
    layout = layout_of(data_dir)
    from tailnumber.answering import open_asked
    from tailnumber.control import this_account
    from tailnumber.reader import open_reader
    from tailnumber.replaying import opened_parts, session_turns
    from tailnumber.viewing import checked_reason, note_view

    why = checked_reason(reason or NO_REASON)

    with open_asked(project, data_dir) as trail, open_reader(layout) as reader:
        session_id, turns = session_turns(trail, reader, session, begin)
    if not turns:
        raise CheckFailed(
            f"No session {session!r} was recorded since {begin:%Y-%m-%d %H:%M} UTC; "
            "see: tailnumber sessions"
        )
    note_view(layout, this_account(), "replay", why, opened_parts(session_id, turns))
    if as_json:
        print_json(_document(session_id, turns))
        return
    from tailnumber.transcript import print_transcript

    print_transcript(session_id, turns, full=full)


def _document(session_id: str, turns: list[dict[str, Any]]) -> dict[str, Any]:
    first, last = turns[0], turns[-1]
    return {
        "session_id": session_id,
        "principal_subject": first["principal_subject"],
        "principal_email": first["principal_email"],
        "client_name": first["client_name"],
        "client_version": first["client_version"],
        "first_requested_at": first["requested_at"],
        "last_requested_at": last["requested_at"],
        "turns": turns,
    }
