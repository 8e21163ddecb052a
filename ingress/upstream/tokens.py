"""Trade a credential for the short-lived token that an upstream takes.

One method per way; each asks one place that the policy names, follows no redirect, and says of a
failure only what kind it is: an answer may repeat what it was asked with.
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from ingress.errors import (
    CredentialError,
    CredentialRefused,
    CredentialUnavailable,
    CredentialUnreadable,
    UpstreamError,
)
from ingress.networks import Network, is_loopback
from ingress.policy.connections import Connection, CopilotToken, GitHubApp, Google, OAuth
from ingress.upstream.client import UpstreamClient
from ingress.upstream.google_tokens import google_token
from ingress.upstream.origin import Origin
from ingress.upstream.renewing import Held

_ANSWER_BYTES_MAX: Final = 64 * 1024
# RFC 6749 section 5.1: who leaves `expires_in` out says it elsewhere; five minutes is short enough.
_LIFETIME_SECONDS: Final = 300.0
_LIFETIME_SECONDS_MAX: Final = 24 * 3600.0
# GitHub takes an app's token for ten minutes at most, and allows for a clock that is ahead.
# Source: docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App".
_APP_TOKEN_SECONDS: Final = 540
_CLOCK_SKEW_SECONDS: Final = 60
_INSTALLATION_SECONDS_MAX: Final = 3600.0
# VS Code uses a Copilot token until a minute after the time to renew it.
_COPILOT_GRACE_SECONDS: Final = 60.0
_REFUSALS: Final = frozenset({400, 401, 403, 404, 422})
_ENDPOINTS: Final = ("api", "proxy")

_Base = tuple[Origin, bytes]


class TokenTrade:
    """All ways to trade a credential."""

    def __init__(self, client: UpstreamClient, ca_file: Path | None = None) -> None:
        """Ask through ``client``; Google's own library trusts ``ca_file`` if there is one."""
        self._client = client
        self._ca_file = ca_file
        self._agent = f"tailnumber/{version('tailnumber')}"

    async def client_credentials(
        self, connection: Connection, auth: OAuth, secret: str
    ) -> Held[str]:
        """Return an access token for a client secret; RFC 6749 section 4.4.

        Raises:
            CredentialError: it is refused, or there is no answer of the form.
        """
        form = {"grant_type": "client_credentials"}
        if auth.scopes:
            form["scope"] = " ".join(auth.scopes)
        if auth.audience:
            form["audience"] = auth.audience
        # In the body: RFC 6749 section 2.3.1 allows it, and Entra ID asks for it.
        form |= {"client_id": auth.client_id, "client_secret": secret}
        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        body = urlencode(form, quote_via=quote_plus).encode("ascii")
        answer = await self._ask(connection, "POST", auth.token_url, headers, body)
        if str(answer.get("token_type", "bearer")).lower() != "bearer":
            raise CredentialUnavailable(f"{auth.token_url} gave a token that is no bearer token")
        lifetime = _seconds(answer.get("expires_in"), _LIFETIME_SECONDS)
        return Held.of_lifetime(_text(answer, "access_token"), lifetime)

    async def copilot_token(
        self, connection: Connection, auth: CopilotToken, secret: str
    ) -> tuple[Held[str], tuple[tuple[str, _Base], ...]]:
        """Return Copilot's token for a GitHub token, and the places of its ``endpoints``.

        A place on a host that the policy does not name is left out: no answer leads elsewhere.

        Raises:
            CredentialError: it is refused, or there is no answer of the form.
        """
        agent = self._agent.encode("ascii")
        headers = [
            (b"authorization", b"token " + _header(secret)),
            (b"editor-version", agent),
            (b"editor-plugin-version", agent),
        ]
        answer = await self._ask(connection, "GET", auth.token_url, headers, None)
        renew = _seconds(answer.get("refresh_in"), _LIFETIME_SECONDS)
        token = Held(_text(answer, "token"), renew * 0.9, renew + _COPILOT_GRACE_SECONDS)
        named = answer.get("endpoints")
        endpoints = named if isinstance(named, dict) else {}
        places = (
            (name, place)
            for name in _ENDPOINTS
            if (place := _permitted(endpoints.get(name), auth, connection.address_rule))
        )
        return token, tuple(places)

    async def installation_token(
        self, connection: Connection, auth: GitHubApp, private_key: str
    ) -> Held[str]:
        """Return an installation's token for an app's private key.

        Source: docs.github.com, "Authenticating as a GitHub App installation".

        Raises:
            CredentialError: it is refused, or there is no answer of the form.
        """
        now = int(time.time())
        headers = [
            (b"authorization", b"Bearer " + _app_token(auth, private_key, now)),
            (b"accept", b"application/vnd.github+json"),
            (b"x-github-api-version", b"2022-11-28"),
        ]
        url = f"{auth.api}/app/installations/{auth.installation_id}/access_tokens"
        answer = await self._ask(connection, "POST", url, headers, b"")
        try:
            expires_at = datetime.fromisoformat(_text(answer, "expires_at"))
        except ValueError:
            raise CredentialUnavailable(f"{auth.api} gave a token without a time") from None
        lifetime = expires_at.replace(tzinfo=expires_at.tzinfo or UTC).timestamp() - now
        return Held.of_lifetime(_text(answer, "token"), min(lifetime, _INSTALLATION_SECONDS_MAX))

    async def google_token(self, auth: Google, key: str) -> Held[str]:
        """Return a Google token for a service account's key, or the machine's own if it is empty.

        Raises:
            CredentialError: it is refused, or Google does not answer.
        """
        token, lifetime = await asyncio.to_thread(google_token, auth, key, self._ca_file)
        return Held.of_lifetime(token, lifetime)

    async def _ask(
        self,
        connection: Connection,
        method: str,
        url: str,
        headers: list[tuple[bytes, bytes]],
        body: bytes | None,
    ) -> Mapping[str, Any]:
        base, _, path = url.partition("://")
        host, slash, path = path.partition("/")
        origin = Origin.parse(f"{base}://{host}")
        network: Network = "loopback" if is_loopback(origin.host) else connection.network
        origin = Origin(origin.scheme, origin.host, origin.port, network)
        common = [
            (b"user-agent", self._agent.encode("ascii")),
            (b"accept-encoding", b"identity"),
            *(() if any(name == b"accept" for name, _ in headers) else (_ACCEPT,)),
        ]
        try:
            response = await self._client.send(
                origin, method, (slash or "/") + path, [*headers, *common], body
            )
            async with response:
                received = await response.read(_ANSWER_BYTES_MAX)
        except UpstreamError as error:
            raise CredentialUnavailable(f"{origin} does not answer: {error}") from error
        if response.status in _REFUSALS:
            raise CredentialRefused(
                f"{origin} refuses the credential of connection {connection.name!r} "
                f"(HTTP {response.status})"
            )
        if response.status not in {200, 201}:
            raise CredentialUnavailable(f"{origin} answers HTTP {response.status}")
        return _object(received, origin)


_ACCEPT: Final = (b"accept", b"application/json")


def _app_token(auth: GitHubApp, private_key: str, now: int) -> bytes:
    claims = {
        "iat": now - _CLOCK_SKEW_SECONDS,
        "exp": now + _APP_TOKEN_SECONDS,
        "iss": str(auth.app_id),
    }
    try:
        key = RSAKey.import_key(private_key)
        return jwt.encode(
            {"alg": "RS256", "typ": "JWT"}, claims, key, algorithms=["RS256"]
        ).encode()
    except (JoseError, ValueError, TypeError):
        # The cause may quote the key.
        raise CredentialUnreadable(
            "the credential is no RSA private key in PEM; set it again: "
            "tailnumber credentials set NAME < key.pem"
        ) from None


def _permitted(url: object, auth: CopilotToken, network: Network) -> _Base | None:
    if not isinstance(url, str):
        return None
    try:
        origin, prefix = Origin.split(url, network)
        prefix.encode("ascii")
    except ValueError:
        return None
    with_port = origin.authority.decode("ascii")
    # http is for a loopback upstream, to which the connection's network then holds it.
    if origin.scheme != "https" and network != "loopback":
        return None
    if any(fnmatch.fnmatchcase(with_port, pattern) for pattern in auth.hosts):
        return origin, prefix.encode("ascii")
    return None


def _object(received: bytes, origin: Origin) -> Mapping[str, Any]:
    try:
        answer = json.loads(received)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise CredentialUnavailable(f"{origin} did not answer with a JSON object")
    return answer


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise CredentialUnavailable(f"the answer to a trade has no {name!r}")
    return value


def _seconds(value: object, default: float) -> float:
    # Some servers write the number as text.
    try:
        seconds = float(value) if isinstance(value, int | float | str) else default
    except ValueError:
        seconds = default
    return min(seconds, _LIFETIME_SECONDS_MAX) if seconds == seconds else default  # noqa: PLR0124  (NaN)


def _header(secret: str) -> bytes:
    if not secret.isascii() or not secret.isprintable():
        raise CredentialUnreadable("the credential cannot stand in a header; set it again")
    return secret.encode("ascii")


__all__ = ["CredentialError", "TokenTrade"]
