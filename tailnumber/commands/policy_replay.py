"""``tailnumber policy replay``: what a new policy would have decided of what was recorded."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tailnumber.commands.options import DEFAULT_SINCE, DataDir, Json, Since, layout_of, since_time
from tailnumber.errors import CheckFailed
from tailnumber.output import console, print_json, say, table

_NAMES_SHOWN = 4


def replay(
    file: Annotated[Path, typer.Argument(help="The new policy, YAML.", dir_okay=False)],
    since: Since = DEFAULT_SINCE,
    fail_on_change: Annotated[
        bool, typer.Option("--fail-on-change", help="Exit 1 if a decision has another effect.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Ask a new policy about recorded interactions and show what it would decide otherwise.

    Nothing is changed. Limits are not replayed, since they depend on what else was allowed.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from tailnumber.policies import read_policy
    from tailnumber.policy_replay import Replay, days, recorded
    from tailnumber.trail import open_trail

    result = Replay(read_policy(file))
    now = datetime.now(UTC)
    windows = days(since_time(since), now)
    bar = Progress(
        TextColumn("Replaying"),
        BarColumn(),
        TextColumn("{task.completed} of {task.total} days, {task.fields[seen]} interactions"),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with open_trail(layout_of(data_dir).read_endpoints()) as trail, bar:
        task = bar.add_task("replay", total=len(windows), seen=0)
        for window in windows:
            for row in recorded(trail, window):
                result.take(row)
            bar.update(task, advance=1, seen=result.interaction_count)
    document = result.document()
    if as_json:
        print_json(document)
    else:
        _show(document)
    if fail_on_change and result.changed_count:
        raise CheckFailed(f"{result.changed_count} decisions would have another effect.")


def _show(document: dict[str, Any]) -> None:
    rows = [
        [
            change["count"],
            change["operation"],
            f"{change['old_effect']} by {change['old_rule']}",
            f"{change['new_effect']} by {change['new_rule']} ({change['new_reason']})",
            _some(change["principals"]),
            _some(change["repositories"]),
            change["samples"][0],
        ]
        for change in document["changes"]
    ]
    if rows:
        columns = ("count", "operation", "then", "now", "principals", "repositories", "such as")
        console().print(table(columns, rows))
    calls = f" and {count} tool calls" if (count := document["tool_call_count"]) else ""
    say(
        f"{document['interaction_count']} interactions{calls}: {document['changed_count']} would "
        "be decided with another effect.",
        "bold",
    )
    if skipped := document["skipped_count"]:
        say(f"{skipped} more were refused by a limit, or not by policy.", "dim")
    for note in document["notes"]:
        say(f"Note: {note}.", "dim")


def _some(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
