"""``tailnumber login``, ``key`` and ``logout``: a gateway key from a company's own sign-in."""

import os
import sys
from datetime import datetime
from functools import partial
from typing import Annotated

import typer

from tailnumber.commands.options import DataDir, Gateway, Json, layout_of
from tailnumber.errors import CommandError, SignInFailed
from tailnumber.login.device import DevicePrompt, device_login
from tailnumber.login.issuer import Issuer, Registration, Tokens
from tailnumber.login.keys import (
    StoreChoice,
    choose_gateway,
    device_name,
    good_key,
    kept_logins,
)
from tailnumber.login.store import Login, Logins
from tailnumber.login.wire import Wire, secure_url
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
    logins = kept_logins(store)
    layout = layout_of(data_dir)
    if renew:
        _renew(logins, gateway)
        return
    if browser and device:
        raise CommandError("Choose one of --browser and --device.")
    chosen = choose_gateway(gateway, layout, logins)
    done = _sign_in(logins, chosen, issuer, "browser" if browser else "device" if device else None)
    _tell(done, logins)
    if client:
        from tailnumber.commands.configure import configure

        for name in client:
            configure(name, gateway=chosen, data_dir=data_dir)


def key(
    operation: Annotated[
        str | None,
        typer.Argument(hidden=True, help="What git wants of a credential helper."),
    ] = None,
    gateway: Gateway = None,
    git: Annotated[
        bool, typer.Option("--git", help="Speak as a credential helper of git.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Print a gateway key that is good now, renewed if it was about to end.

    Made for programs that ask a command for their key: Claude Code's apiKeyHelper, Codex,
    the Copilot CLI, git's credential helper, a shell profile.
    """
    if git and operation != "get":
        return  # git tells a helper what worked; nothing of it is kept
    logins = kept_logins()
    layout = layout_of(data_dir)
    good = good_key(choose_gateway(gateway, layout, logins), layout, logins)
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
    from tailnumber.login.gateway import now_utc
    from tailnumber.login.session import sign_out

    logins = kept_logins()
    chosen = choose_gateway(gateway, layout_of(data_dir), logins)
    left = sign_out(logins, chosen, now_utc)
    say(f"Signed out of {chosen}; nothing of it is kept here.")
    if left:
        raise SignInFailed(f"Signed out here, but {'; '.join(left)}.")


def _sign_in(logins: Logins, gateway: str, issuer: str | None, flow: str | None) -> Login:
    from tailnumber.login.browser import browser_login
    from tailnumber.login.gateway import now_utc, registrations
    from tailnumber.login.session import sign_in

    with Wire() as wire:
        registration = _choose_issuer(registrations(wire, gateway), issuer)
        chosen = _choose_flow(registration, flow)

        def get_tokens(wire: Wire, found: Issuer) -> Tokens:
            if chosen == "browser":
                return browser_login(wire, found, _open_page)
            return device_login(wire, found, partial(_show_code, registration.name))

        return sign_in(
            wire,
            logins,
            gateway=gateway,
            registration=registration,
            flow=get_tokens,
            device=device_name(),
            now=now_utc,
        )


def _choose_issuer(found: tuple[Registration, ...], name: str | None) -> Registration:
    named = [each for each in found if name in {None, each.name}]
    if len(named) == 1:
        return named[0]
    listed = ", ".join(each.name for each in found)
    if named:
        raise CommandError(f"The gateway knows several issuers; choose by --issuer: {listed}")
    raise CommandError(f"The gateway knows no issuer {name!r}; it knows: {listed}")


def _choose_flow(registration: Registration, asked: str | None) -> str:
    """Return the flow: as asked, else the browser where one can be seen, else the code."""
    if asked is not None and asked not in registration.flows:
        raise CommandError(
            f"The issuer {registration.name} is not set up for --{asked}; "
            f"use --{registration.flows[0]}"
        )
    if asked is not None or len(registration.flows) == 1:
        return asked or registration.flows[0]
    return "browser" if _has_screen() else "device"


def _has_screen() -> bool:
    if "SSH_CONNECTION" in os.environ:
        return False
    if sys.platform in {"darwin", "win32"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open_page(url: str) -> None:
    import webbrowser

    opened = _has_screen() and webbrowser.open(url)
    say("Sign in on the page that opens. If none does, open this one on this machine:")
    say(f"  {url}")
    if not opened:
        say("Is the browser on another machine? Then stop this and use --device.", style="dim")


def _show_code(name: str, prompt: DevicePrompt) -> None:
    say(f"To sign in at {name}, open this page on any device:")
    say(f"  {prompt.url}", style="bold")
    say("and type the code")
    say(f"  {prompt.code}", style="bold")
    if prompt.complete_url and sys.stdout.isatty():
        import segno

        say("or point a phone's camera at this:")
        segno.make(prompt.complete_url, micro=False).terminal(sys.stdout, compact=True)
    say("Confirm it only if the page shows this very code. Waiting …", style="dim")
    sys.stdout.flush()


def _tell(login: Login, logins: Logins) -> None:
    where = "in the system's keyring" if login.kept_in == "keyring" else f"in {logins.file}, 0600"
    say(f"Signed in at {login.gateway} by {login.registration.name}.")
    say(f"Key {login.key_id} is good until {_local(login.expires_at)}; it is kept {where}.")
    if login.refresh_token is None:
        say("The issuer gave no refresh token (scope offline_access): sign in again by then.")
    else:
        say("It renews itself when a program asks for it: tailnumber key")


def _renew(logins: Logins, gateway: str | None) -> None:
    from tailnumber.clients.renewal import write_keys
    from tailnumber.login.gateway import now_utc
    from tailnumber.login.session import fresh_key

    gateways = (secure_url(gateway, "the gateway"),) if gateway else logins.gateways()
    if not gateways:
        raise CommandError("Nobody is signed in; run: tailnumber login")
    failures = []
    for each in gateways:
        try:
            fresh = fresh_key(logins, each, device_name(), now_utc)
        except SignInFailed as error:
            failures.append(str(error))
            continue
        if fresh.warning:
            failures.append(fresh.warning)
        write_keys(each, fresh.login.key)
        say(f"{each}: key {fresh.login.key_id} is good until {_local(fresh.login.expires_at)}.")
    if failures:
        raise SignInFailed(" ".join(failures))


def _local(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M %Z")
