"""Send one HTTP/1.1 request to an upstream and read the answer as it comes.

The client frames the request itself (Host, Content-Length or Transfer-Encoding) and passes
every other header as given, in order. It follows no redirect, keeps no cookie, decodes no
content coding. A truncated answer is an error, never a silent end. Called by the gateway.
"""

from __future__ import annotations

import asyncio
import ssl
import string
import warnings
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ingress.errors import UpstreamError, UpstreamProtocolError, UpstreamReset, UpstreamUnreachable
from ingress.upstream.connection import Connection, Exchange, UpstreamLimits
from ingress.upstream.echo import EchoFilter
from ingress.upstream.origin import Origin
from ingress.upstream.pool import ConnectionPool

__all__ = ["Origin", "UpstreamClient", "UpstreamLimits", "UpstreamResponse"]

# The client frames its requests itself: two opinions about a body's end are how requests
# are smuggled (RFC 9112 section 11.2).
_FRAMING_HEADERS: Final = frozenset({b"host", b"content-length", b"transfer-encoding"})
# RFC 9110 section 5.6.2: what a header name is made of.
_TOKEN: Final = (string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~").encode("ascii")
_METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})

Body = bytes | AsyncIterator[bytes] | None


class UpstreamResponse:
    """One answer: status and headers at once, the body as it arrives, to one reader.

    Read it to its end or call `aclose`: an abandoned answer holds its connection until then
    (or until it is collected, with a ResourceWarning).
    """

    __slots__ = ("_exchange", "_filter", "headers", "status")

    def __init__(self, exchange: Exchange, hidden: Sequence[bytes] = ()) -> None:
        self._exchange = exchange
        self._filter = EchoFilter(hidden) if hidden else None
        self.status: int = exchange.status
        # Order and case as received; no trailers.
        self.headers: list[tuple[bytes, bytes]] = (
            exchange.headers if self._filter is None else self._filter.headers(exchange.headers)
        )

    @property
    def complete(self) -> bool:
        """True when the whole body has arrived, whether or not it has been read."""
        return self._exchange.complete

    @property
    def arrived(self) -> bool:
        """True when some of the body, or its end, can be read without a wait."""
        return self._exchange.readable

    async def read(self, limit_bytes: int) -> bytes:
        """Return the whole rest of the body.

        Raises:
            UpstreamProtocolError: it is longer than `limit_bytes`; the connection is closed.
            UpstreamError: the body was cut, reset or stalled.
        """
        parts: list[bytes] = []
        length_bytes = 0
        while part := await self.next_chunk():
            length_bytes += len(part)
            if length_bytes > limit_bytes:
                self.abort()
                raise UpstreamProtocolError(f"the answer is longer than {limit_bytes} bytes")
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def chunks(self) -> AsyncIterator[bytes]:
        """Iterate over the body's bytes as they come: never empty, what came together together.

        A wait that is cancelled or times out loses nothing: the iterator goes on. It raises
        UpstreamError when the body was cut, reset or stalled, after the bytes before that.
        """
        return _Chunks(self)

    async def next_chunk(self) -> bytes:
        """Return the next bytes of the body, b"" at its end.

        Raises:
            UpstreamError: the body was cut, reset or stalled.
        """
        if self._filter is None:
            return await self._exchange.next_part()
        while part := await self._exchange.next_part():
            if passed := self._filter.feed(part):
                return passed
        return self._filter.finish()

    def abort(self) -> None:
        """Close the connection unless the body is complete; idempotent, returns at once."""
        self._exchange.abort()

    async def aclose(self) -> None:
        """Do what `abort` does; the form that `contextlib.aclosing` asks for."""
        self.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.abort()

    def __del__(self) -> None:
        if not self._exchange.finished:
            self._exchange.abort()
            message = "an UpstreamResponse was never closed"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)


class _Chunks:
    """Iterate over a body; a generator would end at the first cancelled wait."""

    __slots__ = ("_response",)

    def __init__(self, response: UpstreamResponse) -> None:
        self._response = response

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if chunk := await self._response.next_chunk():
            return chunk
        raise StopAsyncIteration


class UpstreamClient:
    """All connections of one process to its upstreams; for one event loop."""

    def __init__(
        self, limits: UpstreamLimits | None = None, *, ca_file: Path | None = None
    ) -> None:
        """Prepare a client.

        Args:
            limits: waits and sizes; the defaults of `UpstreamLimits` when None.
            ca_file: PEM file of the authorities to trust, in place of the system's.

        Raises:
            OSError: `ca_file` cannot be read, or holds no certificate.
        """
        self._limits = limits or UpstreamLimits()
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._tls.set_alpn_protocols(["http/1.1"])
        self._pools: dict[Origin, ConnectionPool] = {}
        self._closed = False

    async def send(  # noqa: PLR0913, PLR0917  (a request is what it is)
        self,
        origin: Origin,
        method: str,
        target: bytes | str,
        headers: Sequence[tuple[bytes, bytes]],
        body: Body = None,
        hidden: Sequence[bytes] = (),
    ) -> UpstreamResponse:
        """Send a request; return when the final status and headers stand.

        Values of ``hidden`` (what the request shows of a credential) are taken out of the
        answer's headers and body, should the upstream repeat them.

        Host, Content-Length and Transfer-Encoding in `headers` are ignored: the client sets
        its own. A request on a reused connection that ends before any byte of an answer is
        sent once more on a fresh one, if its body is bytes: a server may close an idle
        connection at any time (RFC 9112 section 9.3.1). An iterated body cannot be sent twice, so
        it goes on a fresh connection. When the answer comes before it is sent whole, the rest
        of it is not sent.

        Raises:
            ValueError: the request cannot be written as one HTTP/1.1 message.
            UpstreamUnreachable: no connection, or the client is closed.
            UpstreamTimeout: no connection or no head in time.
            UpstreamReset: the connection ended before the head.
            UpstreamProtocolError: what came is not an HTTP/1.1 head within the limits.
        """
        head = _head(origin, method, target, headers, body)
        pool = self._pool(origin)
        replayable = body is None or isinstance(body, bytes)
        connection = await pool.acquire(fresh=not replayable)
        head_only = method == "HEAD"
        try:
            exchange = await _exchange(connection, head, body, head_only=head_only)
            return UpstreamResponse(exchange, hidden)
        except UpstreamReset:
            if connection.answered or not connection.used:
                raise
        connection = await pool.acquire(fresh=True)
        exchange = await _exchange(connection, head, body, head_only=head_only)
        return UpstreamResponse(exchange, hidden)

    async def close(self) -> None:
        """Close every connection; running exchanges fail, later `send`s are refused."""
        self._closed = True
        for pool in self._pools.values():
            await pool.close()

    def pool_counts(self, origin: Origin) -> tuple[int, int]:
        """Return (busy, idle) connections to an origin, for metrics."""
        pool = self._pools.get(origin)
        return (pool.busy_count, pool.idle_count) if pool else (0, 0)

    def _pool(self, origin: Origin) -> ConnectionPool:
        pool = self._pools.get(origin)
        if pool is None:
            if self._closed:
                raise UpstreamUnreachable("the upstream client is closed")
            tls = self._tls if origin.scheme == "https" else None
            pool = ConnectionPool(origin, self._limits, tls, asyncio.get_running_loop())
            self._pools[origin] = pool
        return pool


async def _exchange(
    connection: Connection, head: bytes, body: Body, *, head_only: bool
) -> Exchange:
    at_once = b"" if body is None else body if isinstance(body, bytes) else None
    exchange = connection.start(head, at_once, head_only=head_only)
    try:
        if body is not None and not isinstance(body, bytes):
            await _write_chunked(connection, exchange, body)
        await exchange.wait_head()
    except UpstreamError as error:
        connection.abort(error)
        raise
    except BaseException:  # marked boundary: cancellation, or the body's own failure
        connection.abort(UpstreamReset("the request was given up by the caller"))
        raise
    return exchange


async def _write_chunked(
    connection: Connection, exchange: Exchange, body: AsyncIterator[bytes]
) -> None:
    async for part in body:
        if exchange.status or exchange.finished:
            return
        if part:  # an empty chunk would end the body
            connection.write(b"%x\r\n%b\r\n" % (len(part), part))
            await connection.drain(exchange)
    connection.end_request(b"0\r\n\r\n")


def _head(
    origin: Origin,
    method: str,
    target: bytes | str,
    headers: Sequence[tuple[bytes, bytes]],
    body: Body,
) -> bytes:
    """Write a request head; refuse anything that would not be read back as this one request."""
    raw_target = target.encode("ascii") if isinstance(target, str) else target
    if not method.isalpha() or not raw_target.startswith(b"/") or b" " in raw_target:
        raise ValueError("a request has a method of letters and a target that starts with /")
    lines = [b"%b %b HTTP/1.1" % (method.encode("ascii"), raw_target)]
    lines.append(b"Host: " + origin.authority)
    for name, value in headers:
        if name.lower() not in _FRAMING_HEADERS:
            lines.append(name + b": " + value)
    if isinstance(body, bytes):
        lines.append(b"Content-Length: %d" % len(body))
    elif body is not None:
        lines.append(b"Transfer-Encoding: chunked")
    elif method in _METHODS_WITH_BODY:
        lines.append(b"Content-Length: 0")
    lines.append(b"\r\n")
    head = b"\r\n".join(lines)
    names = [name for name, _ in headers]
    if not all(names) or b"".join(names).translate(None, _TOKEN):
        raise ValueError("a header name is made of letters, digits and a few signs")
    # One line break per line and no NUL: nothing in a value starts a line of its own.
    breaks = len(lines)
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        raise ValueError("a header or target holds a line break or NUL")
    return head
