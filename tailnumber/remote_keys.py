"""Ask a gateway for keys, and to take one back, as the person who is signed in there."""

from typing import Any, Final
from urllib.parse import quote

from tailnumber.errors import CommandError, SignInFailed
from tailnumber.login.keys import choose_gateway, good_key, kept_logins
from tailnumber.login.wire import Answer, Wire
from tailnumber.output import printable
from tailnumber.stack.layout import Layout

_NOT_FOUND: Final = 404


def list_remote_keys(given: str, layout: Layout, user: str | None) -> list[dict[str, Any]]:
    """Return the keys that the gateway shows to this person, newest first.

    Raises:
        CommandError: nobody is signed in there.
        SignInFailed: the gateway does not answer, or refuses.
    """
    query = f"?user={quote(user, safe='')}" if user else ""
    _, answer = _ask("GET", given, layout, f"keys{query}")
    keys = answer.members.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise SignInFailed(f"{given} does not answer as a gateway; check its URL.")
    return [
        {name: printable(value) if isinstance(value, str) else value for name, value in key.items()}
        for key in keys
    ]


def revoke_remote_key(given: str, layout: Layout, key_id: str) -> None:
    """Take a key back at the gateway.

    Raises:
        CommandError: nobody is signed in there, or there is no such key for this person.
        SignInFailed: the gateway does not answer, or refuses.
    """
    gateway, answer = _ask("DELETE", given, layout, f"keys/{quote(key_id, safe='')}")
    if answer.status == _NOT_FOUND:
        raise CommandError(
            f"You have no key {key_id!r}; see: tailnumber keys list --gateway {gateway}"
        )


def _ask(method: str, given: str, layout: Layout, path: str) -> tuple[str, Answer]:
    logins = kept_logins()
    gateway = choose_gateway(given, layout, logins)
    key = good_key(gateway, layout, logins).key
    with Wire() as wire:
        url = f"{gateway}/api/v1/{path}"
        answer = wire.get(url, key) if method == "GET" else wire.delete(url, key)
    if not answer.ok and answer.status != _NOT_FOUND:
        raise SignInFailed(f"The gateway {gateway} refuses ({answer.status}); sign in anew there.")
    return gateway, answer
