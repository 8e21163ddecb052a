"""An HTTP server on loopback for as long as a block lasts: what the fake services have in common."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class Loopback:
    """Serves at ``url`` within its block; a subclass says by which handler."""

    url: str

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return what answers one request."""
        raise NotImplementedError

    def open(self) -> None:
        """Set up what needs the address, once it is known."""

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
