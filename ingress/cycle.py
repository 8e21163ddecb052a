"""One request and its answer on a client's connection: uvicorn's cycle with a leaner way out.

The head waits for the first piece of the body, as ASGI asks, and goes with it in one write: on a
socket the system call is most of what an answer costs. What an answer's head may hold is checked
once over all of it.
"""

import re
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

# RFC 9110 section 5.6.2: what a header name is made of; section 5.5: what no value holds.
_NOT_A_NAME: Final = re.compile(rb"[^!#$%&'*+\-.^_`|~0-9A-Za-z]")
_NOT_A_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# Below this size head and body are joined; above it, a copy costs more than a system call.
_JOIN_BELOW_BYTES: Final = 64 * 1024
_NO_BODY: Final = frozenset({204, 304})


class Cycle(RequestResponseCycle):
    """One request and its answer; what is not said here is uvicorn's."""

    scope: Any
    _head: bytes = b""

    async def send(self, message: Any) -> None:
        """Take a message of the application; its head is written with the first of its body.

        Raises:
            RuntimeError: the messages make no answer.
        """
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if not self.response_started and kind == "http.response.start":
            self.response_started = True
            self.waiting_for_100_continue = False
            self._head = self._begun(message["status"], message.get("headers", ()))
        elif self.response_started and not self.response_complete and kind == "http.response.body":
            self._write(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"not the time for {kind}")

    def _begun(self, status: int, headers: Any) -> bytes:
        """Return the head, and note how the body is framed."""
        lines = [STATUS_LINE[status]]
        names, values = [], []
        closes = False
        for name, value in (*self.default_headers, *headers):
            name = name.lower()  # noqa: PLW2901  (as it is written)
            names.append(name)
            values.append(value)
            lines.append(b"%b: %b\r\n" % (name, value))
            if name == b"content-length" and self.chunked_encoding is None:
                self.expected_content_length = int(value)
                self.chunked_encoding = False
            elif name == b"transfer-encoding" and value.lower() == b"chunked":
                self.expected_content_length = 0
                self.chunked_encoding = True
            elif name == b"connection":
                closes = closes or b"close" in [
                    token.strip() for token in value.lower().split(b",")
                ]
        if not all(names) or _NOT_A_NAME.search(b"".join(names)):
            raise RuntimeError("not a header's name")
        if _NOT_A_VALUE.search(b"".join(values)):
            raise RuntimeError("not a header's value")
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if (
            self.chunked_encoding is None
            and self.scope["method"] != "HEAD"
            and status not in _NO_BODY
        ):
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def _write(self, body: bytes, *, more: bool) -> None:
        """Write a piece of the body, behind the head if that still waits."""
        data = body
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            data = b""
        elif self.chunked_encoding:
            data = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if not more:
                data += b"0\r\n\r\n"
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("the body is longer than its content-length")
        if self._head:
            if len(data) < _JOIN_BELOW_BYTES:
                data = self._head + data
            else:
                self.transport.write(self._head)
            self._head = b""
        self.transport.write(data)
        if not more:
            self._complete()

    def _complete(self) -> None:
        if self.expected_content_length:
            raise RuntimeError("the body is shorter than its content-length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
