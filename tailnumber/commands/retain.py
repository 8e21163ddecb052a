"""``tailnumber retain``: let go what is past its time, keep what is under hold."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from tailnumber.commands.options import DataDir, Json, Project, layout_of
from tailnumber.errors import CheckFailed
from tailnumber.output import console, print_json, say, table, working

_COLUMNS: Final = ("table", "class", "days", "expired before", "copied", "deleted", "let go")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example:  tailnumber retain --dry-run")(retain)


def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")] = False,
    project: Project = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Delete rows that are past their time, copy what legal holds keep; run it daily.

    The stack of this machine runs it by itself once a day. With --project BigQuery lets partitions
    expire by itself, and this copies what holds keep to the dataset hold before that; a server
    that stands in for BigQuery (BIGQUERY_EMULATOR_HOST) expires nothing, so rows go here. It also
    finishes interrupted erasures, and says when a table keeps its rows for another time than its
    class of data does.
    """
    layout = layout_of(data_dir)
    from ingress.control.erasure import Erasures
    from ingress.control.holds import Holds
    from tailnumber.answering import open_asked
    from tailnumber.control import control_state
    from tailnumber.lifecycle.erasing import resume
    from tailnumber.lifecycle.retaining import expiry_problems
    from tailnumber.lifecycle.retaining import retain as run
    from tailnumber.trail import is_emulated

    with (
        control_state(layout) as engine,
        open_asked(project, data_dir) as trail,
        working("looking at the tables") as status,
    ):
        holds = Holds(engine)
        problems = expiry_problems(trail)
        outcomes = run(
            trail,
            holds.list(),
            datetime.now(UTC),
            enforce=project is None or is_emulated(),
            dry_run=dry_run,
            progress=status.update,
        )
        if not dry_run:
            resume(trail, Erasures(engine), holds, status.update)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "problems": problems,
                "tables": [
                    {name: getattr(each, name) for name in each.__slots__} for each in outcomes
                ],
            }
        )
    else:
        rows = ([getattr(each, name) for name in each.__slots__] for each in outcomes)
        console().print(table(_COLUMNS, rows))
        say("Nothing was changed." if dry_run else "Done.", style="dim")
    if problems:
        raise CheckFailed(
            "Some tables keep their rows for another time than the contract says:\n"
            + "\n".join(problems)
        )
