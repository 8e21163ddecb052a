"""``tailnumber configure``: point a client at the gateway, in the client's own configuration."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tailnumber.commands.options import DataDir, Gateway, layout_of
from tailnumber.errors import CommandError
from tailnumber.output import say

_DONE = {
    "written": "Written",
    "unchanged": "Already so",
    "restored": "Restored as it was",
    "taken out": "Taken out what was ours of",
    "removed": "Removed",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example:  tailnumber configure claude-code --print")(configure)


def configure(  # noqa: PLR0913, PLR0917  (the options of one command)
    client: Annotated[
        str | None, typer.Argument(metavar="CLIENT", help="Which; without one they are listed.")
    ] = None,
    only_print: Annotated[
        bool, typer.Option("--print", help="Show what would be written, and write nothing.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Put back what was there before.")] = False,
    gateway: Gateway = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Model to offer, for clients that must know; default: the gateway's."),
    ] = None,
    connection: Annotated[
        str, typer.Option(help="git: the connection of the gateway's policy.")
    ] = "github",
    git_host: Annotated[
        str, typer.Option(help="git: the host whose repositories go through the gateway.")
    ] = "github.com",
    data_dir: DataDir = None,
) -> None:
    """Write a client's own configuration so that it asks through the gateway.

    A backup stays beside each file; comments and all other settings stay as they are.
    """
    from tailnumber.clients.catalogue import CLIENTS
    from tailnumber.clients.ledger import Ledger
    from tailnumber.clients.places import Places

    if client is None:
        _list()
        return
    if client not in CLIENTS:
        raise CommandError(f"There is no client {client!r}; there are: {', '.join(CLIENTS)}")
    places = Places.here()
    ledger = Ledger(places.own)
    if undo:
        for outcome in ledger.undo(client):
            say(f"{_DONE[outcome.done]}: {outcome.file}")
        return
    _configure(
        client,
        gateway=gateway,
        models=tuple(model or ()),
        git=(connection, git_host),
        data_dir=data_dir,
        only_print=only_print,
    )


def _configure(  # noqa: PLR0913 - the options of one command, named at the one call
    name: str,
    *,
    gateway: str | None,
    models: tuple[str, ...],
    git: tuple[str, str],
    data_dir: Path | None,
    only_print: bool,
) -> None:
    from tailnumber.clients.catalogue import CLIENTS
    from tailnumber.clients.ledger import Ledger
    from tailnumber.clients.places import Places
    from tailnumber.clients.plan import Setup
    from tailnumber.clients.setup import key_command, offered_models, options_of, shortened
    from tailnumber.login.keys import choose_gateway, good_key, kept_logins

    client, places = CLIENTS[name], Places.here()
    logins, layout = kept_logins(), layout_of(data_dir)
    chosen = choose_gateway(gateway, layout, logins)
    key = good_key(chosen, layout, logins).key if client.holds_key or client.needs_models else ""
    setup = Setup(
        gateway=chosen,
        places=places,
        key_command=key_command(chosen, data_dir),
        key=shortened(key) if only_print else key,
        models=offered_models(chosen, key, models) if client.needs_models or models else (),
        connection=git[0],
        git_host=git[1],
    )
    plan = client.plan(setup)
    if only_print:
        for edit in plan.edits:
            _show(edit.file, edit.values)
    else:
        for outcome in Ledger(places.own).write(name, chosen, plan, options_of(setup)):
            kept = f" (as it was: {outcome.backup})" if outcome.backup else ""
            say(f"{_DONE[outcome.done]}: {outcome.file}{kept}")
    for step in plan.steps:
        say(step)


def _list() -> None:
    from tailnumber.clients.catalogue import CLIENTS
    from tailnumber.clients.ledger import Ledger
    from tailnumber.clients.places import Places
    from tailnumber.output import console, table

    configured = Ledger(Places.here().own).configured()
    rows = [
        (client.name, client.title, configured.get(client.name, {}).get("gateway"))
        for client in CLIENTS.values()
    ]
    console().print(table(("client", "what it is", "configured for"), rows))


def _show(file: Path, values: Sequence[tuple[Sequence[Any], Any]]) -> None:
    say(str(file), style="bold")
    for place, value in values:
        if not place:
            say(str(value).rstrip("\n"))
            continue
        steps = (f"[{'='.join(step)}]" if isinstance(step, tuple) else step for step in place)
        shown = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        say(f"  {' > '.join(steps)}: {shown}")
    say()
