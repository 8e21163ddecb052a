"""Speak ASGI for one exchange: bounded body, answer, and the moment when the client leaves."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ingress.errors import BodyTooLarge
from ingress.exchange import Exchange
from ingress.protocol.sse import error_frame
from ingress.tasks import spawn

Message = MutableMapping[str, Any]
HeaderList = list[tuple[bytes, bytes]]


class ClientGone(Exception):
    """The client closed the connection; nobody is left to answer."""


class Relay:
    """One exchange's way to its client."""

    __slots__ = (
        "_exchange",
        "_left",
        "_receive",
        "_send",
        "_watch",
        "_watchers",
        "gone",
        "started",
        "streams",
    )

    def __init__(
        self,
        exchange: Exchange,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
        watchers: set[Callable[[], None]] | None = None,
    ) -> None:
        """Speak through ``receive`` and ``send``.

        A server may call ``watchers`` when the connection is lost; with one that does not (None)
        a task asks for that moment.
        """
        self._exchange = exchange
        self._watchers = watchers
        self._receive = receive
        self._send = send
        self._watch: asyncio.Task[None] | None = None
        self._left: Callable[[], object]
        self.started = False
        self.streams = False
        self.gone = False

    async def read_body(self, limit_bytes: int) -> bytes:
        """Return the whole request body.

        Raises:
            BodyTooLarge: it is over the limit; the rest is not read.
            ClientGone: the client left before its end.
        """
        pieces: list[bytes] = []
        size = 0

        def take(piece: bytes) -> None:
            nonlocal size
            size += len(piece)
            if size > limit_bytes:
                raise BodyTooLarge(f"The request body is over {limit_bytes} bytes.")
            pieces.append(piece)

        await self.read_pieces(take)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def read_pieces(self, take: Callable[[bytes], None]) -> None:
        """Hand the request body to ``take``, piece by piece as it comes.

        Raises:
            ClientGone: the client left before its end.
        """
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.gone = True
                raise ClientGone
            take(message.get("body", b""))
            if not message.get("more_body"):
                return

    def watch(self, left: Callable[[], object]) -> None:
        """Call ``left`` once if the client leaves before the answer has ended; the last counts."""
        self._left = left
        if self._watchers is not None:
            self._watchers.add(self._lose)
        elif self._watch is None:
            self._watch = spawn(self._wait(), "watch client")

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._watch is not None:
            self._lose()

    def _lose(self) -> None:
        if not self.gone:
            self.gone = True
            self._left()

    async def answer(self, status: int, headers: HeaderList, body: bytes) -> None:
        """Send a whole answer.

        Raises:
            ClientGone: nobody is there to take it.
        """
        length = (b"content-length", str(len(body)).encode())
        await self.start(status, [*headers, length], held=True)
        await self.send(body, more=False)

    async def start(self, status: int, headers: HeaderList, *, held: bool = False) -> None:
        """Send status and headers; ``held``: together with the first piece, which comes soon.

        Raises:
            ClientGone: nobody is there to take them.
        """
        self._check()
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        if not held:
            await self._send({"type": "http.response.body", "body": b"", "more_body": True})

    async def send(self, body: bytes, *, more: bool = True) -> None:
        """Send a piece of the body; ``more=False`` ends it.

        Raises:
            ClientGone: nobody is there to take it.
        """
        self._check()
        if not more:
            self._stop_watching()
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def end_with_error(self, error: bytes) -> None:
        """End an answer that has begun with an error event, never with a faked end.

        Raises:
            ClientGone: nobody is there to take it.
        """
        await self.send(error_frame(error) if self.streams else b"", more=False)

    def _stop_watching(self) -> None:
        if self._watchers is not None:
            self._watchers.discard(self._lose)
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()

    def close(self) -> None:
        """Stop watching; the exchange is over."""
        self._stop_watching()

    def _check(self) -> None:
        if self.gone:
            raise ClientGone
