"""``tailnumber ask``: the questions that compliance and security put, ready to run."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from tailnumber.asking import bind, given, named, show_list, show_question
from tailnumber.commands.options import DataDir, Json
from tailnumber.errors import CommandError
from tailnumber.output import print_json

_EXAMPLES = (
    "Examples:  tailnumber ask secrets_seen_again --param since=7d"
    "\n\ntailnumber ask model_use --explain"
    "\n\ntailnumber ask refused_access --csv > refused.csv"
)

_Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="The question; without one they are listed.")
]
_Params = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="NAME=VALUE",
        help="A parameter of the question; once for each. Times: now, 30d, 12h, 2026-11-01.",
    ),
]
_Project = Annotated[
    str | None,
    typer.Option(
        metavar="PROJECT",
        envvar="TAILNUMBER_BIGQUERY_PROJECT",
        help="Ask BigQuery in this Google Cloud project, as who you are signed in there, instead "
        "of the stack of this machine.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EXAMPLES)(ask)


def ask(  # noqa: PLR0913, PLR0917  (one parameter per option)
    name: _Name = None,
    param: _Params = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell what it answers, for whom, by which SQL.")
    ] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL and nothing else.")] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Tell what BigQuery would read for it.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_json: Json = False,
    project: _Project = None,
    data_dir: DataDir = None,
) -> None:
    """Ask one of the shipped questions: who asked what, what left, what was stopped, what it cost.

    They are BigQuery SQL and run the same on the stack of this machine and on Google Cloud.
    """
    if sum((explain, sql, estimate, as_csv)) > 1 or (as_json and (as_csv or sql)):
        raise CommandError("Choose one of --explain, --sql, --estimate, --csv and --json.")
    if name is None:
        show_list(as_json=as_json)
        return
    question = named(name)
    if sql:
        sys.stdout.write(question.sql)
        return
    if explain:
        show_question(question, as_json=as_json)
        return
    values = bind(question, given(param or ()), datetime.now(UTC))
    from tailnumber import answering

    with answering.open_asked(project, data_dir) as trail:
        if estimate:
            answering.show_estimate(
                trail, question, values, dry=project is not None, as_json=as_json
            )
            return
        answer = trail.ask(question.sql, **values)
    if as_json:
        print_json({"question": question.name, "parameters": values, "rows": answer.rows})
    elif as_csv:
        answering.write_csv(sys.stdout, answer)
    else:
        answering.show_answer(question, values, answer)
