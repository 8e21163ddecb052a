"""Measure CPU per request of the upstream client against aiohttp and httpx, in one run.

A child process answers 1 KiB of JSON with 2 KiB of JSON over keep-alive; this process sends
requests one after another on uvloop and counts its own CPU time. Run it by hand:

    python tests/bench/upstream_bench.py --requests 5000
"""

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection as Pipe

import uvloop

from ingress.upstream.client import Origin, UpstreamClient

REQUEST_BODY = b'{"prompt":"' + b"x" * 1011 + b'"}'
ANSWER_BODY = b'{"answer":"' + b"y" * 2035 + b'"}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: 1234\r\n"
    b"x-github-request-id: ABCD\r\nDate: Fri, 20 Nov 2026 18:00:00 GMT\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(ANSWER_BODY), ANSWER_BODY)
)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
DELTA = b'data: {"choices":[{"index":0,"delta":{"content":"word"}}]}\n\n'
DELTA_COUNT = 100
HEADERS = [
    (b"Authorization", b"Bearer demo"),
    (b"Content-Type", b"application/json"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", b"bench/1"),
    (b"X-Request-Id", b"0123456789"),
    (b"Editor-Version", b"editor/1.0"),
]


class Answerer(asyncio.Protocol):
    """Answer each request, found by its size, with the same bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.pending = b""
        self.streams: set[asyncio.Task[None]] = set()

    def data_received(self, data: bytes) -> None:
        self.pending += data
        head, blank, body = self.pending.partition(b"\r\n\r\n")
        if not blank or len(body) < len(REQUEST_BODY):
            return
        self.pending = b""
        if head.startswith(b"POST /stream"):
            self.streams.add(asyncio.ensure_future(self.stream()))
        else:
            self.transport.write(ANSWER)

    async def stream(self) -> None:
        self.transport.write(STREAM)
        for _ in range(DELTA_COUNT):
            self.transport.write(b"%x\r\n%b\r\n" % (len(DELTA), DELTA))
            await asyncio.sleep(0.001)
        self.transport.write(b"0\r\n\r\n")


def serve(pipe: Pipe) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Answerer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    uvloop.run(main())


Send = Callable[[str], Awaitable[int]]


async def measure(name: str, send: Send, count: int) -> None:
    for _ in range(50):
        await send("/json")
    started, wall = time.process_time(), time.perf_counter()
    for _ in range(count):
        await send("/json")
    cpu_ms = (time.process_time() - started) * 1000 / count
    wall_ms = (time.perf_counter() - wall) * 1000 / count
    streams = max(count // 200, 1)
    started = time.process_time()
    parts = 0
    for _ in range(streams):
        parts += await send("/stream")
    stream_us = (time.process_time() - started) * 1e6 / max(parts, 1)
    print(f"{name:10} {cpu_ms:.4f} ms CPU, {wall_ms:.4f} ms wall, {stream_us:.1f} us CPU a delta")  # noqa: T201 - the result


async def run(port: int, count: int) -> None:
    ours = UpstreamClient()
    origin = Origin("http", "127.0.0.1", port)

    async def send_ours(path: str) -> int:
        response = await ours.send(origin, "POST", path, HEADERS, REQUEST_BODY)
        if path == "/json":
            return len(await response.read(1 << 20))
        return len([part async for part in response.chunks()])

    await measure("ours", send_ours, count)
    await ours.close()

    import aiohttp

    text_headers = {name.decode(): value.decode() for name, value in HEADERS}
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session:

        async def send_aiohttp(path: str) -> int:
            async with session.post(url + path, data=REQUEST_BODY, headers=text_headers) as answer:
                if path == "/json":
                    return len(await answer.read())
                return len([part async for part in answer.content.iter_any()])

        await measure("aiohttp", send_aiohttp, count)

    import httpx

    async with httpx.AsyncClient() as client:

        async def send_httpx(path: str) -> int:
            async with client.stream(
                "POST", url + path, content=REQUEST_BODY, headers=text_headers
            ) as answer:
                if path == "/json":
                    return len(await answer.aread())
                return len([part async for part in answer.aiter_raw()])

        await measure("httpx", send_httpx, max(count // 10, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    count = parser.parse_args().requests
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    child.start()
    try:
        uvloop.run(run(here.recv(), count))
    finally:
        child.terminate()
        child.join()


if __name__ == "__main__":
    main()
