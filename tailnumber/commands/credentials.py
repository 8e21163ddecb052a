"""``tailnumber credentials``: what the gateway shows to upstreams, kept encrypted."""

import sys
from typing import Annotated

import typer

from tailnumber.commands.options import DataDir, Json, layout_of
from tailnumber.errors import CommandError
from tailnumber.output import print_json, say

app = typer.Typer(
    help="Set and list the upstreams' credentials; clients never see them.", no_args_is_help=True
)


@app.command("set", epilog="Example:  tailnumber credentials set copilot < token.txt")
def set_credential(
    name: Annotated[str, typer.Argument(help="As the policy names it after `secret/`.")],
    data_dir: DataDir = None,
) -> None:
    """Set a credential; its value is asked for, or read from standard input, never an argument."""
    from tailnumber.control import credential_store

    value = _read_value(name)
    if not value:
        raise CommandError("The value is empty; give it on standard input or at the prompt.")
    if "\n" in value or "\r" in value:
        raise CommandError("The value has more than one line; a credential is one line.")
    with credential_store(layout_of(data_dir)) as store:
        store.put(name, value)
    say(f"Credential {name.removeprefix('secret/')} is set, encrypted on this machine.")


@app.command("list", epilog="Example:  tailnumber credentials list")
def list_credentials(data_dir: DataDir = None, as_json: Json = False) -> None:
    """List the names of the credentials that are set; never their values."""
    from tailnumber.control import credential_store

    with credential_store(layout_of(data_dir)) as store:
        names = store.names()
    if as_json:
        print_json({"credentials": names})
    elif names:
        for name in names:
            say(f"secret/{name}")
    else:
        say("None is set; set one with: tailnumber credentials set copilot")


def _read_value(name: str) -> str:
    if sys.stdin.isatty():
        answer: str = typer.prompt(f"Value of {name}", hide_input=True)
        return answer.strip()
    return sys.stdin.read().strip()
