"""``tailnumber export``: everything that was recorded about one person, in one archive."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tailnumber.commands.options import (
    DataDir,
    DeedReason,
    Json,
    Project,
    checked_reason,
    layout_of,
)
from tailnumber.errors import CommandError
from tailnumber.output import print_json, say, working


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example:  tailnumber export --subject ada@acme.example --reason 'ticket 4711' "
        "--output ada.zip"
    )(export)


def export(  # noqa: PLR0913, PLR0917  (the options of one command)
    subject: Annotated[
        str,
        typer.Option(
            metavar="WHO", help="ISSUER/SUBJECT, mail address or principal id of the person."
        ),
    ],
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="The archive to write, a .zip.", dir_okay=False)
    ],
    reason: DeedReason,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    project: Project = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Answer a data-subject request: rows as JSON Lines, texts opened, and pages to read.

    Opens texts with the keys of this data directory, so it takes a reader who may; texts that were
    erased are said to be. Who opened them and why stands in audit.record_views.
    """
    reason = checked_reason(reason)
    layout = layout_of(data_dir)
    if output.exists() and not force:
        raise CommandError(f"{output} is there; choose another name, or give --force.")
    from ingress.control.erasure import Erasures
    from tailnumber.answering import open_asked
    from tailnumber.control import control_state, principal_key, this_account
    from tailnumber.lifecycle.exporting import export_person, sessions_of
    from tailnumber.lifecycle.subjects import find_people
    from tailnumber.reader import open_reader
    from tailnumber.viewing import note_view

    with (
        control_state(layout) as engine,
        open_asked(project, data_dir) as trail,
        open_reader(layout) as reader,
        working("looking for the person") as status,
    ):
        people = find_people(trail, engine, partial(principal_key, layout, engine), subject)
        erasures = Erasures(engine).of([person.principal_id for person in people])
        opened = sessions_of(trail, people)
        note_view(layout, this_account(), "export", reason, opened)
        counts = export_person(trail, reader, people, erasures, output.absolute(), status.update)
    if as_json:
        print_json({"file": str(output), "row_counts": counts})
        return
    say(
        f"{output}: {sum(counts.values())} rows of {len(people)} account(s), readable by you alone."
    )
