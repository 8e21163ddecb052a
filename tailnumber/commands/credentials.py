"""``tailnumber credentials``: what the gateway shows to upstreams, kept encrypted."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from tailnumber.commands.options import DataDir, Json, layout_of
from tailnumber.errors import CommandError
from tailnumber.output import print_json, say
from tailnumber.stack.layout import Layout

app = typer.Typer(
    help="Set, list, check and remove the upstreams' credentials; clients never see them.",
    no_args_is_help=True,
)


# What has several lines by its form: PEM, and the JSON that Google Cloud's console gives out.
_MANY_LINES: Final = ("-----BEGIN ", "{")


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
    if "\n" in value and not value.startswith(_MANY_LINES):
        raise CommandError(
            "The value has more than one line; a credential is one line, a private key in PEM or "
            "a service account's key in JSON."
        )
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


@app.command("remove", epilog="Example:  tailnumber credentials remove copilot")
def remove_credential(
    name: Annotated[str, typer.Argument(help="As the policy names it after `secret/`.")],
    data_dir: DataDir = None,
) -> None:
    """Remove a credential from this machine; a running gateway stops using it within a second."""
    from tailnumber.control import credential_store

    with credential_store(layout_of(data_dir)) as store:
        store.remove(name)
    say(f"Credential {name.removeprefix('secret/')} is removed; revoke it at its issuer too.")


@app.command("check", epilog="Example:  tailnumber credentials check copilot")
def check_credential(
    name: Annotated[str, typer.Argument(help="As the policy names it after `secret/`.")],
    data_dir: DataDir = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="Policy with the connections. Default: the stack's own."),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            "--ca-file",
            envvar="TAILNUMBER_UPSTREAM_CA_FILE",
            help="PEM file of the authorities to trust, in place of the system's.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try a credential where the policy would use it, by a request that changes nothing.

    Exit code 1 if an upstream refuses it or it cannot be traded.
    """
    import asyncio

    from ingress.upstream.checking import check_connections
    from tailnumber.control import credential_store
    from tailnumber.stack.machine import read_policy

    layout = layout_of(data_dir)
    reference = f"secret/{name.removeprefix('secret/')}"
    path = policy or _policy_of(layout)
    used = [each for each in read_policy(path).connections.values() if each.credential == reference]
    if not used:
        raise CommandError(f"No connection of {path} has credential: {reference}.")
    with credential_store(layout) as store:
        results = asyncio.run(check_connections(used, store, ca_file))
    if as_json:
        print_json({"checks": [asdict(each) for each in results]})
    else:
        for each in results:
            mark = {True: "ok", False: "failed", None: "unknown"}[each.passed]
            say(f"{each.connection}: {mark}: {each.said}")
    if any(each.passed is False for each in results):
        raise typer.Exit(1)


def _policy_of(layout: Layout) -> Path:
    path = layout.policy_file(demo=False)
    return path if path.exists() else layout.policy_file(demo=True)


def _read_value(name: str) -> str:
    if sys.stdin.isatty():
        answer: str = typer.prompt(f"Value of {name}", hide_input=True)
        return answer.strip()
    return sys.stdin.read().strip()
