"""Split a server-sent event stream into frames that keep their exact bytes.

Source: WHATWG HTML, section 9.2.6 "Interpreting an event stream".
"""

import re
from dataclasses import dataclass

from ingress.errors import ProtocolError

# A single event above this ends the stream: nobody streams code in events this large.
FRAME_BYTES_MAX = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
# The first line end must not be half of a CRLF. The second may be: its line feed then opens the
# next frame as an empty line, which every parser skips, and no byte is lost or waited for.
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_LINE = re.compile(rb"\r\n|\n|\r")


class FrameTooLarge(ProtocolError):
    """One event is larger than ``FRAME_BYTES_MAX``."""

    code = "sse_frame_too_large"


@dataclass(slots=True)
class Frame:
    """One event: its exact bytes with the blank line that ends it, its name and its data.

    ``data`` is None where the event carries none (a comment, a bare ``event:`` line).
    """

    raw: bytes
    event: bytes
    data: bytes | None


class SseSplitter:
    """Turn pieces of a stream, cut anywhere, into whole frames."""

    __slots__ = ("_begun", "_buffer", "_scanned")

    def __init__(self) -> None:
        self._buffer = b""
        self._scanned = 0
        self._begun = False

    def feed(self, piece: bytes) -> list[Frame]:
        """Return the frames that this piece completes.

        Raises:
            FrameTooLarge: an event grew over the limit.
        """
        buffer = self._buffer + piece if self._buffer else piece
        frames: list[Frame] = []
        start = 0
        search_from = self._scanned
        plain = b"\r" not in buffer
        while True:
            if plain:
                end = buffer.find(b"\n\n", search_from)
                end = end + 2 if end >= 0 else -1
            else:
                match = _BLANK_LINE.search(buffer, search_from)
                end = match.end() if match else -1
            if end < 0:
                break
            frames.append(self._frame(buffer[start:end]))
            start = search_from = end
        self._buffer = buffer[start:]
        # A blank line takes at most four bytes: look at the last three again with the next piece.
        self._scanned = max(0, len(self._buffer) - 3)
        if len(self._buffer) > FRAME_BYTES_MAX:
            raise FrameTooLarge("an event of the stream is too large")
        return frames

    def finish(self) -> Frame | None:
        """Return what stands after the last blank line, as a frame; None if nothing does.

        A browser would drop an unfinished event; a gateway must not lose what it may contain.
        """
        if not self._buffer:
            return None
        rest, self._buffer, self._scanned = self._buffer, b"", 0
        return self._frame(rest)

    def _frame(self, raw: bytes) -> Frame:
        text = raw
        if not self._begun:
            self._begun = True
            text = raw.removeprefix(_BOM)
        data = text[6:-2]
        one_line = b"\n" not in data and b"\r" not in data
        if one_line and text.startswith(b"data: ") and text.endswith(b"\n\n"):
            return Frame(raw, b"", data)
        return _parse_fields(raw, text)


def _parse_fields(raw: bytes, text: bytes) -> Frame:
    event, data = b"", None
    for line in _LINE.split(text):
        name, colon, value = line.partition(b":")
        if colon and value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            data = value if data is None else data + b"\n" + value
        elif name == b"event":
            event = value
    return Frame(raw, event, data)


def with_data(frame: Frame, data: bytes) -> bytes:
    """Return the frame's bytes with other data (one line), its other lines as they came."""
    kept = [
        line
        for line in _LINE.split(frame.raw.rstrip(b"\r\n"))
        if line and not line.startswith((b"data:", b"data\r", _BOM)) and line != b"data"
    ]
    return b"\n".join([*kept, b"data: " + data]) + b"\n\n"


def error_frame(error: bytes) -> bytes:
    """Return an error event; ``error`` is one line of JSON that names no content."""
    return b"event: error\ndata: " + error + b"\n\n"
