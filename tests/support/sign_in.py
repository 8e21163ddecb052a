"""An issuer and a gateway to sign in at, on loopback, that do what a test tells them to.

The issuer keeps the rules that a client can break: PKCE, redirect URI, one use of a code and of a
refresh token. Its access tokens are real ones, so that a real gateway takes them too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from loopback import Loopback
from tokens import KEY_ID, good_claims, published, rsa_key, segment, signed

CLIENT_ID = "tailnumber-cli"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

Reply = tuple[int, Any]


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    form: dict[str, str]
    authorization: str | None


@dataclass
class Site(Loopback):
    """A server; ``routes`` answer, and what is queued in ``instead`` goes before them."""

    asked: list[Asked] = field(default_factory=list)
    instead: dict[str, list[Reply]] = field(default_factory=dict)
    down: bool = False
    routes: dict[tuple[str, str], Callable[[Asked], Reply]] = field(default_factory=dict)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        return _handler(self)

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if queued := self.instead.get(asked.path):
            return queued.pop(0)
        route = self.routes.get((asked.method, asked.path))
        return route(asked) if route else (404, {})

    def forms(self, path: str) -> list[dict[str, str]]:
        return [asked.form for asked in self.asked if asked.path == path]


class FakeIssuer(Site):
    """An OIDC issuer with device flow, authorization code and rotating refresh tokens."""

    def open(self) -> None:
        rsa_key()  # made here, once: the threads that answer would each make one
        self.issuer = f"{self.url}/realm"
        self.discovery: dict[str, Any] = {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/keys",
            "authorization_endpoint": f"{self.issuer}/authorize",
            "device_authorization_endpoint": f"{self.issuer}/device",
            "token_endpoint": f"{self.issuer}/token",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "authorization_response_iss_parameter_supported": True,
        }
        self.device: dict[str, Any] = {
            "device_code": "device-code-nobody-sees",
            "user_code": "WDJB-MJHT",
            "verification_uri": f"{self.issuer}/activate",
            "verification_uri_complete": f"{self.issuer}/activate?user_code=WDJB-MJHT",
            "expires_in": 600,
            "interval": 0.01,
        }
        self.claims: dict[str, Any] = {}
        self.more_members: dict[str, Any] = {}
        self.refresh_token = "refresh-0"
        self.revoked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self.routes = {
            ("GET", "/realm/.well-known/openid-configuration"): lambda _: (200, self.discovery),
            ("GET", "/realm/keys"): lambda _: (200, {"keys": [published(rsa_key())]}),
            ("POST", "/realm/device"): lambda _: (200, self.device),
            ("POST", "/realm/token"): self._token,
            ("POST", "/realm/revoke"): self._revoke,
        }

    def registration(self, **changed: Any) -> dict[str, Any]:
        """Return what a gateway says of this issuer."""
        return {
            "name": "corp",
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "scopes": ["openid", "offline_access"],
            "flows": ["device", "browser"],
            "audience": "https://gateway.example/api",
            **changed,
        }

    def browse(self, url: str, **changed: str | None) -> httpx.Response:
        """Play the browser of somebody who signs in; members of the answer can be changed."""
        asked = dict(parse_qsl(urlsplit(url).query))
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.issuer, **changed}
        kept = {name: value for name, value in answer.items() if value is not None}
        return httpx.get(f"{asked['redirect_uri']}?{urlencode(kept)}")

    def access_token(self) -> str:
        claims = {**good_claims(self.issuer, time.time()), **self.claims}
        return signed({"alg": "RS256", "typ": "at+jwt", "kid": KEY_ID}, claims, rsa_key(), "RS256")

    def _token(self, asked: Asked) -> Reply:
        form = asked.form
        nonce = None
        match form.get("grant_type"):
            case "authorization_code":
                wanted = self._codes.pop(form["code"], {})
                if not _is_for(wanted, form):
                    return 400, {"error": "invalid_grant"}
                nonce = wanted["nonce"]
            case "refresh_token" if form.get("refresh_token") != self.refresh_token:
                return 400, {"error": "invalid_grant", "error_description": "used\x1b[31m up"}
            case "refresh_token" | _ if form.get("client_id") != CLIENT_ID:
                return 401, {"error": "invalid_client"}
        self.refresh_token = f"refresh-{int(self.refresh_token[8:]) + 1}"
        answer = {
            "access_token": self.access_token(),
            "token_type": "Bearer",
            "expires_in": 300,
            "refresh_token": self.refresh_token,
        }
        if nonce is not None:
            claims = {"iss": self.issuer, "aud": CLIENT_ID, "nonce": nonce}
            answer["id_token"] = f"{segment({'alg': 'RS256'})}.{segment(claims)}.{segment('x')}"
        return 200, {**answer, **self.more_members}

    def _revoke(self, asked: Asked) -> Reply:
        self.revoked.append(asked.form["token"])
        return 200, {}


class FakeGateway(Site):
    """The part of a gateway that signs in; ``lifetime_seconds`` is its keys'."""

    def open(self) -> None:
        self.issuers: list[dict[str, Any]] = []
        self.lifetime_seconds = 3600
        self.keys: list[str] = []
        self.revoked: list[str] = []
        self.models: list[dict[str, Any]] = [
            {"id": "gpt-4.1", "name": "GPT-4.1", "capabilities": {"type": "chat"}}
        ]
        self.routes = {
            ("GET", "/api/v1/login"): lambda _: (200, {"issuers": self.issuers}),
            ("POST", "/oauth/token"): self._exchange,
            ("GET", "/models"): lambda _: (200, {"data": self.models}),
        }

    def reply(self, asked: Asked) -> Reply:
        if asked.method == "DELETE" and asked.authorization == f"Bearer {self.keys[-1]}":
            self.revoked.append(asked.path.rpartition("/")[2])
            return 200, {}
        return super().reply(asked)

    def _exchange(self, asked: Asked) -> Reply:
        if asked.form.get("grant_type") != TOKEN_EXCHANGE:
            return 400, {"error": "unsupported_grant_type"}
        self.keys.append(f"tnk_key{len(self.keys):05}_{'s' * 32}_check0")
        lifetime = {"expires_in": self.lifetime_seconds}
        return 200, {"access_token": self.keys[-1], "token_type": "Bearer", **lifetime}


class MemoryKeyring:
    """A keyring; ``refuses`` makes it one that is locked."""

    def __init__(self) -> None:
        self.secrets: dict[tuple[str, str], str] = {}
        self.refuses = False

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.secrets.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.secrets[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        del self.secrets[service, username]

    def _check(self) -> None:
        if self.refuses:
            raise RuntimeError("the collection is locked")


def _is_for(asked: dict[str, str], form: dict[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return (
        asked.get("code_challenge_method") == "S256"
        and asked.get("code_challenge") == challenge
        and asked.get("redirect_uri") == form.get("redirect_uri")
        and asked.get("client_id") == form.get("client_id") == CLIENT_ID
    )


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_DELETE(self) -> None:
            self._serve()

        def _serve(self) -> None:
            if site.down:
                self.close_connection = True
                return
            length = int(self.headers.get("content-length") or 0)
            form = dict(parse_qsl(self.rfile.read(length).decode()))
            path = self.path.partition("?")[0]
            asked = Asked(self.command, path, form, self.headers.get("authorization"))
            status, document = site.reply(asked)
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
