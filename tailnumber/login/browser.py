"""Sign in with the browser of this machine: authorization code, PKCE, a loopback redirect.

The redirect comes to 127.0.0.1 on a port of its own, which listens until the one right answer is
there. An answer with a wrong state is turned away and waited past: any page can call the port.

Source: RFC 8252 sections 7.3 and 8; RFC 7636 (S256); RFC 9207 (iss); OpenID Connect Core 3.1.3.7.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from tailnumber.errors import SignInFailed
from tailnumber.login.facts import Tokens
from tailnumber.login.issuer import Issuer
from tailnumber.login.wire import Wire

# Long enough for a password, a second factor and a mistake in each.
WAIT_SECONDS: Final = 300.0
_PATH: Final = "/callback"
_READ_SECONDS: Final = 5.0
_ENTRA: Final = "login.microsoftonline."
_PAGE: Final = (
    "<!doctype html><meta charset=utf-8><title>Tailnumber</title>"
    "<body style='font:16px system-ui;margin:4em'><h1>{}</h1><p>{}</p>"
)


def browser_login(
    wire: Wire,
    issuer: Issuer,
    open_page: Callable[[str], None],
    wait_seconds: float = WAIT_SECONDS,
) -> Tokens:
    """Send the person's browser to the issuer and take the code that comes back.

    Args:
        wire: sends the requests.
        issuer: where the person signs in.
        open_page: shows a URL to the person, in a browser or in writing.
        wait_seconds: how long the person has.

    Raises:
        SignInFailed: they refused or took too long, or an answer is not the issuer's.
    """
    authorization = issuer.endpoint("authorization_endpoint")
    state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
    with _Listener(state) as listener:
        asked = issuer.registration.request() | {
            "response_type": "code",
            "redirect_uri": listener.redirect_uri,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
            **_consent(issuer),
        }
        separator = "&" if "?" in authorization else "?"
        open_page(f"{authorization}{separator}{urlencode(asked)}")
        answer = listener.wait(wait_seconds)
    form = {
        "grant_type": "authorization_code",
        "code": _code(issuer, answer),
        "redirect_uri": listener.redirect_uri,
        "code_verifier": verifier,
    }
    tokens = issuer.tokens(wire, form | issuer.registration.resource())
    _check_nonce(issuer, tokens, nonce)
    return tokens


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier."""
    return _base64url(hashlib.sha256(verifier.encode("ascii")).digest())


def _consent(issuer: Issuer) -> dict[str, str]:
    """Ask for the consent without which an issuer may ignore ``offline_access``.

    Entra ID needs none for it, and would show everybody a page that only an administrator may
    agree to. Source: OpenID Connect Core 1.0, section 11; learn.microsoft.com, "Refresh tokens".
    """
    host = urlsplit(issuer.registration.issuer).hostname or ""
    offline = "offline_access" in issuer.registration.scopes
    return {"prompt": "consent"} if offline and not host.startswith(_ENTRA) else {}


def _code(issuer: Issuer, answer: dict[str, str]) -> str:
    told = answer.get("iss")
    must_tell = issuer.endpoints.get("authorization_response_iss_parameter_supported") is True
    if told != issuer.registration.issuer and (told is not None or must_tell):
        raise SignInFailed("The answer came from another issuer than was asked; it is not used.")
    if answer.get("error") == "access_denied":
        raise SignInFailed("The sign-in was refused on the issuer's page; nobody is signed in.")
    if "code" not in answer:
        error = answer.get("error", "no code")[:60]
        shown = error if error.isascii() and error.isprintable() else "unreadable error"
        raise SignInFailed(f"The issuer {issuer.registration.name} refuses ({shown}).")
    return answer["code"]


def _check_nonce(issuer: Issuer, tokens: Tokens, nonce: str) -> None:
    """Refuse an ID token of another sign-in; it came from the issuer itself, so no signature."""
    if tokens.id_token is None:
        return
    claims = _claims(tokens.id_token)
    audience = claims.get("aud")
    ours = issuer.registration.client_id
    right = (
        claims.get("iss") == issuer.registration.issuer
        and (audience == ours or (isinstance(audience, list) and ours in audience))
        and hmac.compare_digest(str(claims.get("nonce")).encode(), nonce.encode())
    )
    if not right:
        raise SignInFailed("The issuer's ID token belongs to another sign-in; it is not used.")


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


class _Listener(HTTPServer):
    """Waits on 127.0.0.1 for the browser to come back."""

    # Another program may not take the port while we listen.
    allow_reuse_address = False

    def __init__(self, state: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._state = state
        self._answer: dict[str, str] | None = None
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.redirect_uri = f"http://{self.host}{_PATH}"

    def wait(self, seconds: float) -> dict[str, str]:
        """Return the members of the issuer's answer."""
        ends_at = time.monotonic() + seconds
        while self._answer is None:
            self.timeout = ends_at - time.monotonic()
            if self.timeout <= 0:
                raise SignInFailed(
                    "Nobody came back from the issuer's page in time; run tailnumber login again, "
                    "or with --device where the browser is on another machine."
                )
            self.handle_request()
        return self._answer

    def take(self, query: str) -> bool:
        """Keep the answer if it is to our question; only the first counts."""
        given = parse_qs(query, keep_blank_values=True, max_num_fields=20)
        members = {name: values[0] for name, values in given.items() if len(values) == 1}
        right = hmac.compare_digest(members.get("state", "").encode(), self._state.encode())
        if right and self._answer is None:
            self._answer = members
        return right

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a caller that is not the issuer's redirect is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    # A caller that opens a connection and sends nothing must not keep the person waiting.
    timeout = _READ_SECONDS

    def do_GET(self) -> None:
        """Answer the browser."""
        url = urlsplit(self.path)
        # Another name for this machine is a page that was led here by its DNS.
        if url.path != _PATH or self.headers.get("host") != self.server.host:
            self._page(404, "Nothing here", "This address takes one answer of your issuer.")
        elif self.server.take(url.query):
            self._page(200, "Back to the terminal", "You can close this page.")
        else:
            self._page(400, "Not this answer", "It belongs to another sign-in.")

    def _page(self, status: int, title: str, text: str) -> None:
        body = _PAGE.format(title, text).encode()
        self.send_response_only(status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.send_header("referrer-policy", "no-referrer")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing: the address of a request holds the code."""
