"""Hold what a sign-in is made of: who vouches, what was given, which URLs are safe.

Loads nothing of the network: a program that asks for a key that is still good waits for no more
than a file.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from ingress.upstream.origin import Origin
from tailnumber.errors import CommandError

StoreChoice = Literal["auto", "file"]
# A key is `tnk_<id>_…`: its owner revokes it by its id.
KEY_PREFIX: Final = "tnk_"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Registration:
    """What the gateway tells of one issuer: who it is, and what we are there.

    Args:
        name: what ``--issuer`` calls it.
        flows: of ``device`` and ``browser``, those that the client may use.
        audience: the resource that a token is asked for; None: the scopes say it.
    """

    name: str
    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    flows: tuple[str, ...]
    audience: str | None

    def request(self) -> dict[str, str]:
        """Return the members that every authorization request has."""
        asked = {"client_id": self.client_id, "scope": " ".join(self.scopes)}
        return asked | self.resource()

    def resource(self) -> dict[str, str]:
        """Return the member ``resource`` (RFC 8707), for an audience that is a web address.

        Entra ID refuses it; its audiences are application ids, and the scope tells them.
        """
        audience = self.audience or ""
        return {"resource": audience} if audience.startswith(("https://", "http://")) else {}


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What an issuer gave; never shown."""

    access_token: str
    refresh_token: str | None
    id_token: str | None


@dataclass(frozen=True, slots=True, repr=False)
class IssuedKey:
    """A gateway key and how long it is good for; never shown."""

    key: str
    issued_at: datetime
    expires_at: datetime

    @property
    def key_id(self) -> str:
        """Return what lists and records call the key."""
        return key_id_of(self.key)


def key_id_of(key: str) -> str:
    """Return the id within a gateway key."""
    return key.removeprefix(KEY_PREFIX).partition("_")[0]


def now_utc() -> datetime:
    """Return the time in whole seconds, as it is kept."""
    return datetime.now(UTC).replace(microsecond=0)


def secure_url(url: str, what: str) -> str:
    """Return a URL without a slash at its end, if it is safe to send a secret to it.

    Raises:
        CommandError: it is not https, and not http on this machine, or has a user or a query.
    """
    try:
        origin, prefix = Origin.split(url.strip())
    except ValueError:
        raise CommandError(
            f"The URL of {what} is not one: write https://host, without user and query."
        ) from None
    if origin.scheme != "https" and origin.host not in _LOOPBACK:
        raise CommandError(
            f"The URL of {what} is not https; http is taken for this machine alone, "
            "as a key sent over it can be read by others."
        )
    return f"{origin}{prefix}"
