"""``tailnumber ask``: the questions that compliance and security put, ready to run."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.question_values import Value
from schemas.questions import PACKS, Question
from tailnumber.asking import bind, given, named, show_list, show_question
from tailnumber.commands.options import DataDir, Json
from tailnumber.errors import CommandError
from tailnumber.output import counted, print_json, progress, say

_EXAMPLES = (
    "Examples:  tailnumber ask secrets_seen_again --param since=7d"
    "\n\ntailnumber ask model_use --explain"
    "\n\ntailnumber ask refused_access --chart --output refused.svg"
    "\n\ntailnumber ask --pack soc2 --param since=2026-10-01 --param until=2026-11-01"
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


def ask(  # noqa: PLR0913, PLR0917  (one parameter and branch per option)
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
    chart: Annotated[bool, typer.Option("--chart", help="Draw the answer: NAME.png.")] = False,
    pack: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(PACKS),
            help="Ask every question that answers a clause of the framework; write a folder.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Where --chart (a .png or .svg) or --pack (a new folder) writes.",
            show_default=False,
        ),
    ] = None,
    project: _Project = None,
    data_dir: DataDir = None,
) -> None:
    """Ask one of the shipped questions: who asked what, what left, what was stopped, what it cost.

    They are BigQuery SQL and run the same on the stack of this machine and on Google Cloud.
    """
    if sum((explain, sql, estimate, as_csv, chart)) > 1 or (as_json and (as_csv or sql or chart)):
        raise CommandError("Choose one of --explain, --sql, --estimate, --csv, --chart and --json.")
    if output is not None and not (chart or pack):
        raise CommandError("--output is of --chart and --pack; redirect --csv and --json with >.")
    if pack is not None and name is not None:
        raise CommandError("Ask one question by its name, or a --pack of them.")
    now = datetime.now(UTC)
    if pack is not None:
        _write_pack(pack, given(param or ()), now, output, project, data_dir)
    elif name is None:
        show_list(as_json=as_json)
    elif sql:
        sys.stdout.write(named(name).sql)
    elif explain:
        show_question(named(name), as_json=as_json)
    else:
        question = named(name)
        values = bind(question, given(param or ()), now)
        from tailnumber.answering import open_asked, show_estimate

        with open_asked(project, data_dir) as trail:
            if estimate:
                dry = project is not None
                show_estimate(trail, question, values, dry=dry, as_json=as_json)
                return
            answer = trail.ask(question.sql, **values)
        form = "json" if as_json else "csv" if as_csv else "chart" if chart else "table"
        _show(question, values, answer, form, output)


def _show(
    question: Question, values: Mapping[str, Value], answer: Any, form: str, output: Path | None
) -> None:
    from tailnumber.answering import show_answer, write_csv

    if form == "json":
        print_json({"question": question.name, "parameters": values, "rows": answer.rows})
    elif form == "csv":
        write_csv(sys.stdout, answer)
    elif form == "chart":
        try:
            from tailnumber.charts import draw
        except ModuleNotFoundError as error:
            raise CommandError(
                f"A picture needs the package {error.name}; run: pip install 'tailnumber[local]'"
            ) from error
        file = output or Path(f"{question.name}.png")
        draw(question, answer.rows, file)
        say(f"The picture is in {file}.")
    else:
        show_answer(question, values, answer)


def _write_pack(  # noqa: PLR0913, PLR0917  (the options of --pack)
    pack: str,
    texts: Mapping[str, str],
    now: datetime,
    output: Path | None,
    project: str | None,
    data_dir: Path | None,
) -> None:
    from tailnumber.answering import open_asked
    from tailnumber.packs import Pack

    source = "this machine" if project is None else f"the project {project}"
    ordered = Pack(pack, source, now, texts)
    folder = output or Path(f"tailnumber-{pack}-{now:%Y-%m-%d}")
    with open_asked(project, data_dir) as trail, progress(len(ordered.questions)) as step:
        answered = ordered.write(trail, folder, step)
    rows = counted(sum(each.row_count for each in answered), "row")
    asked = counted(len(answered), "question")
    say(f"{asked}, {rows}, in {folder}; begin with {folder / 'README.md'}.")
