"""``tailnumber doctor``: can this machine run a stack, and is a running one well."""

from typing import Annotated

import typer

from tailnumber.commands.options import DataDir, Json, layout_of
from tailnumber.errors import CheckFailed
from tailnumber.output import console, print_json

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example:  tailnumber doctor --port 8080")(doctor)


def doctor(
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port of the gateway. Default: 8080, or as it runs."),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Check this machine, a running stack and the files that enrich rows."""
    from rich.text import Text

    from tailnumber.stack.checks import run_checks

    findings = run_checks(layout_of(data_dir), port)
    if as_json:
        print_json({"checks": [finding._asdict() for finding in findings]})
    else:
        for finding in findings:
            mark = Text(f"{finding.level:<5}", style=_STYLES[finding.level])
            console().print(mark + Text(f"{finding.name:<11} {finding.text}"), soft_wrap=True)
    failed = [finding.name for finding in findings if finding.level == "fail"]
    if failed:
        raise CheckFailed(f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}.")
