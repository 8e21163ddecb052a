"""Read a stream's next frame by the last one, where the two differ in one text alone. Pure.

Nearly every frame of a stream is the one before it with another word in one place. Such a frame
means, by construction, what the frame before it meant: it needs neither to be parsed nor to be
looked through for names again. What is not such a frame is read whole, as the first was.
"""

from typing import Any, NamedTuple

import orjson

from ingress.protocol.sse import Frame
from ingress.protocol.texts import Delta

# Any text will do: it is looked for nowhere.
_MARK = "another text"
_MARK_JSON = orjson.dumps(_MARK)


class Template(NamedTuple):
    """A frame cut open at its only text, between the quotes; ``delta`` tells where it stands."""

    head: bytes
    tail: bytes
    delta: Delta
    document: dict[str, Any]

    def text_of(self, raw: bytes) -> str | None:
        """Return the text of a frame that is like this one but for its text, which is not empty.

        None for every other frame. What stands between head and tail is a whole JSON string only
        if it is one between quotes: no quote, escape or line end in it can end it early.
        """
        head, tail = self.head, self.tail
        if not raw.startswith(head) or not raw.endswith(tail):
            return None
        try:
            text: str = orjson.loads(b'"%b"' % raw[len(head) : -len(tail)])
        except orjson.JSONDecodeError:
            return None
        return text or None

    def with_text(self, text: str) -> bytes:
        """Return the frame with another text."""
        return self.head + orjson.dumps(text)[1:-1] + self.tail


def template_of(frame: Frame, delta: Delta, document: dict[str, Any]) -> Template | None:
    """Return the template of a frame whose document is unchanged and has this one delta.

    None if the place of the text in the bytes is in doubt.
    """
    data, raw = frame.data or b"", frame.raw
    written = orjson.dumps(delta.value)
    if data.count(written) != 1 or raw.count(data) != 1:
        return None
    before, _, after = data.partition(written)
    delta.holder[delta.key] = _MARK
    is_there = orjson.loads(before + _MARK_JSON + after) == document
    delta.holder[delta.key] = delta.value
    if not is_there:
        return None
    head, _, tail = raw.partition(data)
    return Template(head + before + b'"', b'"' + after + tail, delta, document)
