"""Serve clients over HTTP/1.1: uvicorn with a connection that is read strictly and for a time.

Parsing is llhttp's (through httptools), which takes one framing of a body and refuses the rest:
h11 was seen to read one smuggled request as two. What is added here is time and size: a client
that sends its head or body drop by drop, or does not take its answer, is given up.
"""

import asyncio
import contextlib
import ctypes
import gc
import json
import logging
import os
import socket
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, cast
from urllib.parse import unquote

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ingress.cycle import Cycle

_log = logging.getLogger(__name__)

# A request head is whole within this time of the connection or of its own first byte, seconds.
HEAD_SECONDS: Final = 15.0
# Real clients send 1 to 3 KiB of headers; a Kerberos or cookie-laden proxy may add some.
HEAD_BYTES_MAX: Final = 64 * 1024
# A body may pause this long, and in the mean must come faster than drop by drop.
BODY_SECONDS: Final = 30.0
BODY_BYTES_PER_SECOND_MIN: Final = 4096
# How long a client may leave its answer in our buffer; it holds up nobody but itself.
TAKE_SECONDS: Final = 60.0
# Longer than a load balancer keeps an idle connection: who closes first must be the one that sends
# on it, or a request meets a closed door. Source: Google Cloud Load Balancing, "Timeouts and
# retries": 600 s to the backends, fixed.
_KEEP_ALIVE_SECONDS: Final = 620
_STOP_SECONDS: Final = 5
# New container objects until the collector looks at them; Python's own default is 700.
_GC_THRESHOLD: Final = 5_000
# uvicorn ticks ten times a second.
_TICKS_PER_SWEEP: Final = 10


class _Phase(Enum):
    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"


class ClientConnection(HttpToolsProtocol):
    """One connection of a client; ``sweep`` gives it up when it does not move."""

    transport: Any
    _hosts: int

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._watchers: set[Callable[[], None]] = set()
        self._blocked_at: float | None = None
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless it is a head without an end."""
        if self._phase is _Phase.ANSWER and self.cycle.response_complete:
            # Also before a byte of the next head: line ends alone are none of it.
            self._await_head()
        in_head = self._phase is not _Phase.BODY
        super().data_received(data)
        if in_head and self._phase is _Phase.HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._give_up(431, "The request's headers are too large.")

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        super().on_header(name, value)
        if self.headers[-1][0] == b"host":
            self._hosts += 1

    def on_headers_complete(self) -> None:
        """Start the request.

        Raises:
            ValueError: not one Host (RFC 9112 section 3.2); the parser turns it into a 400.
        """
        if self._hosts != 1 and self.parser.get_http_version() != "1.0":
            raise ValueError("not one Host header")
        method, version = self.parser.get_method(), self.parser.get_http_version()
        # CONNECT's target is an authority, which is no path; the gateway refuses the method.
        url = httptools.parse_url(b"/" if method == b"CONNECT" else self.url)
        path = url.path.decode("ascii")
        # uvicorn's type of a scope does not know what is our own in it.
        scope = cast("dict[str, Any]", self.scope)
        scope["method"] = method.decode("ascii")
        scope["http_version"] = version
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = url.path
        scope["query_string"] = url.query or b""
        # An exchange that wants to know at once that its client left; a task that asks costs more.
        scope["watchers"] = self._watchers
        # What follows CONNECT's head, or an upgrade's, would be another protocol.
        ends = method == b"CONNECT" or self.parser.should_upgrade() or version == "1.0"
        self._begin(
            Cycle(
                scope=self.scope,
                transport=self.transport,
                flow=self.flow,
                logger=self.logger,
                access_logger=self.access_logger,
                access_log=False,
                default_headers=self.server_state.default_headers,
                message_event=asyncio.Event(),
                expect_100_continue=self.expect_100_continue,
                keep_alive=not ends and self.parser.should_keep_alive(),
                on_response=self.on_response_complete,
            )
        )
        self._phase = _Phase.BODY
        self._began_at = self._moved_at = self.loop.time()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        super().on_body(body)
        self._moved_at = self.loop.time()
        self._body_bytes += len(body)

    def on_message_complete(self) -> None:
        """Wait for the answer's end, without a limit here: models think long."""
        super().on_message_complete()
        self._phase = _Phase.ANSWER

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who watches that the client is gone."""
        super().connection_lost(exc)
        for lose in tuple(self._watchers):
            lose()

    def pause_writing(self) -> None:
        """Note since when the client takes nothing."""
        super().pause_writing()
        self._blocked_at = self.loop.time()

    def resume_writing(self) -> None:
        """Note that the client takes its answer again."""
        super().resume_writing()
        self._blocked_at = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP/1.1, and close: nothing after it can be framed."""
        if self.cycle is not None and self.cycle.response_started:
            # Another request's answer is on its way: a status here would be read as its text.
            self.transport.abort()
        else:
            super().send_400_response(msg)

    def sweep(self, now: float) -> None:
        """Give the connection up if it has been too slow; ``now`` is the loop's time."""
        if self.transport.is_closing():
            # Closed by us, and still not taken: only the rest of the buffer keeps it.
            if self._blocked_at is not None and now - self._blocked_at > TAKE_SECONDS:
                self.transport.abort()
        elif self._blocked_at is not None:
            if now - self._blocked_at > TAKE_SECONDS:
                _log.info("client gave no sign of reading")
                self.transport.abort()
        elif self._phase is _Phase.HEAD:
            if now - self._began_at > HEAD_SECONDS:
                self._give_up(408, "The request's head did not come in time.")
        elif self._phase is _Phase.BODY and not self.flow.read_paused:
            # A body that was answered before its end is read only for its client's sake.
            came = 0 if self.cycle.response_complete else self._body_bytes
            allowed = BODY_SECONDS + came / BODY_BYTES_PER_SECOND_MIN
            if now - self._moved_at > BODY_SECONDS or now - self._began_at > allowed:
                self._give_up(408, "The request's body did not come in time.")

    def _begin(self, cycle: Cycle) -> None:
        """Start a request, or let it wait for the answer before it."""
        before, self.cycle = self.cycle, cycle
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _await_head(self) -> None:
        self._phase = _Phase.HEAD
        self._began_at = self._moved_at = self.loop.time()
        self._head_bytes = self._body_bytes = self._hosts = 0

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: the gateway refuses the request itself, and records that."""

    def _give_up(self, status: int, text: str) -> None:
        _log.info("client was too slow or said too much", extra={"status": status})
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(
                b"HTTP/1.1 %d %b\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n"
                b"connection: close\r\n\r\n%b"
                % (status, _PHRASES[status], len(text), text.encode("ascii"))
            )
        self.transport.close()


_PHRASES: Final = {408: b"Request Timeout", 431: b"Request Header Fields Too Large"}


class Server(uvicorn.Server):
    """A server that says where it listens once it does, and looks after slow clients."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then print the ready line, which is the command's output."""
        await super().startup(sockets)
        _settle_memory()
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            print(  # noqa: T201
                json.dumps({"ready": True, "url": f"http://{host}:{port}", "pid": os.getpid()}),
                flush=True,
            )

    async def on_tick(self, counter: int) -> bool:
        """Sweep the connections once a second."""
        if counter % _TICKS_PER_SWEEP == 0:
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, ClientConnection):
                    connection.sweep(connection.loop.time())
        return await super().on_tick(counter)


def _settle_memory() -> None:
    """Give back what the start alone needed, and take what lives for good off the collector."""
    gc.collect()
    gc.freeze()
    # A request leaves no cycles behind: looking for some seven times as seldom costs no memory.
    gc.set_threshold(_GC_THRESHOLD, *gc.get_threshold()[1:])
    with contextlib.suppress(OSError, AttributeError):  # glibc's alone
        ctypes.CDLL(None).malloc_trim(0)


def server_config(
    app: Any, *, stop_seconds: int = _STOP_SECONDS, trusted_proxies: str = ""
) -> uvicorn.Config:
    """Return how the gateway is served.

    Args:
        app: the application.
        stop_seconds: what running requests get at a stop.
        trusted_proxies: see ``Settings``; of X-Forwarded-For the last address that is none of them
            counts, since each proxy appends whom it was spoken to by.
    """
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=ClientConnection,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=stop_seconds,
    )
