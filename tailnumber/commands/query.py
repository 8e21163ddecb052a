"""``tailnumber query``: BigQuery SQL on what was recorded."""

import csv
import sys
from typing import Annotated

import typer

from tailnumber.commands.options import DataDir, Json, Project, Reason, layout_of
from tailnumber.errors import CommandError
from tailnumber.output import console, print_json, say, table, to_json

_EXAMPLE = (
    'Example:  tailnumber query "SELECT principal_subject, COUNT(*) AS prompts FROM '
    "audit.interactions WHERE requested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY) "
    'GROUP BY 1 ORDER BY 2 DESC"'
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EXAMPLE)(query)


def query(  # noqa: PLR0913, PLR0917  (one option each)
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One BigQuery statement, in quotes.")],
    project: Project = None,
    data_dir: DataDir = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    reveal: Annotated[
        bool,
        typer.Option(
            "--reveal",
            help="Open the sealed texts of rows that have part_id, key_id and ciphertext.",
        ),
    ] = False,
    reason: Reason = None,
) -> None:
    """Ask the warehouse in BigQuery SQL.

    Views to ask: audit.interactions, audit.sessions, audit.tool_calls, audit.findings,
    audit.access_denials, audit.events, audit.dead_letters, content.parts.

    With --reveal the sealed texts of content.parts are opened here by who holds the keys; who
    read them and why stands in audit.record_views.
    """
    if as_json and as_csv:
        raise CommandError("Choose one of --json and --csv.")
    if reveal:
        from tailnumber.viewing import checked_reason

        reason = checked_reason(reason)
    layout = layout_of(data_dir)
    from tailnumber.answering import open_asked

    with open_asked(project, data_dir) as trail:
        answer = trail.ask(sql)
    if reveal:
        from tailnumber.revealing import reveal_answer

        answer = reveal_answer(layout, answer, reason or "")
    if as_json:
        print_json({"rows": answer.rows})
        return
    rows = ([row[name] for name in answer.columns] for row in answer.rows)
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows([to_json(value) for value in row] for row in rows)
        return
    console().print(table(answer.columns, rows))
    say(f"{len(answer.rows)} row{'' if len(answer.rows) == 1 else 's'}", style="dim")
