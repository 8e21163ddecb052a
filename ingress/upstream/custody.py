"""Show an upstream the credential that its connection holds: the one door to all of them.

`Custody.access` gives a connection's `Access`; `Access.authorize` turns an outgoing request into
one that may be sent: where to, with which headers, and what must not come back in the answer.
A credential that is shown as it is costs a lookup; one that is traded is renewed ahead, beside
the traffic (`renewing`); one that signs is held for the moment of signing.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from ingress.errors import CredentialUnreadable
from ingress.headers import NOT_FORWARDED
from ingress.ids import utc_now
from ingress.policy.connections import (
    AwsSigV4,
    Basic,
    Bearer,
    Connection,
    CopilotToken,
    GitHubApp,
    Google,
    HeaderAuth,
    OAuth,
)
from ingress.upstream.client import Body
from ingress.upstream.origin import Origin
from ingress.upstream.renewing import Held, Renewing
from ingress.upstream.secret_reading import SecretReader
from ingress.upstream.sigv4 import sign
from ingress.upstream.tokens import TokenTrade

Headers = Sequence[tuple[bytes, bytes]]

# Anthropic refuses a request without it; its clients send their own.
_ANTHROPIC_VERSION: Final = (b"anthropic-version", b"2023-06-01")
# A shorter value is in too many texts by chance to be looked for in answers.
_HIDDEN_BYTES_MIN: Final = 8
# Ghost text goes to the host that the trade's answer calls ``proxy``, all else to ``api``.
_PROXY_PREFIX: Final = b"/v1/engines/"


@dataclass(slots=True)  # one a request: freezing costs a third of a microsecond each
class Outgoing:
    """A request of a client as it would go on; ``target`` is path and query."""

    method: str
    target: bytes
    headers: Headers
    body: Body = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a credential, ready to send.

    ``hidden`` are the values to take out of answers; ``bases`` are the places that a trade's
    answer named, by its names for them.
    """

    headers: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    hidden: tuple[bytes, ...] = field(default=(), repr=False)
    bases: tuple[tuple[str, tuple[Origin, bytes]], ...] = ()


@dataclass(slots=True)
class Authorized:
    """A request that may be sent."""

    origin: Origin
    target: bytes
    headers: Headers = field(repr=False)
    shown: Shown


class Access:
    """How one connection's upstream is reached; made once, used for every request."""

    def __init__(self, connection: Connection, shown: Renewing[Shown] | None) -> None:
        """Reach ``connection``'s upstream, showing what ``shown`` holds (nothing if None)."""
        origin, prefix = Origin.split(connection.upstream, connection.address_rule)
        self.connection = connection
        self._base = origin, prefix.encode("ascii")
        self._shown = shown
        self._adds_version = connection.kind == "anthropic"
        auth = connection.auth
        own = auth.name.encode("ascii") if isinstance(auth, HeaderAuth) else b""
        # The client's own header of that name must not stand beside the gateway's.
        self._replaced = own if own not in NOT_FORWARDED else b""
        self._as_sent = not self._replaced and not self._adds_version

    async def authorize(self, request: Outgoing) -> Authorized:
        """Return the request with the credential in it.

        Raises:
            CredentialError: the credential cannot be had; nothing may be sent.
        """
        shown = _NOTHING if self._shown is None else await self._shown.get()
        origin, prefix = self._base
        if shown.bases:
            origin, prefix = self._place(shown, request.target)
        headers = request.headers if self._as_sent else self._adapted(request.headers)
        return Authorized(origin, prefix + request.target, [*headers, *shown.headers], shown)

    def refused(self, authorized: Authorized) -> bool:
        """Take note that the upstream refused what was shown; return whether to try once more."""
        return self._shown is not None and self._shown.refused(authorized.shown)

    @property
    def shows(self) -> bool:
        """Tell whether a credential is shown at all."""
        return self._shown is not None

    def close(self) -> None:
        """Forget what is held."""
        if self._shown is not None:
            self._shown.close()

    def _adapted(self, headers: Headers) -> Headers:
        if self._replaced:
            headers = [pair for pair in headers if pair[0] != self._replaced]
        if self._adds_version and not any(name == _ANTHROPIC_VERSION[0] for name, _ in headers):
            headers = [*headers, _ANTHROPIC_VERSION]
        return headers

    def _place(self, shown: Shown, target: bytes) -> tuple[Origin, bytes]:
        wanted = "proxy" if target.startswith(_PROXY_PREFIX) else "api"
        return dict(shown.bases).get(wanted, self._base)


class SigningAccess(Access):
    """Sign each request: AWS Signature Version 4."""

    def __init__(self, connection: Connection, auth: AwsSigV4, key: Renewing[str]) -> None:
        """Sign for ``connection`` with the secret access key that ``key`` holds."""
        super().__init__(connection, None)
        self._auth = auth
        self._key = key

    async def authorize(self, request: Outgoing) -> Authorized:
        """Return the request, signed.

        Raises:
            CredentialError: the key cannot be had; nothing may be sent.
        """
        key = await self._key.get()
        origin, prefix = self._base
        target = prefix + request.target
        signed = sign(
            self._auth,
            key,
            method=request.method,
            authority=origin.authority,
            target=target,
            headers=request.headers,
            body=request.body if isinstance(request.body, bytes | None) else None,
            streamed=not isinstance(request.body, bytes | None),
            now=utc_now(),
        )
        return Authorized(origin, target, [*request.headers, *signed], _NOTHING)

    @property
    def shows(self) -> bool:
        """Tell that a credential is shown, though never itself."""
        return True

    def close(self) -> None:
        """Forget the key."""
        self._key.close()


class Custody:
    """The accesses of every connection; a reloaded policy keeps those that it did not change."""

    def __init__(self, reader: SecretReader, trade: TokenTrade) -> None:
        """Read credentials from ``reader`` and trade them through ``trade``."""
        self._reader = reader
        self._trade = trade
        self._accesses: dict[str, Access] = {}

    def access(self, connection: Connection) -> Access:
        """Return the access of a connection."""
        access = self._accesses.get(connection.name)
        if access is not None and access.connection is connection:
            return access
        if access is not None and access.connection == connection:
            access.connection = connection  # the next comparison is by identity again
            return access
        # Not closed: a request under the policy before may be about to use it.
        access = self._accesses[connection.name] = self._open(connection)
        return access

    def close(self) -> None:
        """Forget every credential."""
        for access in self._accesses.values():
            access.close()

    def _open(self, connection: Connection) -> Access:
        auth = connection.auth
        if connection.credential is None and not isinstance(auth, Google):
            return Access(connection, None)
        if isinstance(auth, AwsSigV4):
            read = partial(self._reader.read, connection.credential or "")
            return SigningAccess(connection, auth, Renewing(read, connection.name))
        return Access(connection, Renewing(self._fetch(connection), connection.name))

    def _fetch(self, connection: Connection) -> Callable[[], Awaitable[Held[Shown]]]:
        auth, trade = connection.auth, self._trade
        match auth:
            case OAuth():
                token = partial(trade.client_credentials, connection, auth)
            case GitHubApp():
                token = partial(trade.installation_token, connection, auth)
            case Google():
                token = partial(trade.google_token, auth)
            case CopilotToken():
                return partial(self._copilot, connection, auth)
            case _:
                return partial(self._static, connection)
        return partial(self._traded, connection, token)

    async def _secret(self, connection: Connection) -> Held[str]:
        if connection.credential is None:
            return Held("", 0.0, 0.0)
        return await self._reader.read(connection.credential)

    async def _static(self, connection: Connection) -> Held[Shown]:
        held = await self._secret(connection)
        return Held(_show(connection, held.value), held.renew_seconds, held.valid_seconds)

    async def _traded(
        self, connection: Connection, token: Callable[[str], Awaitable[Held[str]]]
    ) -> Held[Shown]:
        held = await token((await self._secret(connection)).value)
        return Held(_show(connection, held.value), held.renew_seconds, held.valid_seconds)

    async def _copilot(self, connection: Connection, auth: CopilotToken) -> Held[Shown]:
        secret = (await self._secret(connection)).value
        held, bases = await self._trade.copilot_token(connection, auth, secret)
        shown = _show(connection, held.value)
        shown = Shown(shown.headers, (*shown.hidden, secret.encode()), bases)
        return Held(shown, held.renew_seconds, held.valid_seconds)


_NOTHING: Final = Shown()


def _show(connection: Connection, value: str) -> Shown:
    """Return the headers that show a credential or token.

    Raises:
        CredentialUnreadable: it cannot stand in a header.
    """
    if not value.isascii() or not value.isprintable():
        raise CredentialUnreadable(
            f"the credential of connection {connection.name!r} cannot stand in a header: it has "
            "line breaks or signs beyond ASCII; set it again, or say in `auth` what it is"
        )
    auth, data = connection.auth, value.encode("ascii")
    name, prefix = b"authorization", b"Bearer "
    if isinstance(auth, HeaderAuth):
        name, prefix = auth.name.encode("ascii"), b""
    user = auth.user if isinstance(auth, Basic) else ""
    if not user and connection.kind == "git" and isinstance(auth, GitHubApp):
        user = "x-access-token"  # the user name that GitHub's git server wants beside a token
    sent = data
    if user:
        prefix, sent = b"Basic ", base64.b64encode(user.encode("ascii") + b":" + data)
    hidden = tuple(each for each in dict.fromkeys((data, sent)) if len(each) >= _HIDDEN_BYTES_MIN)
    return Shown(((name, prefix + sent),), hidden)


__all__ = ["Access", "Authorized", "Bearer", "Custody", "Outgoing", "Shown", "SigningAccess"]
