"""Ask a gateway who may vouch for its callers, and trade a token of theirs for a gateway key.

Source: RFC 8693 section 2.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from tailnumber.errors import CommandError, SignInFailed
from tailnumber.login.facts import KEY_PREFIX, IssuedKey, Registration, Tokens, key_id_of
from tailnumber.login.wire import Answer, Wire

FLOWS: Final = ("browser", "device")
_GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name
_ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a name


def registrations(wire: Wire, gateway: str) -> tuple[Registration, ...]:
    """Return the issuers that the gateway accepts sign-ins from.

    Raises:
        SignInFailed: the gateway does not answer as one.
        CommandError: it takes no sign-in.
    """
    answer = wire.get(f"{gateway}/api/v1/login")
    listed = answer.members.get("issuers")
    if not answer.ok or not isinstance(listed, list):
        raise SignInFailed(
            f"{gateway} does not say how to sign in ({answer.error}); check that it is the URL "
            "of a Tailnumber gateway that knows `tailnumber login`."
        )
    found = tuple(filter(None, map(_registration, listed)))
    if not found:
        raise CommandError(
            f"{gateway} knows no issuer to sign in at; ask its operator for a gateway key, "
            "or to name an issuer (docs/identity.md)."
        )
    return found


def exchange(wire: Wire, gateway: str, tokens: Tokens, device: str, now: datetime) -> IssuedKey:
    """Trade an access token for a gateway key of the same person.

    Raises:
        SignInFailed: the gateway does not answer, or refuses.
    """
    token, token_type = _subject_token(tokens)
    answer = wire.post(
        f"{gateway}/oauth/token",
        {
            "grant_type": _GRANT,
            "subject_token": token,
            "subject_token_type": token_type,
            "device_name": device,
        },
    )
    if answer.status >= 500:
        raise SignInFailed(
            f"The gateway {gateway} cannot give a key now ({answer.reason}); try again later."
        )
    if not answer.ok:
        raise SignInFailed(
            f"The gateway {gateway} does not accept this sign-in ({answer.reason}); its operator "
            "finds the reason under `access.denied`."
        )
    key = answer.text("access_token")
    if key is None or not key.startswith(KEY_PREFIX):
        raise SignInFailed(f"The gateway {gateway} gave no gateway key; tell its operator.")
    return IssuedKey(key, now, now + timedelta(seconds=_lifetime(answer)))


def revoke_key(wire: Wire, gateway: str, key: str, key_id: str) -> bool:
    """Take a key back, by itself or another of the same owner; True: it is worth nothing now."""
    status = wire.delete(f"{gateway}/api/v1/keys/{key_id}", key).status
    if status == 401:  # the key is not taken any more: ended, or revoked by somebody else
        return key_id == key_id_of(key)
    return status in {200, 204, 404, 410}


def _subject_token(tokens: Tokens) -> tuple[str, str]:
    """Return what vouches for the person: the access token, unless only its issuer can read it.

    Google's access tokens are no JWTs; the gateway takes Google's ID tokens and nobody else's.
    """
    if tokens.access_token.count(".") != 2 and tokens.id_token is not None:
        return tokens.id_token, _ID_TOKEN
    return tokens.access_token, _ACCESS_TOKEN


def _lifetime(answer: Answer) -> int:
    lifetime = answer.members.get("expires_in")
    if not isinstance(lifetime, int) or lifetime <= 0:
        raise SignInFailed("The gateway does not say how long its key is good; tell its operator.")
    return lifetime


def _registration(entry: Any) -> Registration | None:
    """Return one issuer of the answer; None for one that this client does not understand."""
    if not isinstance(entry, dict):
        return None
    texts = [entry.get(name) for name in ("name", "issuer", "client_id")]
    name, issuer, client_id = (text if isinstance(text, str) else "" for text in texts)
    scopes = entry.get("scopes")
    flows = tuple(flow for flow in FLOWS if flow in _list(entry.get("flows")))
    audience = entry.get("audience")
    if not (name and issuer and client_id and flows and name.isprintable()):
        return None
    return Registration(
        name=name,
        issuer=issuer,
        client_id=client_id,
        scopes=tuple(scopes.split()) if isinstance(scopes, str) else _list(scopes),
        flows=flows,
        audience=audience if isinstance(audience, str) else None,
    )


def _list(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else []
    return tuple(item for item in items if isinstance(item, str))
