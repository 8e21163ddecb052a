"""Know an OIDC issuer from a client's side: its discovery document, its token endpoint.

The issuer is the one that the gateway names; its discovery document must say the same name,
character by character, so that no other issuer's endpoints are used in its place.

Source: OpenID Connect Discovery 1.0 section 4; RFC 6749 sections 5 and 6; RFC 7009.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tailnumber.errors import SignInFailed
from tailnumber.login.facts import Registration, Tokens, secure_url
from tailnumber.login.wire import Answer, Wire

_DISCOVERY: Final = "/.well-known/openid-configuration"


class OAuthError(SignInFailed):
    """The issuer's token endpoint said no; ``code`` is OAuth's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Issuer:
    """A discovered issuer, and our registration there."""

    registration: Registration
    endpoints: Mapping[str, Any]

    @classmethod
    def discover(cls, wire: Wire, registration: Registration) -> "Issuer":
        """Read the issuer's discovery document.

        Raises:
            SignInFailed: there is none, or it speaks for another issuer.
        """
        base = secure_url(registration.issuer, f"the issuer {registration.name}")
        answer = wire.get(base + _DISCOVERY)
        if not answer.ok or not answer.members:
            raise SignInFailed(
                f"The issuer {registration.name} has no discovery document ({answer.error}); "
                "ask the gateway's operator whether its URL is right."
            )
        if answer.text("issuer") != registration.issuer:
            raise SignInFailed(
                f"The discovery document of {registration.name} speaks for another issuer, "
                "so it is not used; ask the gateway's operator."
            )
        return cls(registration, answer.members)

    def endpoint(self, name: str) -> str:
        """Return an endpoint of the discovery document.

        Raises:
            SignInFailed: the issuer has none.
        """
        url = self.endpoints.get(name)
        if not isinstance(url, str):
            raise SignInFailed(
                f"The issuer {self.registration.name} has no {name}; try the other of "
                "--browser and --device, or ask the gateway's operator."
            )
        secure_url(url.partition("?")[0], f"the issuer's {name}")
        return url

    def tokens(self, wire: Wire, form: Mapping[str, str]) -> Tokens:
        """Trade a grant for tokens.

        Raises:
            OAuthError: the issuer refuses.
            SignInFailed: it does not answer, or not with a token.
        """
        sent = {"client_id": self.registration.client_id, **form}
        return self.read(wire.post(self.endpoint("token_endpoint"), sent))

    def read(self, answer: Answer) -> Tokens:
        """Return the tokens of a token endpoint's answer; see ``tokens``."""
        name = self.registration.name
        if answer.status >= 500:
            raise SignInFailed(f"The issuer {name} fails ({answer.error}); try again later.")
        if not answer.ok:
            raise OAuthError(answer.error, f"The issuer {name} refuses ({answer.reason}).")
        access_token = answer.text("access_token")
        if access_token is None or (answer.text("token_type") or "").lower() != "bearer":
            raise SignInFailed(f"The issuer {name} gave no bearer token; ask its operator.")
        return Tokens(access_token, answer.text("refresh_token"), answer.text("id_token"))

    def refresh(self, wire: Wire, refresh_token: str) -> Tokens:
        """Get new tokens for a refresh token; see ``tokens``.

        An issuer that does not rotate gives no new refresh token: the old one goes on.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        new = self.tokens(wire, form | self.registration.resource())
        return Tokens(new.access_token, new.refresh_token or refresh_token, new.id_token)

    def revoke(self, wire: Wire, refresh_token: str) -> bool:
        """Take a refresh token back; False: the issuer has no such endpoint, or refuses."""
        if not isinstance(self.endpoints.get("revocation_endpoint"), str):
            return False
        form = {
            "client_id": self.registration.client_id,
            "token": refresh_token,
            "token_type_hint": "refresh_token",
        }
        return wire.post(self.endpoint("revocation_endpoint"), form).ok
