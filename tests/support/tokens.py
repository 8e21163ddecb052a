"""An OIDC issuer that a test holds in its hand: keys, tokens good and bad, and a server for both.

The tokens are put together by hand, so that also those can be made that no library would write.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, Key, RSAKey
from loopback import Loopback

AUDIENCE = "https://gateway.example/api"
KEY_ID = "k1"


@cache
def rsa_key(name: str = "issuer") -> RSAKey:
    """Return the RSA key of that name; made once per test run, as it takes 0.1 s."""
    del name
    return RSAKey.generate_key(2048, auto_kid=False)


@cache
def ec_key(name: str = "issuer") -> ECKey:
    del name
    return ECKey.generate_key("P-256", auto_kid=False)


def published(key: Key, key_id: str = KEY_ID, **more: Any) -> dict[str, Any]:
    """Return a key as a member of a JWKS."""
    return {**key.as_dict(private=False), "kid": key_id, "use": "sig", **more}


def segment(value: Any) -> str:
    """Write one part of a token; text and bytes stay as they are."""
    raw = value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else None
    raw = json.dumps(value).encode() if raw is None else raw
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: Any, claims: Any, key: Key, algorithm: str) -> str:
    """Sign exactly these bytes, whatever they say."""
    signing_input = f"{segment(header)}.{segment(claims)}"
    signature = jws.JWSRegistry.algorithms[algorithm].sign(signing_input.encode(), key)
    return f"{signing_input}.{segment(signature)}"


@dataclass
class Idp(Loopback):
    """An issuer on loopback; ``answers`` maps a path to (status, headers, body)."""

    key: Key = field(default_factory=rsa_key)
    key_id: str = KEY_ID
    algorithm: str = "RS256"
    requests: list[str] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    down: bool = False

    def handler(self) -> type[BaseHTTPRequestHandler]:
        return _handler(self)

    def open(self) -> None:
        self.issuer = f"{self.url}/realm"
        self.publish(published(self.key, self.key_id))

    def publish(self, *keys: dict[str, Any], **discovery: Any) -> None:
        document = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **discovery}
        self.put("/realm/.well-known/openid-configuration", document)
        self.put("/realm/keys", {"keys": list(keys)})

    def put(self, path: str, document: Any, status: int = 200, **headers: str) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.answers[path] = (status, headers, body)

    def rotate(self, key_id: str) -> None:
        """Sign with a new key, and publish it alone."""
        self.key, self.key_id = rsa_key(key_id), key_id
        self.publish(published(self.key, key_id))

    def fetches(self) -> int:
        return self.requests.count("/realm/keys")

    def token(self, now: float, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return an access token; a claim or member that is None is left out."""
        all_claims = {**good_claims(self.issuer, now), **claims}
        all_header = {"alg": self.algorithm, "typ": "at+jwt", "kid": self.key_id, **(header or {})}
        return signed(
            _without_none(all_header), _without_none(all_claims), self.key, self.algorithm
        )


def good_claims(issuer: str, now: float) -> dict[str, Any]:
    return {
        "iss": issuer,
        "sub": "ada",
        "aud": AUDIENCE,
        "iat": int(now) - 10,
        "exp": int(now) + 300,
        "client_id": "cli",
        "jti": "1",
        "groups": ["engineering"],
        "email": "ada@corp.example",
    }


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _handler(idp: Idp) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            idp.requests.append(self.path)
            if idp.down:
                self.close_connection = True
                return
            status, headers, body = idp.answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
