"""An upstream in threads that plays a scenario per request and keeps what it saw, with times.

A request names its scenario in the header ``x-scenario``, which the gateway forwards, so that one
running gateway serves many tests. A scenario is a list of steps; a request without one gets a
short chat answer.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from scripted_server import Close, Reset, Send, Step, Wait


@dataclass
class Seen:
    """One request as it came over the wire."""

    at: float
    head: bytes
    body: bytes

    @property
    def target(self) -> str:
        return self.head.split(b" ", 2)[1].decode("latin-1")

    def header(self, name: str) -> str | None:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.decode().lower() == name:
                return value.strip().decode()
        return None


def chat_frame(text: str, finish: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    document = {"id": "c1", "object": "chat.completion.chunk", "model": "gpt-x", **more}
    return b"data: " + json.dumps({**document, "choices": [choice]}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
SSE_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"X-Request-Id: up-1\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def stream(frames: Iterable[bytes], gap: float = 0.0, *, end: bool = True) -> list[Step]:
    """A streamed answer, each frame a chunk of its own."""
    steps: list[Step] = [Send(SSE_HEAD)]
    for frame in frames:
        steps.append(Send(chunk(frame)))
        if gap:
            steps.append(Wait(gap))
    return [*steps, Send(b"0\r\n\r\n")] if end else steps


def whole(body: bytes, status: str = "200 OK", *headers: str) -> list[Step]:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    if not any(line.lower().startswith("content-type") for line in headers):
        lines.append("Content-Type: application/json")
    return [Send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)]


def chat_answer(text: str, **message: object) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    return json.dumps({"id": "c1", "model": "gpt-x", "choices": [choice], "usage": usage}).encode()


@dataclass
class FakeUpstream:
    """Listens on a free port while it is open."""

    scenarios: dict[str, Sequence[Step]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    closed_at: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._socket.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5)
        self._socket.close()
        for connection in list(self._open):
            _shut(connection)
        for thread in self._threads:
            thread.join(5)

    def of(self, scenario: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.header("x-scenario") == scenario]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._open.add(connection)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as reader:
                while seen := _read(reader):
                    self.seen.append(seen)
                    name = seen.header("x-scenario") or ""
                    default = whole(chat_answer("hello"))
                    if not self._play(connection, name, self.scenarios.get(name, default)):
                        return
        except OSError:
            return
        finally:
            self._open.discard(connection)

    def _play(self, connection: socket.socket, name: str, steps: Sequence[Step]) -> bool:
        try:
            for step in steps:
                match step:
                    case Send(data, True):
                        for number in range(len(data)):
                            connection.sendall(data[number : number + 1])
                    case Send(data):
                        connection.sendall(data)
                    case Wait(seconds):
                        if self._left_within(connection, seconds):
                            self.closed_at[name] = time.monotonic()
                            return False
                    case Close():
                        return False
                    case Reset():
                        linger = struct.pack("ii", 1, 0)
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                        return False
        except OSError:
            self.closed_at[name] = time.monotonic()
            return False
        return True

    @staticmethod
    def _left_within(connection: socket.socket, seconds: float) -> bool:
        """Wait; say early that the gateway closed the connection."""
        connection.settimeout(seconds)
        try:
            return connection.recv(1, socket.MSG_PEEK) == b""
        except TimeoutError:
            return False
        finally:
            connection.settimeout(None)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)


def _read(reader: object) -> Seen | None:
    lines = []
    while (line := reader.readline()) not in (b"\r\n", b""):
        lines.append(line)
    if not lines:
        return None
    at = time.monotonic()
    head = b"".join(lines)
    length = next(
        (int(one.split(b":")[1]) for one in lines if one.lower().startswith(b"content-length:")), 0
    )
    return Seen(at, head, reader.read(length))
