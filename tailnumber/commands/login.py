"""``tailnumber login``, ``key`` and ``logout``: a gateway key from a company's own sign-in."""

import sys
from typing import Annotated

import typer

from tailnumber.commands.options import DataDir, Gateway, Json, layout_of
from tailnumber.errors import CommandError, SignInFailed
from tailnumber.login.facts import StoreChoice
from tailnumber.output import complain, print_json, say


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="Example:  tailnumber login --gateway https://gateway.example --client claude-code"
    )(login)
    app.command(epilog='Example:  curl -H "Authorization: Bearer $(tailnumber key)" …')(key)
    app.command(epilog="Example:  tailnumber logout")(logout)


def login(  # noqa: PLR0913, PLR0917  (the options of one command)
    gateway: Gateway = None,
    issuer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which issuer, if the gateway knows several.")
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser", help="Sign in with the browser of this machine.")
    ] = False,
    device: Annotated[
        bool,
        typer.Option("--device", help="Show a code to type on any device, such as over SSH."),
    ] = False,
    client: Annotated[
        list[str] | None,
        typer.Option(help="Configure this client too, as `configure` does; may be repeated."),
    ] = None,
    store: Annotated[
        StoreChoice, typer.Option(help="Where the key is kept; auto: the keyring if one works.")
    ] = "auto",
    renew: Annotated[
        bool,
        typer.Option(
            "--renew",
            help="Renew what is about to end, here and in clients that hold a key; for cron.",
        ),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Sign in at your company's issuer; the gateway gives a key that renews itself.

    The key is kept in the system's keyring where one works, else in a file of mode 0600.
    Programs ask for it by `tailnumber key`.
    """
    from tailnumber.login.interactive import sign_person_in
    from tailnumber.login.keys import choose_gateway, kept_logins

    if renew:
        _renew(gateway)
        return
    if browser and device:
        raise CommandError("Choose one of --browser and --device.")
    _check_clients(client or [])
    logins = kept_logins(store)
    chosen = choose_gateway(gateway, layout_of(data_dir), logins)
    flow = "browser" if browser else "device" if device else None
    sign_person_in(logins, chosen, issuer, flow)
    for name in client or []:
        from tailnumber.commands.configure import configure

        configure(name, gateway=chosen, data_dir=data_dir)


def key(  # noqa: PLR0913, PLR0917  (the options of one command)
    operation: Annotated[
        str | None,
        typer.Argument(hidden=True, help="What git wants of a credential helper."),
    ] = None,
    gateway: Gateway = None,
    git: Annotated[
        bool, typer.Option("--git", help="Speak as a credential helper of git.")
    ] = False,
    new: Annotated[
        bool, typer.Option("--new", help="Fetch another one, as the gateway refuses this.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Print a gateway key that is good now, renewed if it was about to end.

    Made for programs that ask a command for their key: Claude Code's apiKeyHelper, Codex,
    the Copilot CLI, git's credential helper, a shell profile.
    """
    from tailnumber.login.keys import choose_gateway, good_key, kept_logins

    if operation is not None and not git:
        raise CommandError("tailnumber key takes no argument; git's helper calls it with --git.")
    if git and operation not in {"get", "erase"}:
        return  # git tells what worked: that is kept already
    logins = kept_logins()
    layout = layout_of(data_dir)
    chosen = choose_gateway(gateway, layout, logins)
    if operation == "erase":
        from tailnumber.login.facts import now_utc
        from tailnumber.login.session import reject

        reject(logins, chosen, _refused_by_git(), now_utc)
        return
    good = good_key(chosen, layout, logins, new=new)
    if good.warning:
        complain(f"the key could not be renewed yet: {good.warning}")
    if as_json:
        print_json({"gateway": good.gateway, "key": good.key, "expires_at": good.expires_at})
    elif git:
        sys.stdout.write(f"username=tailnumber\npassword={good.key}\n")
        if good.expires_at is not None:
            sys.stdout.write(f"password_expiry_utc={int(good.expires_at.timestamp())}\n")
    else:
        sys.stdout.write(f"{good.key}\n")


def logout(gateway: Gateway = None, data_dir: DataDir = None) -> None:
    """Revoke the key and the refresh token, and forget both."""
    from tailnumber.login.facts import now_utc
    from tailnumber.login.keys import choose_gateway, kept_logins
    from tailnumber.login.session import sign_out

    logins = kept_logins()
    chosen = choose_gateway(gateway, layout_of(data_dir), logins)
    left = sign_out(logins, chosen, now_utc)
    say(f"Signed out of {chosen}; nothing of it is kept here.")
    if left:
        raise SignInFailed(f"Signed out here, but {'; '.join(left)}")


def _refused_by_git() -> str:
    """Return the password that git says was refused."""
    told = dict(line.split("=", 1) for line in sys.stdin.read().splitlines() if "=" in line)
    return told.get("password", "")


def _renew(gateway: str | None) -> None:
    from tailnumber.clients.renewal import write_keys
    from tailnumber.login.facts import now_utc, secure_url
    from tailnumber.login.keys import device_name, kept_logins
    from tailnumber.login.session import renew

    logins = kept_logins()
    gateways = (secure_url(gateway, "the gateway"),) if gateway else logins.gateways()
    if not gateways:
        raise CommandError("Nobody is signed in; run: tailnumber login")
    renewed, failures = renew(logins, gateways, device_name(), now_utc)
    for fresh in renewed:
        login = fresh.login
        write_keys(login.gateway, login.key)
        say(f"{login.gateway}: key {login.key_id} is good until {login.expires_at:%Y-%m-%d %H:%M}Z")
    if failures:
        raise SignInFailed(" ".join(failures))


def _check_clients(names: list[str]) -> None:
    """Refuse a misspelt client before anybody has signed in for it."""
    from tailnumber.clients.catalogue import CLIENTS

    for name in names:
        if name not in CLIENTS:
            raise CommandError(f"There is no client {name!r}; there are: {', '.join(CLIENTS)}")
