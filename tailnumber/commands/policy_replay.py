"""``tailnumber policy replay``: what a new policy would have decided of what was recorded."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailnumber.commands.options import DEFAULT_SINCE, DataDir, Json, Since, layout_of, since_time
from tailnumber.errors import CheckFailed
from tailnumber.output import console, print_json, say, table

if TYPE_CHECKING:
    # Loads BigQuery's client: `--help` must not.
    from tailnumber.policy_replay import Replay

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
    if as_json:
        print_json(result.document())
    else:
        _show(result)
    if fail_on_change and result.changed_count:
        raise CheckFailed(f"{result.changed_count} decisions would have another effect.")


def _show(result: "Replay") -> None:
    if result.changes:
        rows = [
            [
                change.count,
                kind.operation,
                f"{kind.old_effect} by {kind.old_rule}",
                f"{kind.new_effect} by {kind.new_rule} ({kind.new_reason})",
                _some(change.principals),
                _some(change.repositories),
                change.samples[0],
            ]
            for kind, change in result.ordered()
        ]
        columns = ("count", "operation", "then", "now", "principals", "repositories", "such as")
        console().print(table(columns, rows))
    calls = f" and {result.tool_call_count} tool calls" if result.tool_call_count else ""
    say(
        f"{result.interaction_count} interactions{calls}: {result.changed_count} would be decided "
        "with another effect.",
        "bold",
    )
    if result.skipped_count:
        say(f"{result.skipped_count} more were refused by a limit, or not by policy.", "dim")
    for note in result.notes():
        say(f"Note: {note}.", "dim")


def _some(names: set[str]) -> str:
    listed = sorted(names)
    more = len(listed) - _NAMES_SHOWN
    return ", ".join(listed[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
