"""``tailnumber keys``: gateway keys of the local issuer."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import typer

from tailnumber.commands.options import DataDir, Json, layout_of
from tailnumber.errors import CommandError
from tailnumber.output import console, print_json, say, table
from tailnumber.stack.layout import Layout, read_json

app = typer.Typer(
    help="Create, list and revoke gateway keys: what an editor or agent shows to be let in.",
    no_args_is_help=True,
)

OtherGateway = Annotated[
    str | None,
    typer.Option(
        "--gateway",
        metavar="URL",
        help="Ask this gateway as who is signed in there (tailnumber login): your own keys, or as "
        "an admin everybody's. Default: the data directory of this machine.",
        show_default=False,
    ),
]

_COLUMNS = (
    *("id", "user", "email", "groups", "kind", "device", "class"),
    *("created_at", "expires_at", "state"),
)
_EXPOSED = (
    "An exposed key came in a URL, a cookie or another place where others can read it: "
    "revoke it with `tailnumber keys revoke ID` and use a new one."
)


@app.command(epilog="Example:  tailnumber keys create --user ada --group engineering --days 30")
def create(  # noqa: PLR0913, PLR0917  (the options of one command)
    user: Annotated[
        str | None, typer.Option(help="Account name the key speaks for. Default: yours.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Mail address, for the records.")] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Group that policy asks for; may be repeated.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Where the key will live.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is valid.")] = 90,
    service: Annotated[
        bool, typer.Option("--service", help="For a program, not a person.")
    ] = False,
    key_class: Annotated[
        Literal["header", "path", "proxy"],
        typer.Option(
            "--class",
            help="Where the client puts it: in a header; or, where it can do nothing else and the "
            "gateway allows it (TAILNUMBER_PATH_KEYS, _PROXY_KEYS), in the path or as a proxy "
            "password. A key works at its own place only.",
        ),
    ] = "header",
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Create a gateway key. It is shown this once: only its hash is kept."""
    from ingress.identity.keys import LocalIssuer
    from tailnumber.control import key_store, this_account
    from tailnumber.stack.local_key import machine_user

    layout = layout_of(data_dir)
    with key_store(layout) as store:
        try:
            record, key = LocalIssuer(store).mint(
                user or machine_user(),
                now=datetime.now(UTC),
                email=email,
                groups=tuple(group or ()),
                kind="service" if service else "human",
                device_name=device,
                lifetime=timedelta(days=days),
                key_class=key_class,
                by=this_account(),
            )
        except ValueError as error:
            raise CommandError(f"No key was made: {error}.") from error
    if as_json:
        print_json({"id": record.key_id, "key": key, "expires_at": record.expires_at})
        return
    say(f"Key {record.key_id} for {record.subject}, valid until {record.expires_at:%Y-%m-%d}:")
    _explain(layout, key, key_class)


@app.command("list", epilog="Example:  tailnumber keys list --gateway https://gateway.example")
def list_keys(
    gateway: OtherGateway = None,
    user: Annotated[
        str | None, typer.Option(help="Only keys of this account or mail address.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List every key that was ever created, newest first; never the keys themselves."""
    if gateway is None:
        keys = _local_keys(layout_of(data_dir), user)
    else:
        from tailnumber.remote_keys import list_remote_keys

        keys = list_remote_keys(gateway, layout_of(data_dir), user)
    if as_json:
        print_json({"keys": keys})
    elif keys:
        console().print(table(_COLUMNS, ([key.get(name) for name in _COLUMNS] for key in keys)))
        if any(key.get("state") == "exposed" for key in keys):
            say(_EXPOSED)
    else:
        say("There is no key yet; create one with: tailnumber keys create")


@app.command(epilog="Example:  tailnumber keys revoke 4fJ2kQ9x")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it.")],
    gateway: OtherGateway = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Take a key back; a running gateway refuses it from the next request on."""
    if gateway is None:
        _revoke_here(layout_of(data_dir), key_id)
    else:
        from tailnumber.remote_keys import revoke_remote_key

        revoke_remote_key(gateway, layout_of(data_dir), key_id)
    if as_json:
        print_json({"id": key_id, "state": "revoked"})
        return
    say(f"Key {key_id} is revoked; the gateway refuses it from now on.")


def _local_keys(layout: Layout, user: str | None) -> list[dict[str, Any]]:
    from tailnumber.control import key_store

    now = datetime.now(UTC)
    with key_store(layout) as store:
        return [
            record.document(now)
            for record in reversed(store.list())
            if user is None or user in {record.subject, record.email}
        ]


def _revoke_here(layout: Layout, key_id: str) -> None:
    from tailnumber.control import key_store, this_account

    with key_store(layout) as store:
        if not store.revoke(key_id, datetime.now(UTC), this_account()):
            raise CommandError(f"There is no key {key_id!r}; see: tailnumber keys list")


def _explain(layout: Layout, key: str, key_class: str) -> None:
    endpoints = read_json(layout.endpoints_file) or {}
    gateway = endpoints.get("gateway", "http://127.0.0.1:8080")
    say()
    say(f"  {key}", style="bold")
    say()
    say("It is shown this once. Where to put it:")
    if key_class == "path":
        say(f"  base URL                  {gateway}/t/{key}/v1")
        return
    if key_class == "proxy":
        scheme, _, host = gateway.partition("://")
        say(f"  proxy of the client       {scheme}://any-name:{key}@{host}")
        return
    say(f"  Copilot language server   GH_COPILOT_TOKEN={key}")
    say(f"                            GH_COPILOT_API_URL={gateway}")
    say(f"                            GH_COPILOT_SERVER_URL={gateway}")
    say(f"  OpenAI clients            OPENAI_API_KEY={key}")
    say(f"                            OPENAI_BASE_URL={gateway}/v1")
