"""A raw-socket upstream that does to each connection exactly what its script says.

It parses no more of a request than its length, so that it can answer with anything, and it
records what happened, in order, for the test to compare.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Read:
    """Read one whole request."""


@dataclass(frozen=True)
class Send:
    """Write bytes; `each_byte` writes them one at a time, as separate packets."""

    data: bytes
    each_byte: bool = False


@dataclass(frozen=True)
class Wait:
    """Do nothing for a while."""

    seconds: float


@dataclass(frozen=True)
class Close:
    """End the connection with a FIN."""


@dataclass(frozen=True)
class Reset:
    """End the connection with a RST."""


Step = Read | Send | Wait | Close | Reset


def answer(body: bytes = b"ok", *extra: bytes, status: bytes = b"200 OK") -> bytes:
    """Frame an answer with a Content-Length."""
    head = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *extra]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def chunked(*parts: bytes, end: bool = True) -> bytes:
    """Frame an answer in chunks."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return head + framed + (b"0\r\n\r\n" if end else b"")


@dataclass
class ScriptedServer:
    """Serve one script per connection, the last one for every further connection."""

    scripts: Sequence[Sequence[Step]]
    tls: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def saw(self, event: str, count: int = 1) -> None:
        """Wait until an event was recorded `count` times."""
        async with asyncio.timeout(3):
            while self.events.count(event) < count:  # noqa: ASYNC110 - no event to wait for per count
                await asyncio.sleep(0.002)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self.scripts[min(self.events.count("opened"), len(self.scripts) - 1)]
        self.events.append("opened")
        try:
            for step in script:
                await self._do(step, reader, writer)
            while await reader.read(65536):
                pass
            self.events.append("client closed")
        except (ConnectionError, asyncio.IncompleteReadError):
            self.events.append("client closed")
        finally:
            writer.transport.abort()

    async def _do(
        self, step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        match step:
            case Read():
                self.requests.append(await _read_request(reader))
                self.events.append("request")
            case Send(data, each_byte):
                for start in range(len(data)) if each_byte else (0,):
                    writer.write(data[start : start + 1] if each_byte else data)
                    await writer.drain()
                    if each_byte:
                        await asyncio.sleep(0)
            case Wait(seconds):
                await asyncio.sleep(seconds)
            case Close():
                writer.close()
            case Reset():
                linger = struct.pack("ii", 1, 0)
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        return head + await reader.readuntil(b"0\r\n\r\n")
    _, found, rest = lowered.partition(b"content-length: ")
    return head + await reader.readexactly(int(rest.split(b"\r\n")[0]) if found else 0)
