"""A real gateway on loopback, in a thread of the test: uvicorn, journal, secrets and keys.

What it publishes goes to a ``FakeTransport``; every message read back here is parsed with the
strict models of ``schemas``, so that each test that looks at an event also checks the contract.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest
import uvloop
from fake_transport import FakeTransport

import ingress.app
from ingress.control.store import open_sqlite
from ingress.identity.keys import KeyStore, LocalIssuer
from ingress.recording.files import FileOps
from ingress.recording.journal import Journal
from ingress.sealing import ContentKeys, Opener
from ingress.secrets import TenantSecrets
from ingress.server import Server, server_config
from ingress.settings import Settings
from ingress.upstream.client import UpstreamClient, UpstreamLimits
from ingress.upstream.credentials import CredentialStore
from schemas.message import Message, parse_message

CREDENTIAL = "upstream-credential-nobody-may-see"
AZURE_CREDENTIAL = "azure-credential-nobody-may-see"
SECRET = "zk_live_q7Wm2Xc9Vb4Nn8Rt"
RULES = r"""
[[rules]]
id = "test-key"
description = "the one kind of secret that these tests know"
regex = '''\b(zk_live_[0-9A-Za-z]{16})\b'''
keywords = ["zk_live_"]
"""
POLICY = """\
version: 1
connections:
  copilot: {{kind: copilot, upstream: "http://127.0.0.1:{port}", credential: secret/copilot}}
  passing: {{kind: http, upstream: "http://127.0.0.1:{port}/prefix", unknown_paths: pass}}
  azure: {{kind: azure, upstream: "http://127.0.0.1:{port}", credential: secret/azure}}
  unset: {{kind: openai, upstream: "http://127.0.0.1:{port}", credential: secret/unset}}
  nowhere: {{kind: openai, upstream: "http://127.0.0.1:1"}}
masking: {{rules: [tiny.toml]}}
rules:
  - {{id: no-contractors, when: "'contractors' in principal.groups", effect: deny, message: "Contractors may not ask here."}}
  - {{id: live, when: "'bracketed' in principal.groups", effect: allow, assurance: bracket}}
  - {{id: engineers, when: "'engineering' in principal.groups", effect: allow}}
"""


@dataclass
class Answer:
    """What a client got: ``pieces`` are the body as it came, with times."""

    status: int
    headers: dict[str, str]
    pieces: list[tuple[float, bytes]]
    cut: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(piece for _, piece in self.pieces)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def prepare(root: Path, port: int, policy: str = "", **settings: Any) -> Settings:
    """Write policy, rules and credential; return the settings of a gateway on them."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "policy.yaml").write_text((policy or POLICY).format(port=port))
    (root / "tiny.toml").write_text(RULES)
    data = root / "data"
    data.mkdir(exist_ok=True)
    tenant = TenantSecrets.load_or_create(data / "secrets")
    store = CredentialStore(data / "secrets" / "credentials.json", tenant.kek)
    store.put("copilot", CREDENTIAL)
    store.put("azure", AZURE_CREDENTIAL)
    defaults: dict[str, Any] = {
        "data_dir": data,
        "policy_file": root / "policy.yaml",
        "port": 0,
        "journal_free_bytes_min": 0,
        "masking_engine": "portable",
    }
    return Settings(**{**defaults, **settings})


class Reading:
    """What an auditor with the tenant's keys reads of a data directory."""

    def __init__(self, data: Path) -> None:
        self.engine = open_sqlite(data / "control.db")
        self.tenant = TenantSecrets.load_or_create(data / "secrets")
        keys = ContentKeys(self.engine, self.tenant.kek, self.tenant.subkey("content-key"))
        self.opener = Opener(keys)

    def texts(self, messages: list[bytes]) -> dict[str, str]:
        """Return part id -> text of every sealed text in the messages."""
        return {
            item["part_id"]: self.opener.open(
                item["key_id"],
                base64.b64decode(item["ciphertext"]),
                item["part_id"].encode(),
            ).decode()
            for data in messages
            for item in json.loads(data).get("contents", ())
        }

    def key(self, user: str, *groups: str) -> str:
        issuer = LocalIssuer(KeyStore(self.engine))
        return issuer.mint(user, now=datetime.now(UTC), groups=groups or ("engineering",))[1]

    def close(self) -> None:
        self.engine.dispose()


class RunningGateway:
    """One gateway; use as a context manager."""

    def __init__(
        self,
        root: Path,
        upstream_port: int,
        *,
        files: FileOps | None = None,
        limits: UpstreamLimits | None = None,
        **settings: Any,
    ) -> None:
        self.settings = prepare(root, upstream_port, **settings)
        self.transport = FakeTransport()
        self._files = files
        self._limits = limits
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self.reading = Reading(self.settings.data_dir)
        self.key = self.reading.key("ada")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ingress.app, "PubSubTransport", lambda *_, **__: self.transport)
            patch.setattr(ingress.app, "Journal", partial(Journal, files=self._files))
            patch.setattr(ingress.app, "UpstreamClient", partial(UpstreamClient, self._limits))
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
            assert self._ready.wait(15), "the gateway did not start"
        assert self.app.parts is not None
        self.parts = self.app.parts
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(15)
        self.reading.close()
        assert not self._thread.is_alive()

    def _run(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = listener.getsockname()[1]
        self.app = ingress.app.create_app(self.settings)
        proxies = self.settings.trusted_proxies
        self._server = Server(server_config(self.app, stop_seconds=2, trusted_proxies=proxies))

        async def serve() -> None:
            task = asyncio.ensure_future(self._server.serve([listener]))
            while not self._server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.005)
            self._ready.set()
            await task

        with listener:
            uvloop.run(serve())

    # ---- as a client ----

    def ask(
        self,
        body: Any = None,
        path: str = "/chat/completions",
        *,
        method: str = "POST",
        session: str = "s",
        key: str | None = None,
        scenario: str | None = None,
        headers: dict[str, str] | None = None,
        stop_after: bytes | None = None,
    ) -> Answer:
        """Send a request and read its answer as it comes; ``stop_after`` leaves in the middle."""
        sent = {"x-session-id": session, "x-scenario": scenario or session, **(headers or {})}
        if key != "":
            sent["authorization"] = f"Bearer {key or self.key}"
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request(method, path, data, sent)
            return _receive(connection.getresponse(), stop_after)
        finally:
            connection.close()

    def chat(self, text: str, *, stream: bool = False, **more: Any) -> Answer:
        messages = [{"role": "user", "content": text}]
        return self.ask({"model": "gpt-x", "stream": stream, "messages": messages}, **more)

    def raw(self, data: bytes, seconds: float = 3.0, pause_seconds: float = 0.3) -> bytes:
        """Send bytes as they are; return what comes until the end or a pause after something."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(data)
            got = b""
            try:
                while piece := connection.recv(65536):
                    got += piece
                    connection.settimeout(pause_seconds)
            except (TimeoutError, ConnectionError):
                pass
            return got

    # ---- as an auditor ----

    def messages(self) -> list[Message]:
        return [parse_message(data) for data in self.events_raw()]

    def events_raw(self) -> list[bytes]:
        return [m.data for m in list(self.transport.taken) if m.kind == "event"]

    def events(self, session: str, *ends: str, seconds: float = 15.0) -> list[Any]:
        """Return the session's events once the last one of the given types is there."""
        wanted = set(ends or ("interaction.completed", "interaction.failed", "interaction.blocked"))
        deadline = time.monotonic() + seconds
        while True:
            found = [
                parse_message(data).event
                for data in self.events_raw()
                if json.loads(data)["record"].get("session_id") == session
            ]
            if found and found[-1].event_type in wanted:
                return found
            assert time.monotonic() < deadline, [event.event_type for event in found]
            time.sleep(0.01)

    def only_end(self, session: str) -> Any:
        """Return the one event that ended the session's one interaction."""
        first, *rest = self.events(session)
        if not rest:
            return first
        assert first.event_type == "interaction.requested"
        (end,) = rest
        return end

    def denied(self, user_agent: str, seconds: float = 15.0) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for data in self.events_raw():
                record = json.loads(data)["record"]
                if record.get("client", {}).get("user_agent") == user_agent:
                    return parse_message(data).event
            time.sleep(0.01)
        raise AssertionError("no access.denied event")

    def key_events(self, key_id: str, *types: str, seconds: float = 15.0) -> list[Any]:
        """Return the events of a gateway key once they are exactly of these types, in order."""
        deadline = time.monotonic() + seconds
        while True:
            events = [message.event for message in self.messages()]
            found = [e for e in events if getattr(e, "gateway_key_id", None) == key_id]
            if [event.event_type for event in found] == [*types]:
                return found
            assert time.monotonic() < deadline, [event.event_type for event in found]
            time.sleep(0.02)

    def events_of(self, event_type: str, count: int = 1, seconds: float = 15.0) -> list[Any]:
        """Return the events of a type once there are so many."""
        deadline = time.monotonic() + seconds
        while True:
            events = [m.event for m in self.messages() if m.event.event_type == event_type]
            if len(events) >= count:
                return events
            assert time.monotonic() < deadline, f"{len(events)} {event_type}"
            time.sleep(0.02)

    def text_of(self, part_ids: Any) -> list[str]:
        texts = self.reading.texts([m.data for m in list(self.transport.taken)])
        return [texts[part_id] for part_id in part_ids]


def _receive(response: http.client.HTTPResponse, stop_after: bytes | None) -> Answer:
    answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, [])
    try:
        while piece := response.read1(65536):
            answer.pieces.append((time.monotonic(), piece))
            if stop_after is not None and stop_after in answer.body:
                break
    except (http.client.IncompleteRead, ConnectionError):
        answer.cut = True
    finally:
        response.close()
    return answer


@contextmanager
def stalled(files: Any) -> Iterator[None]:
    """Let every sync hang for as long as the block runs."""
    files.hung.clear()
    try:
        yield
    finally:
        files.hung.set()
