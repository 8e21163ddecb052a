"""The directories of Okta, Entra ID and Google on loopback, as their documentation describes them.

One server speaks all three; small pages make every list take several requests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from loopback import Loopback
from tokens import rsa_key

PAGE = 2
API_TOKEN = "00api-token-of-okta"
CLIENT = {"client_id": "app", "client_secret": "app-secret"}
OKTA_USER = "00u1abcdefghijklm357"
TENANT = "11111111-2222-3333-4444-555555555555"
OBJECT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
ENTRA_USER = f"{TENANT}:{OBJECT}"
GOOGLE_USER = "108204268033311374519"


@dataclass
class FakeDirectory(Loopback):
    """Groups by member's id; a member may be a group (Google)."""

    groups: dict[str, list[str]] = field(default_factory=dict)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    # Path -> (status, headers, body): in place of what the directory would say.
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    next_link: str | None = None
    down: bool = False
    token: str = "directory-token-1"

    def handler(self) -> type[BaseHTTPRequestHandler]:
        return _handler(self)

    def forget(self) -> None:
        """Be as new, at the same address."""
        for kept in (self.groups, self.accounts, self.requests, self.answers):
            kept.clear()
        self.next_link, self.down, self.token = None, False, "directory-token-1"

    def google_key(self) -> str:
        """Return the JSON key of a service account that this directory lets in."""
        return json.dumps(
            {
                "type": "service_account",
                "client_email": "reader@project.iam.gserviceaccount.com",
                "private_key": rsa_key("directory").as_pem(private=True).decode(),
                "token_uri": f"{self.url}/token",
            }
        )

    def put(self, path: str, document: Any, status: int = 200, **headers: str) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.answers[path] = (status, headers, body)

    def questions(self) -> list[str]:
        """Return the paths that were asked for, without the fetching of tokens."""
        return [path for path in self.requests if not path.endswith("/token")]

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        match path.strip("/").split("/"):
            case ["api", "v1", "users", user]:
                return self._account(user, {"id": user, "status": "ACTIVE"})
            case ["api", "v1", "users", user, "groups"]:
                found, after = self._slice(user, int(query.get("after", "0")))
                own = f"{self.url}{path}"
                link = f'<{own}>; rel="self"'
                if after is not None:
                    link += f', <{self.next_link or own}?after={after}>; rel="next"'
                return 200, {"Link": link}, [{"id": "g", "profile": {"name": n}} for n in found]
            case ["v1.0", "users" | "servicePrincipals", user]:
                return self._account(user, {"accountEnabled": True})
            case ["v1.0", "users" | "servicePrincipals", user, "transitiveMemberOf", _]:
                found, after = self._slice(user, int(query.get("$skiptoken", "0")))
                document: dict[str, Any] = {"value": [{"id": name} for name in found]}
                if after is not None:
                    own = self.next_link or f"{self.url}{path}"
                    document["@odata.nextLink"] = f"{own}?$skiptoken={after}"
                return 200, {}, document
            case ["admin", "directory", "v1", "users", user]:
                return self._account(user, {"suspended": False, "archived": False})
            case ["admin", "directory", "v1", "groups"]:
                found, after = self._slice(query["userKey"], int(query.get("pageToken", "0")))
                document = {"groups": [{"email": name} for name in found]} if found else {}
                return 200, {}, document | ({"nextPageToken": str(after)} if after else {})
        return 404, {}, {}

    def grant(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        """Answer a token endpoint: Entra's client credentials, or Google's signed assertion."""
        if form["grant_type"] == "client_credentials":
            good = {name: form[name] for name in CLIENT} == CLIENT and path.startswith(f"/{TENANT}")
        else:
            claims = jwt.decode(form["assertion"], rsa_key("directory")).claims
            good = claims["aud"] == f"{self.url}/token" and claims["exp"] > claims["iat"]
            self.accounts["token"] = claims
        return (
            (200, {}, {"access_token": self.token, "expires_in": 3600}) if good else (401, {}, {})
        )

    def lets_in(self, authorization: str) -> bool:
        return authorization in {f"SSWS {API_TOKEN}", f"Bearer {self.token}"}

    def _account(self, user: str, account: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        if user not in self.groups:
            return 404, {}, {}
        return 200, {}, account | self.accounts.get(user, {})

    def _slice(self, member: str, start: int) -> tuple[list[str], int | None]:
        every = self.groups.get(member, [])
        end = start + PAGE
        return every[start:end], end if end < len(every) else None


def _handler(directory: FakeDirectory) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one packet: no wait for an acknowledgement

        def do_GET(self) -> None:
            directory.requests.append(self.path)
            if directory.down:
                self.close_connection = True
                return
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if not directory.lets_in(self.headers.get("Authorization", "")):
                self._send(401, {}, b"{}")
            elif parts.path in directory.answers:
                self._send(*directory.answers[parts.path])
            else:
                status, headers, document = directory.answer(parts.path, query)
                self._send(status, headers, json.dumps(document).encode())

        def do_POST(self) -> None:
            directory.requests.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            status, headers, document = directory.grant(self.path, form)
            self._send(status, headers, json.dumps(document).encode())

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
