"""Sign in who speaks GitHub's device flow at the company's own issuer.

An editor that takes the gateway for a GitHub Enterprise host asks it for a device code. The
gateway asks the issuer for one and hands it on; the person signs in on the issuer's page, and the
issuer's token, which the editor never sees, becomes a gateway key. Nothing is kept in between.

Source: RFC 8628; GitHub's "Authorizing OAuth apps", device flow.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from ingress.errors import (
    BadTokenRequest,
    IdentityUnavailable,
    MalformedAccessToken,
    UpstreamError,
)
from ingress.identity.discovery import address_in, discovery_url
from ingress.identity.issuers import Issuer, TrustedIssuers
from ingress.identity.login import Login
from ingress.identity.strict import read_object
from ingress.upstream.client import UpstreamClient, UpstreamLimits
from ingress.upstream.origin import Origin

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
# What an issuer says while the person has not signed in, or will not: the editor is told it.
WAITING: Final = frozenset({"authorization_pending", "slow_down", "expired_token", "access_denied"})
_ANSWER_BYTES_MAX: Final = 64 * 1024
_DEVICE_CODE_MAX: Final = 4096
_SECONDS: Final = 8.0
_OK: Final = 200
_BAD_REQUEST: Final = 400
_LIMITS: Final = UpstreamLimits(
    connect_seconds=3.0,
    pool_seconds=3.0,
    first_byte_seconds=5.0,
    idle_seconds=5.0,
    max_connections_per_origin=4,
)
_STARTED: Final = ("device_code", "user_code", "verification_uri", "expires_in")


class Polled(NamedTuple):
    """What the issuer answered to a poll: a token, or a word of ``WAITING``."""

    token: str
    waiting: str


class DeviceRelay:
    """Relay device flows at the first of the trusted issuers that has them."""

    def __init__(self, issuers: Callable[[], TrustedIssuers], ca_file: Path | None = None) -> None:
        self._issuers = issuers
        self._client = UpstreamClient(_LIMITS, ca_file=ca_file)

    async def begin(self) -> dict[str, Any]:
        """Return the issuer's codes and page, as the editor is told them.

        Raises:
            BadTokenRequest: no issuer signs people in by a device code.
            IdentityUnavailable: the issuer does not answer as it should.
        """
        issuer, login = self._issuer()
        form = {"client_id": login.client_id, "scope": " ".join(login.scopes)}
        status, answer = await self._ask(
            issuer, "device_authorization_endpoint", {**form, **_resource(login)}
        )
        if status != _OK or not all(answer.get(name) for name in _STARTED):
            raise IdentityUnavailable("the issuer gave no device code")
        told = {name: answer[name] for name in _STARTED}
        return told | {"interval": answer.get("interval", 5)}

    async def poll(self, device_code: str) -> Polled:
        """Ask the issuer once whether the person has signed in.

        Raises:
            BadTokenRequest: no issuer does this, or the code has no form that one gives.
            IdentityUnavailable: the issuer does not answer as it should.
        """
        issuer, login = self._issuer()
        if not (device_code.isascii() and 0 < len(device_code) <= _DEVICE_CODE_MAX):
            raise BadTokenRequest("device_code is needed.")
        form = {
            "grant_type": DEVICE_GRANT,
            "device_code": device_code,
            "client_id": login.client_id,
        }
        status, answer = await self._ask(issuer, "token_endpoint", form)
        token, error = answer.get("access_token"), answer.get("error")
        if status == _OK and isinstance(token, str):
            return Polled(token, "")
        if status == _BAD_REQUEST and error in WAITING:
            return Polled("", str(error))
        if status == _BAD_REQUEST:
            # A code of nobody's, or one that was used: as over as one that ran out.
            return Polled("", "expired_token")
        raise IdentityUnavailable("the issuer did not answer a poll")

    async def close(self) -> None:
        """Close the connections to the issuers."""
        await self._client.close()

    def _issuer(self) -> tuple[Issuer, Login]:
        for issuer in self._issuers():
            if issuer.login is not None and "device" in issuer.login.flows:
                return issuer, issuer.login
        raise BadTokenRequest("No issuer of this gateway signs people in by a device code.")

    async def _ask(
        self, issuer: Issuer, endpoint: str, form: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        try:
            async with asyncio.timeout(_SECONDS):
                _, document = await self._send(discovery_url(issuer.issuer), None)
                url = address_in(document, issuer.issuer, endpoint)
                return await self._send(url, urlencode(form).encode("ascii"))
        except (UpstreamError, MalformedAccessToken, ValueError, TimeoutError) as error:
            raise IdentityUnavailable(f"{issuer.issuer} does not answer") from error

    async def _send(self, url: str, form: bytes | None) -> tuple[int, dict[str, Any]]:
        origin, target = Origin.split(url)
        headers = [(b"accept", b"application/json"), (b"accept-encoding", b"identity")]
        method = "GET" if form is None else "POST"
        if form is not None:
            headers.append((b"content-type", b"application/x-www-form-urlencoded"))
        response = await self._client.send(origin, method, target or "/", headers, form)
        async with response:
            return response.status, read_object(await response.read(_ANSWER_BYTES_MAX))


def _resource(login: Login) -> dict[str, str]:
    # RFC 8707; Entra ID refuses the member, and its audiences are no web addresses.
    audience = login.audience or ""
    return {"resource": audience} if audience.startswith(("https://", "http://")) else {}
