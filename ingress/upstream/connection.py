"""One socket to an upstream: write a request, parse the answer, keep it bounded.

`Connection` is the asyncio protocol with an incremental parser; `Exchange` is one answer as
it arrives (head, body parts, end or error). A connection carries one exchange at a time and
reports to its pool when the exchange is over. It follows no redirect, decodes no content
coding and retries nothing; `client` decides about retries. Called by `pool` and `client`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import httptools

from ingress.errors import UpstreamError, UpstreamProtocolError, UpstreamReset, UpstreamTimeout

# Reading stops above the first and goes on below the second: one slow client may hold this
# much of an answer in memory, no more.
PAUSE_ABOVE_BYTES: Final = 256 * 1024
RESUME_BELOW_BYTES: Final = 64 * 1024

# Below this size head and body are joined for one write: one system call instead of two.
_JOIN_BELOW_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamLimits:
    """Every wait and every size is bounded; each default says why it is what it is."""

    connect_seconds: float = 5.0  # name, TCP and TLS; a healthy upstream takes under 0.3
    pool_seconds: float = 5.0  # wait for a free connection when all are busy
    first_byte_seconds: float = 120.0  # request written until the head is complete; models think
    idle_seconds: float = 300.0  # between body bytes, while somebody waits for them
    max_connections_per_origin: int = 512
    keepalive_seconds: float = 30.0  # below the 60-75 s after which common servers close
    max_header_bytes: int = 64 * 1024  # heads, trailers and chunk framing without body alike


class Exchange:
    """One answer as it arrives; filled by its connection, drained by one reader."""

    __slots__ = (
        "_buffered_bytes",
        "_connection",
        "_loop",
        "_parts",
        "_waiter",
        "complete",
        "error",
        "head_only",
        "headers",
        "status",
    )

    def __init__(
        self, connection: Connection, loop: asyncio.AbstractEventLoop, *, head_only: bool
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._parts: list[bytes] = []
        self._buffered_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self.head_only = head_only
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False
        self.error: UpstreamError | None = None

    @property
    def finished(self) -> bool:
        """True when nothing more will come: the body is complete or the exchange failed."""
        return self.complete or self.error is not None

    @property
    def readable(self) -> bool:
        """True when ``next_part`` would not wait."""
        return bool(self._parts) or self.finished

    async def wait_head(self) -> None:
        """Wait until status and headers stand.

        Raises:
            UpstreamError: they will not come.
        """
        while not self.status:
            if self.error is not None:
                raise self.error
            await self._wait(self._connection.limits.first_byte_seconds)

    async def next_part(self) -> bytes:
        """Return what has arrived since the last call, waiting for at least one byte.

        Returns b"" at the end of a complete body. What arrived before a failure is handed
        out first.

        Raises:
            UpstreamError: the body ended before its time, or stalled.
        """
        while not self._parts:
            if self.complete:
                return b""
            if self.error is not None:
                raise self.error
            await self._wait(self._connection.limits.idle_seconds)
        parts = self._parts
        part = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._buffered_bytes = 0
        self._connection.resume_if_paused(self)
        return part

    def abort(self) -> None:
        """Close the connection unless the answer is complete; forget what was not read."""
        given_up = UpstreamReset("the exchange was given up by the caller")
        if not self.finished:
            self._connection.abort(given_up)
        elif self._parts:
            self.complete, self.error = False, given_up
        self._parts.clear()

    async def _wait(self, seconds: float) -> None:
        if self._waiter is not None:
            raise RuntimeError("an answer has one reader at a time")
        self._waiter = self._loop.create_future()
        self._connection.expect_within(seconds)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._connection.expect_nothing(self)

    # Called by the connection.

    def add_part(self, part: bytes) -> bool:
        """Buffer a body part; True when reading should pause."""
        self._parts.append(part)
        self._buffered_bytes += len(part)
        self.wake()
        return self._buffered_bytes > PAUSE_ABOVE_BYTES

    def wake(self) -> None:
        """Let the reader look again: only for news, since each look starts a new wait."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection; `on_*` are the parser's callbacks."""

    def __init__(
        self,
        limits: UpstreamLimits,
        loop: asyncio.AbstractEventLoop,
        on_free: Callable[[Connection], None],
        on_lost: Callable[[Connection], None],
    ) -> None:
        self.limits = limits
        self.used = False  # has carried an exchange before: may be stale
        self.answered = False  # a byte came since the request was started
        self._loop = loop
        self._on_free = on_free
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._barren_bytes = 0  # read since the last body byte: heads, trailers, framing
        self._message_done = False
        self._request_open = False  # more of the request's body is to be written
        self._keep_alive = False
        self._paused = False
        self._closing = False
        self._lost = False
        self._writable: asyncio.Future[None] | None = None
        self._write_paused = False
        self._lost_waiter: asyncio.Future[None] | None = None
        self._deadline = math.inf
        self._watch: asyncio.TimerHandle | None = None
        self._watch_at = math.inf

    # What pool and client call.

    @property
    def reusable(self) -> bool:
        """True when a next request may be written: open, and the last answer allowed it."""
        return self._keep_alive and not self._closing and self._exchange is None

    def start(self, head: bytes, body: bytes | None, *, head_only: bool) -> Exchange:
        """Write a request head and body and return the exchange that will hold the answer.

        With `body` None the caller writes the body by `write` and ends it by `end_request`;
        an answer that is complete before that costs the connection.
        """
        exchange = Exchange(self, self._loop, head_only=head_only)
        self._exchange = exchange
        self._headers = exchange.headers
        self._barren_bytes = 0
        self._deadline = math.inf
        self.answered = self._message_done = False
        self._request_open = body is None
        if self._closing:  # lost between being handed out and now
            self._fail(UpstreamReset("the upstream closed the connection before the request"))
        elif body is None:
            self.write(head)
        elif len(body) < _JOIN_BELOW_BYTES:
            self.write(head + body)
        else:
            self.write(head)
            self.write(body)
        return exchange

    def end_request(self, last: bytes) -> None:
        """Write the last bytes of a body that came in parts."""
        self.write(last)
        self._request_open = False

    def write(self, data: bytes) -> None:
        """Write bytes of the request; after a loss they go nowhere."""
        if self._transport is not None and not self._closing:
            self._transport.write(data)

    async def drain(self, exchange: Exchange) -> None:
        """Wait until more may be written, or until the answer makes writing pointless.

        Raises:
            UpstreamTimeout: the upstream took no byte for `idle_seconds`.
        """
        if not self._write_paused or exchange.finished or exchange.status:
            return
        self._writable = self._loop.create_future()
        try:
            async with asyncio.timeout(self.limits.idle_seconds):
                await self._writable
        except TimeoutError as error:
            raise UpstreamTimeout("the upstream stopped taking the request's body") from error
        finally:
            self._writable = None

    def park(self) -> None:
        """Start the keep-alive time of an idle connection."""
        self.used = True
        self.expect_within(self.limits.keepalive_seconds)

    def abort(self, error: UpstreamError) -> None:
        """Close at once; a running exchange fails with `error`."""
        self._keep_alive = False
        self._close()
        self._fail(error)

    async def wait_lost(self) -> None:
        """Wait until the socket of an aborted connection is closed."""
        if not self._lost:
            self._lost_waiter = self._loop.create_future()
            await self._lost_waiter

    def resume_if_paused(self, exchange: Exchange) -> None:
        """Read on after the reader of the running exchange has caught up."""
        if self._paused and exchange is self._exchange and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    # Deadlines. One lazy timer per connection: a request only moves a number, the timer looks
    # at it when it fires. A timer per request and per body part would cost more than parsing.

    def expect_within(self, seconds: float) -> None:
        """Ask for something to happen within `seconds`, else the connection is closed."""
        self._deadline = deadline = self._loop.time() + seconds
        if deadline < self._watch_at and not self._closing:
            if self._watch is not None:
                self._watch.cancel()
            self._watch = self._loop.call_at(deadline, self._look_at_deadline)
            self._watch_at = deadline

    def expect_nothing(self, exchange: Exchange) -> None:
        """Drop the deadline: what was waited for came, or nobody waits."""
        if exchange is self._exchange:
            self._deadline = math.inf

    def _look_at_deadline(self) -> None:
        self._watch = None
        self._watch_at = math.inf
        remaining_seconds = self._deadline - self._loop.time()
        if remaining_seconds == math.inf:
            return
        if remaining_seconds > 0:
            self.expect_within(remaining_seconds)
            return
        if self._exchange is not None and self._exchange.status:
            self.abort(UpstreamTimeout("the upstream sent no byte of the body in time"))
        else:
            self.abort(UpstreamTimeout("the upstream sent no answer in time"))

    # asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def pause_writing(self) -> None:
        """Note that the upstream takes bytes slower than they come."""
        self._write_paused = True

    def resume_writing(self) -> None:
        """Let a waiting writer go on."""
        self._write_paused = False
        self._wake_writer()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived and wake the reader once."""
        exchange = self._exchange
        if exchange is None:  # nobody asked: a late error page, or an attempt to desynchronise
            self.abort(UpstreamProtocolError("the upstream spoke without a request"))
            return
        self.answered = True
        self._barren_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._keep_alive = False
            if not self._message_done:
                self.abort(_refusal(error))
                return
        if self._message_done:
            self._finish()
        elif self._barren_bytes > self.limits.max_header_bytes:
            self.abort(UpstreamProtocolError("the upstream's headers are over the limit"))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange: complete where the close is the end of the body, else a reset."""
        self._closing = self._lost = True
        self._keep_alive = False
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        exchange = self._exchange
        if exchange is not None and exc is None and exchange.status and not self._is_framed():
            self._finish()
        reset = UpstreamReset("the upstream closed the connection before the end of its answer")
        reset.__cause__ = exc
        self._fail(reset)
        self._on_lost(self)
        if self._lost_waiter is not None and not self._lost_waiter.done():
            self._lost_waiter.set_result(None)

    # httptools callbacks. They only note; what ends an exchange happens after the feed, when
    # it is known whether bytes follow the message.

    def on_message_begin(self) -> None:
        """Start a message; one after the final answer was never asked for."""
        if self._message_done:
            self._keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header in received order and case; trailers are dropped."""
        exchange = self._exchange
        if exchange is not None and not exchange.status:
            self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Take a final head; interim ones (1xx) are skipped."""
        exchange = self._exchange
        status = self._parser.get_status_code()
        if exchange is None or self._message_done:
            return
        if status < 200:
            self._headers.clear()
            if status == 101:
                raise UpstreamProtocolError("the upstream switched protocols unasked")
            return
        if self._barren_bytes > self.limits.max_header_bytes:
            self._refuse_huge_head()
        exchange.status = status
        self._keep_alive = self._parser.should_keep_alive()
        exchange.wake()
        self._wake_writer()
        if exchange.head_only:
            self._message_done = True

    def on_body(self, body: bytes) -> None:
        """Buffer a body part; pause the socket when the reader is too far behind."""
        exchange = self._exchange
        if exchange is None or self._message_done:
            self._keep_alive = False
            return
        self._barren_bytes = 0
        if exchange.add_part(body) and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """Note the end of the final answer."""
        if self._exchange is not None and self._exchange.status:
            self._message_done = True

    # Ends of an exchange.

    def _finish(self) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        self._exchange = None
        exchange.complete = True
        if exchange.head_only:  # the parser still waits for a body that HEAD never has
            self._parser = httptools.HttpResponseParser(self)
        self._end(exchange)

    def _fail(self, error: UpstreamError) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        self._exchange = None
        exchange.error = error
        self._end(exchange)

    def _end(self, exchange: Exchange) -> None:
        exchange.wake()
        self._wake_writer()
        self._deadline = math.inf
        if self._paused and self._transport is not None and not self._closing:
            self._transport.resume_reading()
        self._paused = False
        if not self._keep_alive or self._request_open:
            self._keep_alive = False
            self._close()
        self._on_free(self)

    def _close(self) -> None:
        if not self._closing:
            self._closing = True
            if self._transport is not None:
                self._transport.abort()

    def _wake_writer(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def _refuse_huge_head(self) -> None:
        # The read that completed a head may also hold body bytes: count the head alone.
        head_bytes = sum(len(name) + len(value) + 4 for name, value in self._headers)
        if head_bytes > self.limits.max_header_bytes:
            raise UpstreamProtocolError("the upstream's headers are over the limit")

    def _is_framed(self) -> bool:
        """Tell whether the answer announced its own end (RFC 9112 section 6.3)."""
        headers = self._exchange.headers if self._exchange is not None else []
        for name, value in headers:
            lowered = name.lower()
            if lowered == b"content-length":
                return True
            if lowered == b"transfer-encoding" and value.lower().endswith(b"chunked"):
                return True
        return False


def _refusal(error: Exception) -> UpstreamProtocolError:
    """Name what the parser, or one of our callbacks inside it, refused."""
    reason = error.__context__
    if isinstance(reason, UpstreamProtocolError):
        return reason
    refusal = UpstreamProtocolError("the upstream's answer is not HTTP/1.1")
    refusal.__cause__ = error
    return refusal
