"""Serve HTTP/1.1 on loopback for the demo upstream, with control over how an answer ends.

An application server hides the socket; this one lets a handler reset the connection or
leave a stream without its end, which is what the demo is for. One request at a time per
connection, keep-alive, bounded bodies. Not a server for anything but a demo.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, cast

import httptools
import orjson

# The largest prompt that a real client was seen to send is about 100 KiB.
MAX_BODY_BYTES: Final = 16 * 1024 * 1024

_REASONS: Final = {200: b"OK", 400: b"Bad Request", 401: b"Unauthorized", 404: b"Not Found"}


@dataclass(slots=True)
class Request:
    """A whole request: lower-case header names, body in memory."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    keep_alive: bool = True


class Reply:
    """What a handler answers with: a whole body, or a stream that it may break on purpose."""

    def __init__(
        self, transport: asyncio.Transport, writable: asyncio.Event, request_id: str
    ) -> None:
        self._transport = transport
        self._writable = writable
        self._streaming = False
        self.started = False
        self.broken = False
        github_id = uuid.uuid4().hex.upper()
        self._ids = [
            ("x-request-id", request_id),
            ("x-github-request-id", f"{github_id[:4]}:{github_id[4:9]}:{github_id[9:16]}:DEMO"),
        ]

    def json(self, document: object, status: int = 200, *extra: tuple[str, str]) -> None:
        """Answer with a JSON document."""
        self.raw(orjson.dumps(document), "application/json; charset=utf-8", status, *extra)

    def raw(
        self, body: bytes, content_type: str, status: int = 200, *extra: tuple[str, str]
    ) -> None:
        """Answer with bytes."""
        length = ("content-length", str(len(body)))
        self._head(status, ("content-type", content_type), length, *extra)
        self._transport.write(body)

    def cut(self, body: bytes) -> None:
        """Announce a body, send half of it, and reset the connection."""
        length = ("content-length", str(len(body)))
        self._head(200, ("content-type", "application/json"), length)
        self._transport.write(body[: len(body) // 2])

    def start_stream(self) -> None:
        """Begin an answer of server-sent events."""
        self._streaming = True
        self._head(
            200,
            ("content-type", "text/event-stream; charset=utf-8"),
            ("cache-control", "no-cache"),
            ("transfer-encoding", "chunked"),
        )

    async def send(self, data: bytes) -> None:
        """Send a piece of a stream; wait while the client reads slower than it comes."""
        if data:  # an empty chunk would end the stream
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writable.wait()

    def end(self) -> None:
        """End a stream as HTTP asks."""
        if self._streaming and not self.broken:
            self._transport.write(b"0\r\n\r\n")

    def reset(self) -> None:
        """Reset the connection (RST): the client sees an error, not an end."""
        self.broken = True
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _head(self, status: int, *headers: tuple[str, str]) -> None:
        self.started = True
        lines = [b"HTTP/1.1 %d %b" % (status, _REASONS.get(status, b"Demo"))]
        lines += [f"{name}: {value}".encode("latin-1") for name, value in (*headers, *self._ids)]
        self._transport.write(b"\r\n".join(lines) + b"\r\n\r\n")


Handler = Callable[[Request, Reply], Awaitable[None]]


class DemoConnection(asyncio.Protocol):
    """Parse requests and hand them to the handler, one after another."""

    def __init__(self, handler: Handler, connections: set[DemoConnection]) -> None:
        self._handler = handler
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request("", "")
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None

    def close(self) -> None:
        """Drop the connection and whatever it is answering."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Stop answering a client that left."""
        self._connections.discard(self)
        self._writable.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """Hold the stream."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let the stream go on."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Parse; refuse what is not HTTP or too large by closing."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.close()

    # httptools

    def on_message_begin(self) -> None:
        """Start a request."""
        self._request = Request("", "")
        self._body.clear()
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Collect the target."""
        self._request.path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; of several the last wins."""
        self._request.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Note method and persistence; let a client that asks send its body."""
        self._request.method = self._parser.get_method().decode("ascii")
        self._request.keep_alive = self._parser.should_keep_alive()
        expects = self._request.headers.get("expect", "").lower() == "100-continue"
        if expects and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Collect the body up to its limit."""
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            raise ValueError("the request's body is over the limit")
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Queue the request and answer it when its turn comes."""
        self._request.body = b"".join(self._body)
        self._waiting.append(self._request)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._answer_all())

    async def _answer_all(self) -> None:
        transport = self._transport
        while self._waiting and transport is not None and not transport.is_closing():
            request = self._waiting.popleft()
            request_id = request.headers.get("x-request-id") or str(uuid.uuid4())
            reply = Reply(transport, self._writable, request_id)
            try:
                await self._handler(request, reply)
            except BaseException:
                transport.abort()  # never leave a client waiting for an answer that broke
                raise
            reply.end()
            if not request.keep_alive:
                transport.close()
        self._task = None
