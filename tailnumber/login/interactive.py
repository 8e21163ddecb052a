"""Lead a person through a sign-in: choose the issuer and the flow, show page and code."""

import os
import sys
from functools import partial

from tailnumber.errors import CommandError
from tailnumber.login.browser import browser_login
from tailnumber.login.device import DevicePrompt, device_login
from tailnumber.login.facts import Registration, Tokens, now_utc
from tailnumber.login.gateway import registrations
from tailnumber.login.issuer import Issuer
from tailnumber.login.keys import device_name
from tailnumber.login.session import sign_in
from tailnumber.login.store import Login, Logins
from tailnumber.login.wire import Wire
from tailnumber.output import say


def sign_person_in(logins: Logins, gateway: str, issuer: str | None, flow: str | None) -> Login:
    """Sign a person in at a gateway and say what came of it.

    Args:
        logins: where the key is kept.
        gateway: its URL.
        issuer: the name of one, if there are several.
        flow: ``browser`` or ``device``; None: what fits the terminal.

    Raises:
        CommandError: issuer or flow is not one that the gateway knows.
        SignInFailed: nobody was signed in.
    """
    with Wire() as wire:
        registration = _choose_issuer(registrations(wire, gateway), issuer)
        chosen = _choose_flow(registration, flow)

        def get_tokens(wire: Wire, found: Issuer) -> Tokens:
            if chosen == "browser":
                return browser_login(wire, found, _open_page)
            return device_login(wire, found, partial(_show_code, registration))

        login = sign_in(
            wire,
            logins,
            gateway=gateway,
            registration=registration,
            flow=get_tokens,
            device=device_name(),
            now=now_utc,
        )
    _tell(login, logins)
    return login


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


def _show_code(registration: Registration, prompt: DevicePrompt) -> None:
    say(f"To sign in at {registration.name} ({registration.issuer}), open on any device:")
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
    end = login.expires_at.astimezone().strftime("%Y-%m-%d %H:%M %Z")
    say(f"Signed in at {login.gateway} by {login.registration.name}.")
    say(f"Key {login.key_id} is good until {end}; it is kept {where}.")
    if login.refresh_token is None:
        say("The issuer gave no refresh token (scope offline_access): sign in again by then.")
    else:
        say("It renews itself when a program asks for it: tailnumber key")
