"""An upstream that keeps every byte it gets, and whose answers hold a secret in every member."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle

from canaries import Canary

DELTA_CHARACTERS = 5


class TalkativeUpstream(ThreadingHTTPServer):
    """Keeps what it got in ``received``; takes the secrets of its answers in turn."""

    daemon_threads = True

    def __init__(self, canaries: list[Canary]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[bytes] = []
        self._lock = threading.Lock()
        self._texts = cycle(canaries)
        self._tokens = cycle([canary for canary in canaries if canary.is_token])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def texts(self, count: int) -> str:
        with self._lock:
            return "\n\n".join(next(self._texts).text for _ in range(count))

    def token(self) -> str:
        with self._lock:
            return next(self._tokens).text


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: TalkativeUpstream

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        line = f"{self.requestline}\n{self.headers}".encode()
        self.server.received.append(line + body)
        if not self.path.startswith("/chat/completions"):
            self._send(404, "text/plain", self.server.texts(3).encode())
        elif json.loads(body).get("stream"):
            self._send(200, "text/event-stream", b"".join(self._frames()))
        else:
            self._send(200, "application/json", json.dumps(self._whole()).encode())

    do_GET = do_POST  # noqa: N815  (the standard library's name)

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-Id", self.server.token())
        self.end_headers()
        self.wfile.write(body)

    def _whole(self) -> dict[str, object]:
        call = {"name": self.server.token(), "arguments": json.dumps({"in": self.server.texts(3)})}
        message = {
            "role": "assistant",
            "content": self.server.texts(10),
            "tool_calls": [{"id": self.server.token(), "type": "function", "function": call}],
        }
        choice = {"index": 0, "message": message, "finish_reason": self.server.token()}
        return {"id": "1", "model": self.server.token(), "choices": [choice]}

    def _frames(self) -> Iterator[bytes]:
        model = self.server.token()
        call = {"index": 0, "id": self.server.token(), "function": {"name": self.server.token()}}
        arguments = json.dumps({"in": self.server.texts(3)})
        yield _frame(model, {"role": "assistant", "content": ""})
        for piece in _cut(self.server.texts(10)):
            yield _frame(model, {"content": piece})
        yield _frame(model, {"tool_calls": [call]})
        for piece in _cut(arguments):
            yield _frame(model, {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        yield _frame(model, {}, self.server.token())
        yield b"data: [DONE]\n\n"

    def log_message(self, *_: object) -> None:
        return


def _frame(model: str, delta: dict[str, object], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"model": model, "choices": [choice]}).encode() + b"\n\n"


def _cut(text: str) -> Iterator[str]:
    return (text[at : at + DELTA_CHARACTERS] for at in range(0, len(text), DELTA_CHARACTERS))


@contextmanager
def talkative_upstream(canaries: list[Canary]) -> Iterator[TalkativeUpstream]:
    """Serve on a free port of loopback for the time of the block."""
    server = TalkativeUpstream(canaries)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
