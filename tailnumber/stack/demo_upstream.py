"""Answer like GitHub Copilot, on loopback, for `tailnumber up --demo` and for tests.

It serves the routes of Copilot's language server and of OpenAI and Anthropic clients, with
canned but believable answers (`demo_answers`), and it takes one credential only: a caller
with any other gets 401, which proves that the gateway swaps credentials. `GET /demo/seen`
tells how often each path was called and whether a foreign credential ever came; it shows no
content. It is a stage prop: no model, no state, no limits beyond size.

    python -m tailnumber.stack.demo_upstream --port 18080 --credential VALUE

Words in the prompt (the last user message, or the inline prompt) change how it answers:

DEMO_SECRET      the answer holds a fabricated AWS key id and secret, split over deltas
DEMO_RESET       the connection is reset after a few deltas (or half a document)
DEMO_STALL       a few deltas (or nothing), then silence until the client leaves
DEMO_SLOW        200 ms between deltas
DEMO_LONG        1,000 deltas
DEMO_500         status 500
DEMO_429         status 429 with Retry-After: 2
DEMO_BROKEN_SSE  one event of the stream is broken JSON and broken UTF-8 (or the document is)
DEMO_NO_DONE     the stream ends cleanly, without its last event

Source: the shapes are what shipping clients were seen to accept; the experiments answer of
GET /telemetry must hold `Configs`, or the language server fails every completion.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import hashlib
import hmac
import json
import os
import signal
import sys
import time
from collections import Counter
from typing import Final

import uvloop

from tailnumber.stack.demo_frames import answer_for
from tailnumber.stack.demo_http import DemoConnection, Reply, Request
from tailnumber.stack.demo_prompt import Answer

DEFAULT_DELTA_SECONDS: Final = 0.012  # about what a hosted model shows: 80 deltas a second
_SLOW_DELTA_SECONDS: Final = 0.2
_FEW_DELTAS: Final = 3
_TOKEN_SECONDS: Final = 1500  # clients fetch a token with under 5 minutes left on every use
_OPEN_PATHS: Final = frozenset({"/telemetry", "/_ping", "/demo/seen"})
_CREDENTIAL_HEADERS: Final = ("authorization", "x-api-key", "api-key", "proxy-authorization")


class DemoUpstream:
    """The handler: routes, the credential check, and what was seen."""

    def __init__(self, credential: str, *, delta_seconds: float = DEFAULT_DELTA_SECONDS) -> None:
        self.url = ""
        self._credential = credential.encode()
        self._delta_seconds = delta_seconds
        self._paths: Counter[str] = Counter()
        self._unauthorized_count = 0
        self._foreign_credential_count = 0

    async def handle(self, request: Request, reply: Reply) -> None:
        """Answer one request."""
        path = request.path.partition("?")[0]
        if path == "/demo/seen":
            reply.json(self._seen())
            return
        known = self._check_credentials(request)
        if not known and path not in _OPEN_PATHS:
            self._unauthorized_count += 1
            reply.json({"message": "Bad credentials", "status": "401"}, 401)
            return
        if self._answer_plain(request.method, path, reply):
            self._paths[path] += 1
            return
        try:
            answer = answer_for(request.method, path, request.body)
        except ValueError:
            reply.json({"error": {"message": "The body is not a JSON object.", "code": "bad"}}, 400)
            return
        self._paths[path if answer else "unknown"] += 1
        if answer is None:
            reply.json({"message": "Not Found", "status": "404"}, 404)
        else:
            await self._play(answer, reply)

    def _check_credentials(self, request: Request) -> bool:
        """Tell whether our credential came; count every one that is not ours."""
        known = False
        for name in _CREDENTIAL_HEADERS:
            value = request.headers.get(name)
            if value is None:
                continue
            if self._is_ours(value.rpartition(" ")[2]):
                known = True
            else:
                self._foreign_credential_count += 1
        if "cookie" in request.headers:
            self._foreign_credential_count += 1
        return known

    def _is_ours(self, unverified: str) -> bool:
        given = unverified.encode("latin-1", "replace")
        if hmac.compare_digest(given, self._credential):
            return True
        flags, _, mac = unverified.rpartition(":")
        return hmac.compare_digest(mac.encode("latin-1", "replace"), self._mac(flags).encode())

    def _mac(self, flags: str) -> str:
        return hmac.new(self._credential, flags.encode("utf-8"), hashlib.sha256).hexdigest()

    def _seen(self) -> dict[str, object]:
        return {
            "requests": dict(self._paths),
            "request_count": self._paths.total(),
            "unauthorized_count": self._unauthorized_count,
            "foreign_credential_count": self._foreign_credential_count,
            "foreign_credential_seen": self._foreign_credential_count > 0,
        }

    def _answer_plain(self, method: str, path: str, reply: Reply) -> bool:
        match method, path:
            case "GET", "/copilot_internal/v2/token":
                reply.json(self._token())
            case "GET", "/copilot_internal/user":
                reply.json(self._user())
            case "GET", "/models" | "/v1/models":
                reply.json(MODELS)
            case "GET", "/telemetry":
                reply.json(EXPERIMENTS)
            case "POST", "/telemetry":
                reply.json({"itemsReceived": 1, "itemsAccepted": 1, "errors": []})
            case "GET", "/_ping":
                reply.json({"ok": True})
            case _:
                return False
        return True

    def _endpoints(self) -> dict[str, str]:
        return dict.fromkeys(("api", "proxy", "telemetry", "origin-tracker"), self.url)

    def _token(self) -> dict[str, object]:
        expires_at = int(time.time()) + _TOKEN_SECONDS
        flags = f"tid=demo;exp={expires_at};sku=copilot_enterprise_seat;st=dotcom;chat=1;mcp=1"
        return {
            "token": f"{flags}:{self._mac(flags)}",
            "expires_at": expires_at,
            "refresh_in": _TOKEN_SECONDS - 300,
            "sku": "copilot_enterprise_seat",
            "individual": False,
            "endpoints": self._endpoints(),
            "organization_list": ["demo"],
            "enterprise_list": [1],
            "annotations_enabled": True,
            "chat_enabled": True,
            "chat_jetbrains_enabled": True,
            "code_quote_enabled": False,
            "copilotignore_enabled": False,
            "public_suggestions": "disabled",
            "telemetry": "disabled",
            "tracking_id": "0" * 32,
            "xcode": True,
            "xcode_chat": True,
        }

    def _user(self) -> dict[str, object]:
        quota = {"entitlement": 0, "percent_remaining": 100.0, "remaining": 0, "unlimited": True}
        kinds = ("chat", "completions", "premium_interactions")
        return {
            "login": "demo",
            "access_type_sku": "copilot_enterprise_seat",
            "copilot_plan": "enterprise",
            "chat_enabled": True,
            "cli_enabled": True,
            "is_mcp_enabled": True,
            "organization_login_list": ["acme"],
            "organization_list": [{"login": "acme", "name": "Acme"}],
            "endpoints": self._endpoints(),
            "quota_snapshots": {kind: {**quota, "quota_id": kind} for kind in kinds},
        }

    async def _play(self, answer: Answer, reply: Reply) -> None:
        words = answer.words
        if "DEMO_500" in words:
            reply.json({"error": {"message": "The demo failed as asked.", "code": "demo"}}, 500)
        elif "DEMO_429" in words:
            error = {"error": {"message": "The demo is busy as asked.", "code": "rate_limited"}}
            reply.json(error, 429, ("retry-after", "2"))
        elif answer.document is not None:
            await _play_document(answer.document, words, reply)
        else:
            await self._play_stream(answer, reply)

    async def _play_stream(self, answer: Answer, reply: Reply) -> None:
        words = answer.words
        pause_seconds = _SLOW_DELTA_SECONDS if "DEMO_SLOW" in words else self._delta_seconds
        break_at = min(_FEW_DELTAS, len(answer.deltas) - 1)
        reply.start_stream()
        await reply.send(b"".join(answer.opening))
        for number, frame in enumerate(answer.deltas):
            if number == break_at:
                if "DEMO_RESET" in words:
                    reply.reset()
                    return
                if "DEMO_STALL" in words:
                    await asyncio.Event().wait()
                if "DEMO_BROKEN_SSE" in words:
                    await reply.send(b'data: {"choices":[{"delta":{"content":"\xff\xfe\n\n')
            await reply.send(frame)
            await asyncio.sleep(pause_seconds)
        await reply.send(b"".join(answer.closing))
        if "DEMO_NO_DONE" not in words:
            await reply.send(answer.last)


async def _play_document(document: dict[str, object], words: frozenset[str], reply: Reply) -> None:
    body = json.dumps(document).encode()
    if "DEMO_RESET" in words:
        reply.cut(body)
        await asyncio.sleep(0.01)  # let the half be seen before the reset
        reply.reset()
    elif "DEMO_STALL" in words:
        await asyncio.Event().wait()
    elif "DEMO_BROKEN_SSE" in words:
        reply.raw(body[: len(body) // 2] + b"\xff", "application/json")
    else:
        if "DEMO_SLOW" in words:
            await asyncio.sleep(_SLOW_DELTA_SECONDS)
        reply.raw(body, "application/json; charset=utf-8")


def _model(
    name: str, vendor: str, kind: str, endpoints: list[str], *, default: bool = False
) -> dict[str, object]:
    return {
        "id": name,
        "object": "model",
        "name": name,
        "vendor": vendor,
        "version": name,
        "preview": False,
        "model_picker_enabled": kind == "chat",
        "is_chat_default": default,
        "is_chat_fallback": default,
        "billing": {"is_premium": False, "multiplier": 0},
        "policy": {"state": "enabled", "terms": ""},
        "supported_endpoints": endpoints or None,
        "capabilities": {
            "family": name,
            "object": "model_capabilities",
            "tokenizer": "o200k_base",
            "type": kind,
            "limits": {
                "max_context_window_tokens": 128_000,
                "max_output_tokens": 16_384,
                "max_prompt_tokens": 111_424,
            },
            "supports": {
                "streaming": True,
                "tool_calls": True,
                "parallel_tool_calls": True,
                "vision": False,
            },
        },
    }


MODELS: Final = {
    "object": "list",
    "data": [
        _model("gpt-4.1", "Azure OpenAI", "chat", ["/chat/completions"], default=True),
        _model("gpt-5-mini", "Azure OpenAI", "chat", ["/chat/completions", "/responses"]),
        _model("gpt-5.4", "OpenAI", "chat", ["/responses"]),
        _model("claude-sonnet-4.6", "Anthropic", "chat", ["/chat/completions", "/v1/messages"]),
        _model("gpt-41-copilot", "Azure OpenAI", "completion", []),
        _model("text-embedding-3-small", "Azure OpenAI", "embeddings", []),
    ],
}
EXPERIMENTS: Final = {
    "Features": [],
    "Flights": {},
    "Configs": [{"Id": "vscode", "Parameters": {}}],
    "ParameterGroups": [],
    "FlightingVersion": 1,
    "ImpressionId": "0",
    "AssignmentContext": "",
}


async def serve(upstream: DemoUpstream, port: int, stop: asyncio.Event) -> None:
    """Serve on 127.0.0.1 until `stop` is set, then drop every connection.

    Prints one JSON line when ready. Port 0 takes any free one.

    Raises:
        OSError: the port cannot be bound.
    """
    loop = asyncio.get_running_loop()
    connections: set[DemoConnection] = set()
    server = await loop.create_server(
        lambda: DemoConnection(upstream.handle, connections), "127.0.0.1", port
    )
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(json.dumps({"ready": True, "url": upstream.url}), flush=True)
    await stop.wait()
    server.close()
    for connection in list(connections):
        connection.close()
    await server.wait_closed()
    await asyncio.sleep(0)  # let cancelled answers end


async def _run(upstream: DemoUpstream, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(upstream, port, stop)


def main(arguments: list[str] | None = None) -> int:
    """Run the demo upstream; return 0 after SIGTERM or SIGINT, 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m tailnumber.stack.demo_upstream")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1, 0 for any")
    parser.add_argument(
        "--credential",
        default=os.environ.get("TAILNUMBER_DEMO_CREDENTIAL", ""),
        help="the one credential that is accepted (or TAILNUMBER_DEMO_CREDENTIAL)",
    )
    parser.add_argument("--delta-seconds", type=float, default=DEFAULT_DELTA_SECONDS)
    options = parser.parse_args(arguments)
    if not options.credential:
        parser.error("give --credential or TAILNUMBER_DEMO_CREDENTIAL")
    if not 0 <= options.port <= 65535:
        parser.error("--port is a number from 0 to 65535")
    upstream = DemoUpstream(options.credential, delta_seconds=options.delta_seconds)
    try:
        uvloop.run(_run(upstream, options.port))
    except OSError as error:
        busy = error.errno == errno.EADDRINUSE
        reason = "is in use; choose another with --port" if busy else "cannot be opened"
        print(f"The demo upstream's port {options.port} {reason}.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
