"""``tailnumber issuers``: look at an issuers file before the gateway does."""

from pathlib import Path
from typing import Annotated

import typer

from tailnumber.commands.options import Json
from tailnumber.errors import CheckFailed
from tailnumber.output import console, print_json, say, table

app = typer.Typer(
    help="Check issuers files: whose OIDC tokens let a caller in, and what each must be.",
    no_args_is_help=True,
)


@app.callback()
def issuers() -> None:
    """Check issuers files: whose OIDC tokens let a caller in, and what each must be."""


@app.command(epilog="Example:  tailnumber issuers check issuers.yaml")
def check(
    file: Annotated[Path, typer.Argument(help="Issuers file, YAML.", dir_okay=False)],
    as_json: Json = False,
) -> None:
    """Check an issuers file and print every problem with its line and column.

    Nobody is asked: whether an issuer answers shows when the first of its tokens comes.
    """
    from ingress.errors import PolicyError
    from ingress.identity.issuers import load_issuers
    from tailnumber.masking import read_text

    text = read_text(file)
    problems: list[dict[str, object]] = []
    try:
        found = load_issuers(text, str(file))
    except PolicyError as error:
        problems = [each._asdict() for each in error.problems]
        if not as_json:
            for problem in error.problems:
                say(str(problem))
    else:
        if not as_json:
            rows = [
                (
                    issuer.issuer,
                    issuer.profile_name,
                    issuer.kind,
                    issuer.groups_claim or "-",
                    "-" if issuer.groups_from is None else issuer.groups_from.url,
                )
                for issuer in found
            ]
            columns = ("issuer", "profile", "kind", "groups claim", "groups from")
            console().print(table(columns, rows))
            say(f"{file}: good. {len(found)} issuer{'s' * (len(found) != 1)}.")
    if as_json:
        print_json({"valid": not problems, "problems": problems})
    if problems:
        raise CheckFailed(f"{file} has {len(problems)} problem{'s' * (len(problems) > 1)}.")
