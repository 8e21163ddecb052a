"""Keep a tool call back until all of it is known, then let it go on or put a text in its place.

A second stage behind the masker, for policies that watch tool calls alone. What comes before a
call passes at once; from a call's first frame on everything waits in order until the call's
arguments are whole and are decided. Frames of an answer without a refused call keep their bytes.
Pure: who decides is a function.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from ingress.errors import ProtocolError
from ingress.protocol.sse import Frame, SseSplitter
from ingress.protocol.stream import parse_document
from ingress.protocol.texts import CalledTool, Channel, Completion
from ingress.protocol.wire import CallFrames, data_frame

# More than this is held for no call: 100 times the largest patch that was recorded.
HELD_BYTES_MAX: Final = 4 * 1024 * 1024
_DONE: Final = b"[DONE]"

# Says why a call may not go on, in words for a person; None lets it. Arguments that are None are
# larger than may be held.
Decide = Callable[[Channel, CalledTool, str | None], str | None]


class CallGate:
    """Hold the tool calls of one streamed answer.

    Args:
        calls: where the protocol's calls stand.
        completion: what the masker has gathered of the same answer: names and arguments.
        decide: decides a call when it is whole.
        held_bytes_max: a call that needs more is refused unseen.
    """

    __slots__ = (
        "_calls",
        "_completion",
        "_decide",
        "_decided",
        "_held",
        "_held_bytes",
        "_held_bytes_max",
        "_refused",
        "_splitter",
        "waiting",
    )

    def __init__(
        self,
        calls: CallFrames,
        completion: Completion,
        decide: Decide,
        held_bytes_max: int = HELD_BYTES_MAX,
    ) -> None:
        self.waiting: dict[Channel, None] = {}
        self._calls = calls
        self._completion = completion
        self._decide = decide
        self._held_bytes_max = held_bytes_max
        self._splitter = SseSplitter()
        # Name and arguments that were decided: nothing may be added to them.
        self._decided: dict[Channel, tuple[str, str]] = {}
        self._refused: dict[Channel, str] = {}
        self._held: list[tuple[Frame, dict[str, Any]]] = []
        self._held_bytes = 0

    def feed(self, masked: bytes) -> bytes:
        """Return what may go on of a masked piece of the stream, and of what was held before.

        Raises:
            ProtocolError: masking left a frame that is no JSON, or a call that was decided goes on.
        """
        return b"".join([self._frame(frame) for frame in self._splitter.feed(masked)])

    def finish(self) -> bytes:
        """Return what is left when the upstream ended; calls that are not whole stay back."""
        rest = self._splitter.finish()
        return b"" if rest is None else self._frame(rest)

    def _frame(self, frame: Frame) -> bytes:
        if frame.data is None:
            return frame.raw
        if frame.data == _DONE:
            return self._settle([*self.waiting]) + frame.raw
        document = parse_document(frame.data)
        calls = self._calls
        for channel in calls.begun(document):
            if channel not in self._decided:
                self.waiting[channel] = None
            elif channel not in self._refused and self._said(channel) != self._decided[channel]:
                raise ProtocolError("a tool call went on after its end")
        if not self.waiting:
            return self._passed(frame, document)
        if calls.is_ping(document):
            return frame.raw
        calls.note(document, self._completion)
        self._held.append((frame, document))
        self._held_bytes += len(frame.raw)
        released = self._settle(calls.ended(document, self.waiting))
        if self._held_bytes > self._held_bytes_max:
            released += self._settle([*self.waiting], too_large=True)
        return released

    def _settle(self, channels: list[Channel], *, too_large: bool = False) -> bytes:
        """Decide calls; return what was held if that was the last of them."""
        if not channels:
            return b""
        for channel in channels:
            arguments = "".join(self._completion.texts.get(channel, ()))
            message = _ask(
                self._completion, channel, self._decide, None if too_large else arguments
            )
            if message is not None:
                self._refused[channel] = _parted(message, channel, self._completion, self._refused)
            self._decided[channel] = self._said(channel)
            del self.waiting[channel]
        if self.waiting:
            return b""
        held, self._held, self._held_bytes = self._held, [], 0
        return b"".join([self._passed(frame, document) for frame, document in held])

    def _said(self, channel: Channel) -> tuple[str, str]:
        tool = self._completion.tools.get(channel)
        arguments = "".join(self._completion.texts.get(channel, ()))
        return (tool.name if tool else "", arguments)

    def _passed(self, frame: Frame, document: dict[str, Any]) -> bytes:
        if not self._refused:
            return frame.raw
        instead = self._calls.without(document, self._refused, self._completion)
        if instead is None:
            return frame.raw
        return b"".join(
            [data_frame(one, one["type"].encode() if frame.event else b"") for one in instead]
        )


def gate_whole(
    calls: CallFrames, document: dict[str, Any], completion: Completion, decide: Decide
) -> bool:
    """Decide the calls of a whole answer and replace the refused ones in it; say if any was."""
    calls.note(document, completion)
    refused: dict[Channel, str] = {}
    for channel in calls.begun(document):
        arguments = "".join(completion.texts.get(channel, ()))
        message = _ask(completion, channel, decide, arguments)
        if message is not None:
            refused[channel] = _parted(message, channel, completion, refused)
    if refused:
        calls.replace(document, refused, completion)
    return bool(refused)


def _ask(
    completion: Completion, channel: Channel, decide: Decide, arguments: str | None
) -> str | None:
    """Ask about one call, known or not."""
    tool = completion.tools.get(channel)
    if tool is None:
        tool = completion.tools[channel] = CalledTool()
    return decide(channel, tool, arguments)


def _parted(
    message: str, channel: Channel, completion: Completion, refused: Mapping[Channel, str]
) -> str:
    """Return a message that stands apart from what the same choice says before it."""
    spoken = any(
        other.choice == channel.choice and other.kind == "text" and any(pieces)
        for other, pieces in completion.texts.items()
    )
    again = any(other.choice == channel.choice for other in refused)
    return f"\n\n{message}" if spoken or again else message
