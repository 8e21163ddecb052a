"""A real git server on loopback: ``git http-backend``, hosted as CGI in threads.

It takes one credential only, HTTP Basic with the token that the gateway holds, so that a request
which came around the gateway would be seen. ``git`` below runs the real client without anybody's
configuration.
"""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@acme.example",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@acme.example",
    "LC_ALL": "C",
}


@dataclass
class Ran:
    """What a git command said: exit code, and both streams as one text."""

    code: int
    text: str


def git(
    *arguments: str, cwd: Path, check: bool = True, data: bytes | None = None, **environment: str
) -> Ran:
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=cwd,
        env=ENVIRONMENT | environment,
        input=data,
        capture_output=True,
        timeout=60,
        check=False,
    )
    ran = Ran(done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace"))
    assert not check or ran.code == 0, ran.text
    return ran


@dataclass
class Seen:
    method: str
    target: str
    headers: dict[str, str]
    body_bytes: int


@dataclass
class GitServer:
    """Serves the bare repositories below ``root`` while it is open."""

    root: Path
    token: str
    seen: list[Seen] = field(default_factory=list)
    # Status -> answered in place of git's own, for what a test wants to see.
    answer_with: int = 0

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    def repository(self, name: str, **config: str) -> Path:
        """Make a bare repository that takes pushes and gives objects by filter."""
        path = self.root / f"{name}.git"
        path.parent.mkdir(parents=True, exist_ok=True)
        git("init", "-q", "--bare", str(path), cwd=self.root)
        for key, value in {
            "http.receivepack": "true",
            "uploadpack.allowFilter": "true",
            **{key.replace("__", "."): value for key, value in config.items()},
        }.items():
            git("config", key, value, cwd=path)
        return path


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    expected = base64.b64encode(f"x-access-token:{server.token}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self._body())

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("content-length", 0)))
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)

        def _serve(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.seen.append(Seen(self.command, self.path, headers, len(body)))
            if server.answer_with or headers.get("authorization") != f"Basic {expected}":
                self._answer(server.answer_with or 401, {"Location": "http://127.0.0.1:1/x"}, b"")
                return
            path, _, query = self.path.partition("?")
            environment = ENVIRONMENT | {
                "GIT_PROJECT_ROOT": str(server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": headers.get("content-type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "GIT_PROTOCOL": headers.get("git-protocol", ""),
                "REMOTE_USER": "gateway",
            }
            with subprocess.Popen(
                ["git", "http-backend"],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as backend:
                out, _ = backend.communicate(body)
            head, _, rest = out.partition(b"\r\n\r\n")
            answer = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
            self._answer(int(answer.pop("Status", "200").split()[0]), answer, rest)

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except ConnectionError:
                self.close_connection = True

    return Handler
