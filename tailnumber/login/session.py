"""Sign in, renew ahead, sign out: what ``login``, ``key`` and ``logout`` do.

A renewal keeps what it gets as soon as it has it: an issuer that rotates refresh tokens takes the
old one back at once, so the new one is on disk before the gateway is asked for a key.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tailnumber.errors import CommandError, SignInFailed
from tailnumber.login.facts import Registration, Tokens
from tailnumber.login.gateway import exchange, revoke_key
from tailnumber.login.issuer import Issuer, OAuthError
from tailnumber.login.store import Login, Logins
from tailnumber.login.wire import Wire

# RFC 6749 section 5.2: the refresh token is used up, taken back or too old.
_ENDED: Final = frozenset({"invalid_grant", "invalid_client", "unauthorized_client"})


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A key to show; ``warning`` says why it could not be renewed though it is about to end."""

    login: Login
    warning: str | None = None


def sign_in(  # noqa: PLR0913 - what one sign-in is made of, named at the one call
    wire: Wire,
    logins: Logins,
    *,
    gateway: str,
    registration: Registration,
    flow: Callable[[Wire, Issuer], Tokens],
    device: str,
    now: Callable[[], datetime],
) -> Login:
    """Get tokens by a flow, a key for them, and keep both.

    Raises:
        SignInFailed: the issuer or the gateway refuses; a login of before is kept.
    """
    tokens = flow(wire, Issuer.discover(wire, registration))
    issued = exchange(wire, gateway, tokens, device, now())
    with logins:
        before = logins.get(gateway) if gateway in logins.gateways() else None
        login = Login(
            gateway=gateway,
            registration=registration,
            issued_at=issued.issued_at,
            expires_at=issued.expires_at,
            kept_in="keyring",
            key=issued.key,
            refresh_token=tokens.refresh_token,
            older_keys=before.with_key(issued).older_keys if before else {},
        )
        return logins.put(login)


def fresh_key(
    logins: Logins,
    gateway: str,
    device: str,
    now: Callable[[], datetime],
    *,
    refused: str | None = None,
) -> FreshKey:
    """Return the login at a gateway with a key that is good, renewed if it is about to end.

    Args:
        logins: where the key is kept.
        gateway: its URL.
        device: what a list of keys calls this machine.
        now: the time.
        refused: a key that is not to be given, whatever its end.

    Raises:
        CommandError: nobody is signed in there.
        SignInFailed: the key has ended, or was refused, and cannot be renewed; it is kept.
    """
    login = _signed_in(logins, gateway)
    if not login.is_due(now()) and login.key != refused:
        return FreshKey(login)
    with logins:
        # Another helper may have renewed it while this one waited.
        login = _signed_in(logins, gateway)
        if not login.is_due(now()) and login.key != refused:
            return FreshKey(login)
        try:
            with Wire() as wire:
                return FreshKey(_renew(wire, logins, login, device, now))
        except SignInFailed as error:
            if login.expires_at <= now() or login.key == refused:
                raise
            return FreshKey(login, str(error))


def renew(
    logins: Logins, gateways: tuple[str, ...], device: str, now: Callable[[], datetime]
) -> tuple[list[FreshKey], list[str]]:
    """Renew what is about to end, at each gateway; return the keys, and the failures in words."""
    fresh, failures = [], []
    for gateway in gateways:
        try:
            fresh.append(fresh_key(logins, gateway, device, now))
        except SignInFailed as error:
            failures.append(str(error))
    return fresh, failures + [each.warning for each in fresh if each.warning]


def reject(logins: Logins, gateway: str, key: str, now: Callable[[], datetime]) -> None:
    """Note that a gateway no longer takes a key; one that was replaced since is no news."""
    with logins:
        login = logins.get(gateway)
        if login is not None and login.key == key and login.expires_at > now():
            logins.put(replace(login, expires_at=now()))


def sign_out(logins: Logins, gateway: str, now: Callable[[], datetime]) -> list[str]:
    """Revoke keys and refresh token, then forget them; return what could not be revoked, and why.

    Raises:
        CommandError: nobody is signed in there.
    """
    left: list[str] = []
    with logins:
        login = _signed_in(logins, gateway)
        with Wire() as wire:
            # The key in use last: it is what the others are revoked with.
            still_good = [key_id for key_id, end in login.older_keys.items() if end > now()]
            for key_id in (*still_good, login.key_id):
                left += _revoke_key(wire, login, key_id)
            left += _revoke_refresh_token(wire, login)
        logins.forget(gateway)
    return left


def _signed_in(logins: Logins, gateway: str) -> Login:
    login = logins.get(gateway)
    if login is None:
        raise CommandError(
            f"Nobody is signed in at {gateway}; run: tailnumber login --gateway {gateway}"
        )
    return login


def _renew(
    wire: Wire, logins: Logins, login: Login, device: str, now: Callable[[], datetime]
) -> Login:
    again = f"run: tailnumber login --gateway {login.gateway}"
    if login.refresh_token is None:
        raise SignInFailed(
            f"The issuer {login.registration.name} gave no refresh token to renew with; {again}"
        )
    issuer = Issuer.discover(wire, login.registration)
    try:
        tokens = issuer.refresh(wire, login.refresh_token)
    except OAuthError as refused:
        if refused.code in _ENDED:
            raise SignInFailed(
                f"The sign-in at {login.registration.name} has ended ({refused.code}); {again}"
            ) from refused
        raise
    if tokens.refresh_token != login.refresh_token:
        login = logins.put(replace(login, refresh_token=tokens.refresh_token))
    return logins.put(login.with_key(exchange(wire, login.gateway, tokens, device, now())))


def _revoke_key(wire: Wire, login: Login, key_id: str) -> list[str]:
    try:
        revoked = revoke_key(wire, login.gateway, login.key, key_id)
    except SignInFailed as error:
        return [f"key {key_id} was not revoked: {error}"]
    return [] if revoked else [f"key {key_id} was not revoked: {login.gateway} refuses"]


def _revoke_refresh_token(wire: Wire, login: Login) -> list[str]:
    if login.refresh_token is None:
        return []
    name = login.registration.name
    try:
        issuer = Issuer.discover(wire, login.registration)
        revoked = issuer.revoke(wire, login.refresh_token)
    except CommandError as error:
        return [f"the refresh token was not revoked: {error}"]
    return [] if revoked else [f"the refresh token was not revoked: {name} does not do that"]
