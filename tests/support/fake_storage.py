"""Cloud Storage's JSON API on loopback, as much of it as Beam's launcher and readers ask for.

Google's client finds it by ``STORAGE_EMULATOR_HOST``; the same server hands out tokens to a made-up
service account, so that nothing looks for real credentials.
"""

from __future__ import annotations

import base64
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c
from loopback import Loopback
from tokens import rsa_key


class FakeStorage(Loopback):
    """Objects by ``bucket/name``; ``asked`` is each request's method and path, in order."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.asked: list[str] = []

    def handler(self) -> type[BaseHTTPRequestHandler]:
        return _handler(self)

    def environment(self, folder: Path) -> dict[str, str]:
        """Return what a child process needs to come here and nowhere else."""
        credentials = folder / "credentials.json"
        account = {
            "type": "service_account",
            "project_id": "acme-audit",
            "client_email": "loader@acme-audit.iam.gserviceaccount.com",
            "private_key": rsa_key("storage").as_pem(private=True).decode(),
            "token_uri": f"{self.url}/token",
        }
        credentials.write_text(json.dumps(account))
        return {
            "STORAGE_EMULATOR_HOST": self.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
            "NO_GCE_CHECK": "true",
        }

    def answer(self, method: str, url: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body."""
        address = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.asked.append(f"{method} {address.path}")
        match [unquote(step) for step in address.path.strip("/").split("/")]:
            case ["token"]:
                return _json({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})
            case ["upload", "storage", "v1", "b", bucket, "o"]:
                return self._upload(bucket, query, body)
            case ["upload", bucket, *name]:
                self.objects[f"{bucket}/{'/'.join(name)}"] = body
                return _json(self._resource(bucket, "/".join(name)))
            case ["storage", "v1", "b", bucket]:
                return _json({"name": bucket, "id": bucket, "location": "EUROPE-WEST1"})
            case ["storage", "v1", "b", bucket, "o"]:
                return _json({"items": self._listed(bucket, query.get("prefix", ""))})
            case ["storage" | "download", *_, "b", bucket, "o", name]:
                return self._object(bucket, name, is_media=query.get("alt") == "media")
        return _json({"error": {"code": 404}}, 404)

    def _upload(
        self, bucket: str, query: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        name = query.get("name") or json.loads(body)["name"]
        return 200, {"Location": f"{self.url}/upload/{bucket}/{name}"}, b"{}"

    def _object(
        self, bucket: str, name: str, *, is_media: bool
    ) -> tuple[int, dict[str, str], bytes]:
        data = self.objects.get(f"{bucket}/{name}")
        if data is None:
            return _json({"error": {"code": 404}}, 404)
        return (200, {}, data) if is_media else _json(self._resource(bucket, name))

    def _listed(self, bucket: str, prefix: str) -> list[dict[str, Any]]:
        start = f"{bucket}/"
        names = [key.removeprefix(start) for key in self.objects if key.startswith(start + prefix)]
        return [self._resource(bucket, name) for name in sorted(names)]

    def _resource(self, bucket: str, name: str) -> dict[str, Any]:
        data = self.objects[f"{bucket}/{name}"]
        made = "2026-11-20T09:15:27.118Z"
        return {
            "name": name,
            "bucket": bucket,
            "size": str(len(data)),
            "crc32c": base64.b64encode(google_crc32c.value(data).to_bytes(4)).decode(),
            "generation": "1",
            "updated": made,
            "timeCreated": made,
        }


def _json(document: dict[str, Any], status: int = 200) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


def _handler(storage: FakeStorage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, data = storage.answer(self.command, self.path, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - http.server's names

    return Handler
