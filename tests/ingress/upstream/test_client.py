"""The upstream client against a server that misbehaves on purpose."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from scripted_server import Close, Read, Reset, ScriptedServer, Send, Step, Wait, answer, chunked

from ingress.errors import (
    UpstreamError,
    UpstreamProtocolError,
    UpstreamReset,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from ingress.upstream.client import Origin, UpstreamClient, UpstreamLimits, UpstreamResponse

QUICK = UpstreamLimits(
    connect_seconds=2, pool_seconds=0.1, first_byte_seconds=0.15, idle_seconds=0.15
)
Scenario = Callable[[UpstreamClient, ScriptedServer, Origin], Awaitable[None]]
Run = Callable[..., None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a scenario on each event loop: their transports differ in the corners tested here."""

    def scenario(act: Scenario, *scripts: list[Step], limits: UpstreamLimits = QUICK) -> None:
        async def main() -> None:
            async with ScriptedServer(scripts) as server:
                client = UpstreamClient(limits)
                try:
                    await act(client, server, Origin("http", "127.0.0.1", server.port))
                finally:
                    await client.close()

        factory = asyncio.new_event_loop if request.param == "asyncio" else uvloop.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(_timed(main()))

    return scenario


async def _timed(main: Coroutine[Any, Any, None]) -> None:
    async with asyncio.timeout(10):
        await main


async def get(client: UpstreamClient, origin: Origin, path: str = "/") -> UpstreamResponse:
    return await client.send(origin, "GET", path, [])


async def post(client: UpstreamClient, origin: Origin, body: bytes = b"{}") -> bytes:
    response = await client.send(origin, "POST", "/", [], body)
    return await response.read(1 << 20)


async def parts(*items: bytes) -> AsyncIterator[bytes]:
    for item in items:
        yield item


# What goes out.


def test_request_is_framed_by_the_client_and_the_rest_passes_in_order(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        given = [(b"X-B", b"2"), (b"content-length", b"999"), (b"x-A", b"1"), (b"HOST", b"evil")]

        await client.send(origin, "POST", "/v1?beta=true", given, b"hello")

        assert server.requests == [
            b"POST /v1?beta=true HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-B: 2\r\nx-A: 1\r\n"
            b"Content-Length: 5\r\n\r\nhello" % server.port
        ]

    run(act, [Read(), Send(answer())])


def test_iterated_body_is_sent_in_chunks(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await client.send(origin, "POST", "/", [], parts(b"abc", b"", b"de"))

        assert response.status == 200
        assert server.requests[0].endswith(
            b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )

    run(act, [Read(), Send(answer())])


def test_body_that_fails_on_the_way_closes_the_connection(run: Run) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionAbortedError

    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        with pytest.raises(ConnectionAbortedError):
            await client.send(origin, "POST", "/", [], failing())

        await server.saw("client closed")
        assert client.pool_counts(origin) == (0, 0)

    run(act, [Read()])


def test_answer_before_the_end_of_a_body_stops_it_and_costs_the_connection(run: Run) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0.002)

    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await client.send(origin, "POST", "/", [], endless())

        assert response.status == 413
        assert await response.read(100) == b"ok"
        await server.saw("client closed")
        assert client.pool_counts(origin) == (0, 0)

    run(act, [Wait(0.02), Send(answer(status=b"413 Too Large"))])


def test_upstream_that_takes_no_bytes_of_a_body_times_out(run: Run) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_000_000

    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        with pytest.raises(UpstreamTimeout):
            await client.send(origin, "POST", "/", [], endless())

        assert client.pool_counts(origin) == (0, 0)

    run(act, [Wait(1), Read()])


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("GET", "/ HTTP/1.1\r\nX: y", (b"A", b"b")),
        ("GET", "/a b", (b"A", b"b")),
        ("GET", "http://other/", (b"A", b"b")),
        ("G ET", "/", (b"A", b"b")),
        ("GET", "/", (b"A", b"b\r\nContent-Length: 9")),
        ("GET", "/", (b"A", b"b\nC: d")),
        ("GET", "/", (b"A", b"b\0")),
        ("GET", "/", (b"Content-Length ", b"5")),
        ("GET", "/", (b"A: b", b"c")),
        ("GET", "/", (b"", b"c")),
    ],
)
def test_request_that_would_read_as_another_is_refused(
    run: Run, method: str, target: str, header: tuple[bytes, bytes]
) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        with pytest.raises(ValueError, match=r"header|method"):
            await client.send(origin, method, target, [header])

        assert server.events == []

    run(act, [Read()])


# What comes back.


def test_status_headers_and_body_come_as_received(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await get(client, origin)

        assert response.status == 201
        assert response.headers == [
            (b"Content-Length", b"2"),
            (b"Set-Cookie", b"a"),
            (b"set-cookie", b"b c"),
            (b"X-Empty", b""),
        ]
        assert await response.read(10) == b"ok"

    head = [b"Set-Cookie: a", b"set-cookie:  b c \t", b"X-Empty:"]
    run(act, [Read(), Send(answer(b"ok", *head, status=b"201 Created"))])


@pytest.mark.parametrize("framed", [answer(b"hello world"), chunked(b"hello ", b"world")])
def test_answer_split_at_every_byte_reads_the_same(run: Run, framed: bytes) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await get(client, origin)

        assert b"".join([part async for part in response.chunks()]) == b"hello world"

    run(act, [Read(), Send(framed, each_byte=True)])


def test_chunks_come_as_they_arrive_and_together_when_they_arrived_together(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await get(client, origin)

        assert [part async for part in response.chunks()] == [b"onetwo", b"three"]

    first = chunked(b"one", b"two", end=False)
    run(act, [Read(), Send(first), Wait(0.03), Send(b"5\r\nthree\r\n0\r\n\r\n")])


def test_wait_for_a_chunk_that_times_out_loses_nothing(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        chunks = (await get(client, origin)).chunks()
        assert await anext(chunks) == b"one"

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(chunks), 0.01)

        assert [part async for part in chunks] == [b"two"]

    first = chunked(b"one", end=False)
    run(act, [Read(), Send(first), Wait(0.05), Send(b"3\r\ntwo\r\n0\r\n\r\n")])


def test_interim_answers_are_skipped(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await get(client, origin)

        assert (response.status, response.headers) == (200, [(b"Content-Length", b"2")])

    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    run(act, [Read(), Send(interim), Wait(0.01), Send(answer())])


def test_switching_protocols_unasked_is_a_protocol_error(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        with pytest.raises(UpstreamProtocolError, match="unasked"):
            await get(client, origin)

    run(act, [Read(), Send(b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")])


@pytest.mark.parametrize(
    ("method", "raw"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\n"),
    ],
)
def test_answers_without_body_end_at_once_and_keep_the_connection(
    run: Run, method: str, raw: bytes
) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await client.send(origin, method, "/", [])
        assert await response.read(10) == b""

        assert await post(client, origin) == b"ok"
        assert server.events == ["opened", "request", "request"]

    run(act, [Read(), Send(raw), Read(), Send(answer())])


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_body_without_length_ends_with_the_connection(run: Run, version: bytes) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await get(client, origin)

        assert await response.read(100) == b"until the end"
        assert client.pool_counts(origin) == (0, 0)

    run(act, [Read(), Send(b"HTTP/%b 200 OK\r\n\r\nuntil the end" % version), Close()])


# What goes wrong.


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npart",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n",
    ],
    ids=["length", "between chunks", "in a chunk", "before the last line"],
)
@pytest.mark.parametrize("end", [Close(), Reset()], ids=["fin", "rst"])
def test_truncated_body_is_a_reset_after_the_bytes_that_came(
    run: Run, sent: bytes, end: Step
) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await get(client, origin)

        assert await response.next_chunk() == b"part"
        with pytest.raises(UpstreamReset):
            await response.next_chunk()

        assert client.pool_counts(origin) == (0, 0)

    run(act, [Read(), Send(sent), Wait(0.02), end])


def test_reset_of_a_body_that_ends_with_the_connection_is_not_its_end(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await get(client, origin)

        with pytest.raises(UpstreamReset):
            await response.read(100)

    run(act, [Read(), Send(b"HTTP/1.1 200 OK\r\n\r\nhalf"), Wait(0.02), Reset()])


def test_silence_before_the_head_times_out_and_closes(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        with pytest.raises(UpstreamTimeout):
            await get(client, origin)

        await server.saw("client closed")

    run(act, [Read()])


def test_head_dribbled_byte_by_byte_does_not_stretch_its_deadline(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        with pytest.raises(UpstreamTimeout):
            await get(client, origin)

    dribble = [step for _ in range(20) for step in (Send(b"X: y\r\n"), Wait(0.02))]
    run(act, [Read(), Send(b"HTTP/1.1 200 OK\r\n"), *dribble, Send(b"\r\n")])


def test_silence_in_the_body_times_out_while_somebody_waits(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        chunks = (await get(client, origin)).chunks()
        assert await anext(chunks) == b"one"

        with pytest.raises(UpstreamTimeout):
            await anext(chunks)

        await server.saw("client closed")

    run(act, [Read(), Send(chunked(b"one", end=False))])


def test_slow_reader_is_not_the_upstreams_timeout(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await get(client, origin)

        await asyncio.sleep(0.3)

        assert await response.read(10) == b"onetwo"

    first = chunked(b"one", end=False)
    run(act, [Read(), Send(first), Wait(0.32), Send(b"3\r\ntwo\r\n0\r\n\r\n")])


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n",
    ],
    ids=["not http", "two lengths", "length and chunks", "chunk size", "header name"],
)
def test_answer_that_is_not_http_is_a_protocol_error(run: Run, raw: bytes) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        with pytest.raises(UpstreamProtocolError) as refused:
            await (await get(client, origin)).read(100)

        assert "xyz" not in str(refused.value)
        assert client.pool_counts(origin) == (0, 0)

    run(act, [Read(), Send(raw)])


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X: %b\r\n" % (b"y" * 100) * 800 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 4000,
        chunked(b"one", end=False) + b"0\r\n" + b"X: %b\r\n" % (b"y" * 100) * 2000,
    ],
    ids=["many", "one endless", "endless interim", "endless trailers"],
)
def test_headers_over_the_limit_are_refused(run: Run, raw: bytes) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        with pytest.raises(UpstreamProtocolError, match="over the limit"):
            await (await get(client, origin)).read(1 << 20)

    run(act, [Read(), Send(raw)])


def test_small_head_with_a_large_body_is_not_a_large_head(run: Run) -> None:
    body = b"z" * 200_000

    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        assert await post(client, origin) == body

    run(act, [Read(), Send(answer(body))])


def test_body_over_the_readers_limit_closes_the_connection(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await get(client, origin)

        with pytest.raises(UpstreamProtocolError, match="longer than 10 bytes"):
            await response.read(10)

        await server.saw("client closed")

    run(act, [Read(), Send(answer(b"z" * 11)[:-1] + b"z"), Send(b"extra")])


def test_nobody_listening_is_unreachable(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        with pytest.raises(UpstreamUnreachable) as refused:
            await get(client, Origin("http", "127.0.0.1", 1))

        assert (refused.value.code, refused.value.status) == ("upstream_unreachable", 502)

    run(act, [])


def test_unread_answer_stops_reading_from_the_socket(run: Run) -> None:
    body = b"z" * (24 << 20)

    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await get(client, origin)
        await asyncio.sleep(0.2)

        buffered_bytes = len(await anext(response.chunks()))

        assert not response.complete
        assert buffered_bytes < 1 << 20
        assert buffered_bytes + len(await response.read(len(body))) == len(body)

    # A busy machine may take a while to send 24 MB.
    run(act, [Read(), Send(answer(body))], limits=UpstreamLimits(idle_seconds=10))


# Reuse.


def test_connection_is_used_again(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        assert [await post(client, origin), await post(client, origin)] == [b"ok", b"ok"]

        assert server.events == ["opened", "request", "request"]
        assert client.pool_counts(origin) == (0, 1)

    run(act, [Read(), Send(answer()), Read(), Send(chunked(b"ok"))])


def test_connection_close_is_obeyed(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        assert await post(client, origin) == b"ok"

        await server.saw("client closed")
        assert client.pool_counts(origin) == (0, 0)

    run(act, [Read(), Send(answer(b"ok", b"Connection: close"))])


@pytest.mark.parametrize("extra", [answer(b"smuggled"), b"garbage"], ids=["answer", "garbage"])
@pytest.mark.parametrize("together", [True, False], ids=["same read", "later"])
def test_bytes_after_an_answer_never_reach_the_next_request(
    run: Run, extra: bytes, together: bool
) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        assert await post(client, origin) == b"first"
        await asyncio.sleep(0.03)

        assert await post(client, origin) == b"second"
        assert server.events.count("opened") == 2

    sends = [Send(answer(b"first") + extra)]
    if not together:
        sends = [Send(answer(b"first")), Wait(0.01), Send(extra)]
    run(act, [Read(), *sends], [Read(), Send(answer(b"second"))])


def test_body_after_a_head_request_never_reaches_the_next_request(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await client.send(origin, "HEAD", "/", [])
        assert await response.read(10) == b""

        assert await post(client, origin) == b"second"

    run(act, [Read(), Send(answer(b"never"))], [Read(), Send(answer(b"second"))])


@pytest.mark.parametrize("end", [Close(), Reset()], ids=["fin", "rst"])
def test_stale_connection_is_replaced_once_without_the_caller_noticing(run: Run, end: Step) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        assert await post(client, origin) == b"first"

        assert await post(client, origin, b"again") == b"second"

        assert [request[-5:] for request in server.requests[1:]] == [b"again", b"again"]

    # The server takes the second request and dies: what a request into a stale socket looks like.
    stale = [Read(), Send(answer(b"first")), Read(), end]
    run(act, stale, [Read(), Send(answer(b"second"))])


def test_second_loss_in_a_row_is_reported(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        await post(client, origin)

        with pytest.raises(UpstreamReset):
            await post(client, origin)

        assert server.events.count("request") == 3
        assert client.pool_counts(origin) == (0, 0)

    run(act, [Read(), Send(answer()), Read(), Close()], [Read(), Close()])


def test_loss_on_a_fresh_connection_is_not_retried(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        with pytest.raises(UpstreamReset):
            await post(client, origin)

        assert server.events.count("opened") == 1

    run(act, [Read(), Close()])


def test_loss_after_a_byte_of_the_answer_is_not_retried(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        await post(client, origin)

        with pytest.raises(UpstreamReset):
            await post(client, origin)

        assert server.events.count("opened") == 1

    run(act, [Read(), Send(answer()), Read(), Send(b"H"), Wait(0.02), Close()])


def test_iterated_body_goes_on_a_fresh_connection_and_is_not_retried(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        await post(client, origin)

        with pytest.raises(UpstreamReset):
            await client.send(origin, "POST", "/", [], parts(b"x"))

        assert server.events.count("opened") == 2

    run(act, [Read(), Send(answer())], [Read(), Close()])


def test_idle_connection_is_closed_after_its_time(run: Run) -> None:
    limits = UpstreamLimits(keepalive_seconds=0.05)

    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        await post(client, origin)

        await server.saw("client closed")
        assert client.pool_counts(origin) == (0, 0)

    run(act, [Read(), Send(answer())], limits=limits)


# The pool's bound, cancellation, leaks.


def test_requests_over_the_pools_limit_wait_in_order(run: Run) -> None:
    limits = UpstreamLimits(max_connections_per_origin=1)
    exchange: list[Step] = [Read(), Wait(0.01), Send(answer())]

    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        async def one(path: str) -> None:
            await (await get(client, origin, path)).read(10)

        await asyncio.gather(*(one(f"/{number}") for number in range(5)))

        assert server.events.count("opened") == 1
        assert [request[5:6] for request in server.requests] == [b"0", b"1", b"2", b"3", b"4"]

    run(act, exchange * 5, limits=limits)


def test_wait_for_a_busy_pool_has_a_deadline(run: Run) -> None:
    limits = UpstreamLimits(max_connections_per_origin=1, pool_seconds=0.05)

    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        held = await get(client, origin)

        with pytest.raises(UpstreamTimeout, match="busy"):
            await get(client, origin)

        held.abort()
        assert client.pool_counts(origin) == (0, 0)

    run(act, [Read(), Send(chunked(b"one", end=False))], limits=limits)


def test_waiter_cancelled_in_the_moment_of_its_turn_passes_it_on(run: Run) -> None:
    limits = UpstreamLimits(max_connections_per_origin=1)

    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        held = await get(client, origin)
        first = asyncio.ensure_future(get(client, origin))
        second = asyncio.ensure_future(get(client, origin))
        await asyncio.sleep(0.01)

        held.abort()
        first.cancel()

        assert (await second).status == 200
        assert first.cancelled()

    run(act, [Read(), Send(chunked(b"1", end=False))], [Read(), Send(answer())], limits=limits)


def test_full_pool_of_stale_connections_still_lets_a_retry_through(run: Run) -> None:
    limits = UpstreamLimits(max_connections_per_origin=1)

    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        await post(client, origin)

        assert await post(client, origin) == b"second"

    run(
        act,
        [Read(), Send(answer()), Read(), Close()],
        [Read(), Send(answer(b"second"))],
        limits=limits,
    )


def test_cancelled_send_closes_the_socket(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        sending = asyncio.ensure_future(get(client, origin))
        await server.saw("request")

        sending.cancel()

        await server.saw("client closed")
        assert sending.cancelled()
        assert client.pool_counts(origin) == (0, 0)

    run(act, [Read()], limits=UpstreamLimits())


@pytest.mark.parametrize("how", ["abort", "aclose", "with"])
def test_abandoned_stream_closes_the_socket(run: Run, how: str) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await get(client, origin)

        if how == "abort":
            response.abort()
        elif how == "aclose":
            await response.aclose()
        else:
            async with response:
                pass

        await server.saw("client closed")
        with pytest.raises(UpstreamReset):
            await response.read(10)

    run(act, [Read(), Send(chunked(b"one", end=False))])


def test_forgotten_stream_closes_the_socket_and_warns(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        response = await get(client, origin)

        with pytest.warns(ResourceWarning, match="never closed"):
            del response

        await server.saw("client closed")

    run(act, [Read(), Send(chunked(b"one", end=False))])


def test_close_ends_everything_and_refuses_the_next(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        streaming = await get(client, origin)

        await client.close()

        assert await streaming.next_chunk() == b"one"
        with pytest.raises(UpstreamUnreachable):
            await streaming.next_chunk()
        with pytest.raises(UpstreamUnreachable):
            await get(client, origin)

    run(act, [Read(), Send(chunked(b"one", end=False))])


def test_connection_lost_between_opening_and_request_fails_at_once(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        for _ in range(10):
            with pytest.raises(UpstreamError):
                await get(client, origin)

        assert client.pool_counts(origin) == (0, 0)

    run(act, [Reset()], limits=UpstreamLimits(first_byte_seconds=2))


def test_no_ca_file_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        UpstreamClient(ca_file=tmp_path / "missing.pem")


def test_request_on_a_connection_that_is_already_lost_fails_without_waiting(run: Run) -> None:
    async def act(client: UpstreamClient, server: ScriptedServer, origin: Origin) -> None:
        connection = await client._pool(origin).acquire(fresh=True)
        connection._closing = True  # what connection_lost leaves behind

        exchange = connection.start(b"GET / HTTP/1.1\r\n\r\n", b"", head_only=False)

        assert isinstance(exchange.error, UpstreamReset)
        assert client.pool_counts(origin) == (0, 0)
        connection._closing = False

    run(act, [Read()])
