"""Find the gateway a command means, and a key that is good there now.

Two places know keys: the logins of this account, and the stack that runs on this machine, whose
own key needs no sign-in.
"""

import socket
from dataclasses import dataclass
from datetime import datetime

from tailnumber.errors import CommandError, StackNotRunning
from tailnumber.files import config_folder
from tailnumber.login.facts import StoreChoice, now_utc, secure_url
from tailnumber.login.store import Logins, system_keyring
from tailnumber.stack.layout import Endpoints, Layout


@dataclass(frozen=True, slots=True, repr=False)
class GoodKey:
    """A gateway key to use now; no end: as long as its gateway's list says."""

    gateway: str
    key: str
    expires_at: datetime | None
    warning: str | None = None


def kept_logins(store: StoreChoice = "auto") -> Logins:
    """Return the logins of this account; ``file`` keeps a new one out of the keyring."""
    return Logins(config_folder(), system_keyring if store == "auto" else lambda: None)


def choose_gateway(given: str | None, layout: Layout, logins: Logins) -> str:
    """Return the gateway that is meant: the given one, the only login, or this machine's.

    Raises:
        CommandError: it is not clear which, or there is none.
    """
    if given is not None:
        return secure_url(given, "the gateway")
    signed_in = logins.gateways()
    if len(signed_in) == 1:
        return signed_in[0]
    if signed_in:
        listed = ", ".join(signed_in)
        raise CommandError(f"You are signed in at several gateways; choose by --gateway: {listed}")
    local = _local(layout)
    if local is None:
        raise CommandError(
            "No gateway is known; name yours: --gateway https://gateway.example, "
            "or start one on this machine: tailnumber up"
        )
    return local.gateway


def good_key(gateway: str, layout: Layout, logins: Logins, *, new: bool = False) -> GoodKey:
    """Return a key that is good at a gateway, renewed if it was about to end, or if asked.

    Raises:
        CommandError: nobody is signed in there.
        SignInFailed: the key has ended and cannot be renewed.
    """
    if gateway not in logins.gateways():
        local = _local(layout)
        if local is not None and local.gateway == gateway:
            return GoodKey(gateway, local.gateway_key, None)
    kept = logins.get(gateway)
    if kept is not None and not kept.is_due(now_utc()) and not new:
        return GoodKey(gateway, kept.key, kept.expires_at)
    from tailnumber.login.session import fresh_key

    refused = kept.key if kept is not None and new else None
    fresh = fresh_key(logins, gateway, device_name(), now_utc, refused=refused)
    return GoodKey(gateway, fresh.login.key, fresh.login.expires_at, fresh.warning)


def device_name() -> str:
    """Return what a list of keys calls this machine."""
    return socket.gethostname()[:64] or "a machine without a name"


def _local(layout: Layout) -> Endpoints | None:
    try:
        return layout.read_endpoints()
    except StackNotRunning:
        return None
