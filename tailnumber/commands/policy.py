"""``tailnumber policy``: look at a policy file before the gateway does."""

from pathlib import Path
from typing import Annotated

import typer

from tailnumber.commands.options import Json
from tailnumber.errors import CheckFailed, CommandError
from tailnumber.output import print_json, say

app = typer.Typer(
    help="Check policy files: who may do what, and where it goes.", no_args_is_help=True
)


@app.callback()
def policy() -> None:
    """Check policy files: who may do what, and where it goes."""


@app.command(epilog="Example:  tailnumber policy check policy.yaml")
def check(
    file: Annotated[Path, typer.Argument(help="Policy file, YAML.", dir_okay=False)],
    as_json: Json = False,
) -> None:
    """Check a policy file and print every problem with its line and column."""
    from ingress.errors import PolicyError
    from ingress.policy.load import load_policy

    try:
        text = file.read_bytes().decode()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CheckFailed(f"{file} is not UTF-8 text (byte {error.start}).") from error
    problems: list[dict[str, object]] = []
    try:
        document = load_policy(text, str(file)).document
    except PolicyError as error:
        problems = [each._asdict() for each in error.problems]
        if not as_json:
            for problem in error.problems:
                say(str(problem))
    else:
        if not as_json:
            rules, ways = len(document.rules), len(document.connections)
            say(f"{file}: good. {rules} rules, {ways} connections, digest {document.digest[:16]}…")
    if as_json:
        print_json({"valid": not problems, "problems": problems})
    if problems:
        raise CheckFailed(f"{file} has {len(problems)} problem{'s' * (len(problems) > 1)}.")
