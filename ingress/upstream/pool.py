"""Keep connections to one origin: bounded, reused, handed out in order of arrival.

A slot is the right to use one connection; slots in use plus idle connections never exceed
the limit. Waiters get slots first come, first served, each with its own deadline. Called by
`client` only.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque

from ingress.errors import UpstreamAddressRefused, UpstreamTimeout, UpstreamUnreachable
from ingress.networks import permits
from ingress.upstream.connection import Connection, UpstreamLimits
from ingress.upstream.origin import Origin


class ConnectionPool:
    """Connections to one origin, on the running loop."""

    def __init__(
        self,
        origin: Origin,
        limits: UpstreamLimits,
        tls: ssl.SSLContext | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._origin = origin
        self._limits = limits
        self._tls = tls
        self._loop = loop
        self._idle: dict[Connection, None] = {}  # insertion order: the last is the warmest
        self._busy: set[Connection] = set()
        self._slots_taken = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    @property
    def idle_count(self) -> int:
        """Open connections that wait for a request."""
        return len(self._idle)

    @property
    def busy_count(self) -> int:
        """Slots in use: requests in flight and connections being opened."""
        return self._slots_taken

    async def acquire(self, *, fresh: bool) -> Connection:
        """Take a connection; `fresh` forbids one that has carried a request before.

        The slot is given back when the exchange on the connection ends.

        Raises:
            UpstreamUnreachable: no connection could be opened, or the pool is closed.
            UpstreamTimeout: opening one, or waiting for a free one, took too long.
        """
        if self._closed:
            raise UpstreamUnreachable("the upstream client is closed")
        if self._waiters or self._slots_taken >= self._limits.max_connections_per_origin:
            await self._wait_for_slot()
        else:
            self._slots_taken += 1
        try:
            connection = None if fresh else self._take_idle()
            if connection is None:
                connection = await self._open()
        except BaseException:
            self._release_slot()
            raise
        self._busy.add(connection)
        return connection

    async def close(self) -> None:
        """Close every connection and refuse every waiter; return when the sockets are closed."""
        self._closed = True
        connections = [*self._idle, *self._busy]
        self._idle.clear()
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(UpstreamUnreachable("the upstream client is closed"))
        for connection in connections:
            connection.abort(UpstreamUnreachable("the upstream client is closed"))
        for connection in connections:
            await connection.wait_lost()

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.reusable:
                return connection
        return None

    async def _open(self) -> Connection:
        in_use = self._slots_taken + len(self._idle)
        if self._idle and in_use > self._limits.max_connections_per_origin:
            oldest = next(iter(self._idle))
            del self._idle[oldest]
            self._busy.add(oldest)  # until its socket is closed
            oldest.abort(UpstreamUnreachable("closed to make room"))
        origin = self._origin
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                transport, connection = await self._connect()
        except TimeoutError as error:
            raise UpstreamTimeout(f"{origin} took no connection in time") from error
        except ssl.SSLCertVerificationError as error:
            raise UpstreamUnreachable(f"{origin} has no certificate we trust") from error
        except OSError as error:  # ssl.SSLError, socket.gaierror and refusals are all OSError
            raise UpstreamUnreachable(f"{origin} takes no connection") from error
        if self._closed:  # the client was closed while this connection was on its way
            transport.abort()
            raise UpstreamUnreachable("the upstream client is closed")
        return connection

    async def _connect(self) -> tuple[asyncio.Transport, Connection]:
        """Open a socket to the first address that may be reached and answers.

        A name is resolved once, and what was judged is what is connected to: an answer that
        changes in between (DNS rebinding) has nothing to change.
        """
        addresses = await self._addresses()
        last = len(addresses) - 1
        for place, address in enumerate(addresses):
            # An address that swallows packets must leave time for the others.
            share = None if place == last else self._limits.connect_seconds / len(addresses)
            try:
                async with asyncio.timeout(share):
                    return await self._loop.create_connection(
                        lambda: Connection(self._limits, self._loop, self._on_free, self._on_lost),
                        address,
                        self._origin.port,
                        ssl=self._tls,
                        server_hostname=self._origin.host if self._tls else None,
                    )
            except ssl.SSLError:
                raise  # the host is reached; another address of it will not be another host
            except OSError:  # a TimeoutError is one
                if place == last:
                    raise
        raise UpstreamUnreachable(f"{self._origin} has no address")

    async def _addresses(self) -> list[str]:
        origin = self._origin
        if origin.network == "any":
            return [origin.host]
        found = await self._loop.getaddrinfo(
            origin.host, origin.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
        addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
        permitted = [address for address in addresses if permits(origin.network, address)]
        if not permitted:
            raise UpstreamAddressRefused(
                f"{origin} resolves to no {origin.network} address; if it is one of your own "
                "network, give the connection network: private"
            )
        return permitted

    async def _wait_for_slot(self) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self._limits.pool_seconds):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._release_slot()  # granted in the moment we gave up: pass it on
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            if isinstance(error, TimeoutError):
                message = f"every connection to {self._origin} was busy for too long"
                raise UpstreamTimeout(message) from error
            raise

    def _release_slot(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)  # the slot passes to the waiter
                return
        self._slots_taken -= 1

    def _on_free(self, connection: Connection) -> None:
        if connection.reusable and not self._closed:
            self._busy.discard(connection)
            connection.park()
            self._idle[connection] = None
        self._release_slot()

    def _on_lost(self, connection: Connection) -> None:
        self._idle.pop(connection, None)
        self._busy.discard(connection)
