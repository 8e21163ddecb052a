"""The demo's small HTTP server."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from tailnumber.stack.demo_http import MAX_BODY_BYTES, DemoConnection, Reply, Request

Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(request: Request, reply: Reply) -> None:
    reply.raw(request.method.encode() + b" " + request.path.encode() + request.body, "text/plain")


def run(act: Act) -> None:
    async def main() -> None:
        connections: set[DemoConnection] = set()
        server = await asyncio.get_running_loop().create_server(
            lambda: DemoConnection(echo, connections), "127.0.0.1", 0
        )
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            async with asyncio.timeout(5):
                await act(reader, writer)
        finally:
            writer.close()
            server.close()
            await server.wait_closed()

    uvloop.run(main())


def test_pipelined_requests_are_answered_in_order() -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
        second = b"POST /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        chunks = b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"

        writer.write(first + second + chunks)

        answers = await reader.read()
        assert answers.index(b"GET /1") < answers.index(b"POST /2ab")

    run(act)


def test_client_that_waits_for_100_continue_gets_it() -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")

        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"x")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")

    run(act)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 not http\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1)
        + b"x" * (MAX_BODY_BYTES + 1),
    ],
    ids=["not http", "too large"],
)
def test_what_cannot_be_read_closes_the_connection(sent: bytes) -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)

        with contextlib.suppress(ConnectionError):  # a reset says the same as an end
            assert await reader.read() == b""

    run(act)
