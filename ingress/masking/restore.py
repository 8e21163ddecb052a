"""Put values back where an answer repeats the placeholders that its own request introduced.

The vault is what `Masker.mask` collected from one request; it lives as long as that request and is
never written anywhere. Values go in as plain text: whoever writes them into JSON encodes them. The
caller decides where values may return (never into tool calls that send to the network) and masks
what the model itself wrote first. Whatever the pieces of a stream, the result is that of the whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence


class Restorer:
    """Knows the placeholders of one request.

    Args:
        vault: value by placeholder; copied.
    """

    def __init__(self, vault: Mapping[str, str]) -> None:
        self._vault = {name: value for name, value in vault.items() if name}
        self._sorted = sorted(self._vault)
        self._lengths = sorted({len(name) for name in self._vault}, reverse=True)
        self._head = _common_beginning(self._sorted)

    @property
    def longest(self) -> int:
        """Return the length of the longest placeholder, in characters; 0 when there are none."""
        return self._lengths[0] if self._lengths else 0

    def restore(self, text: str) -> str:
        """Return a text with its known placeholders replaced, or the same object."""
        return self._put_back(text, len(text))

    def stream(self) -> StreamRestorer:
        """Return a restorer for one channel of a stream."""
        return StreamRestorer(self)

    def split(self, text: str) -> tuple[str, str]:
        """Return the restored text that is decided, and the rest, which may be a placeholder.

        The rest is shorter than the longest placeholder.
        """
        if not self._vault:
            return text, ""
        hold = self._undecided(text)
        return self._put_back(text, hold), text[hold:]

    def _put_back(self, text: str, end: int) -> str:
        pieces: list[str] = []
        at = 0
        for start, name in self._placeholders(text, end):
            pieces += (text[at:start], self._vault[name])
            at = start + len(name)
        if not pieces:
            return text if end == len(text) else text[:end]
        return "".join([*pieces, text[at:end]])

    def _placeholders(self, text: str, end: int) -> Iterator[tuple[int, str]]:
        """Yield the placeholders that do not overlap, of two at one place the longer."""
        at = self._next(text, 0, end)
        while at >= 0:
            name = self._name_at(text, at)
            if name:
                yield at, name
            at = self._next(text, at + (len(name) or 1), end)

    def _next(self, text: str, at: int, end: int) -> int:
        """Return where a placeholder may begin before `end`, else -1."""
        if not self._vault:
            return -1
        return text.find(self._head, at, end - 1 + len(self._head)) if at < end else -1

    def _name_at(self, text: str, at: int) -> str:
        for length in self._lengths:
            name = text[at : at + length]
            if name in self._vault:
                return name
        return ""

    def _undecided(self, text: str) -> int:
        """Return where the first placeholder may have begun whose end has not arrived."""
        size = len(text)
        at = max(size - self.longest + 1, 0)
        for start, name in self._placeholders(text, at):
            at = max(at, start + len(name))  # one that begins this early cannot grow
        while at < size:
            if self._may_grow(text[at:]):
                return at
            at += len(self._name_at(text, at)) or 1
        return size

    def _may_grow(self, tail: str) -> bool:
        """Tell whether some placeholder begins with a tail and goes on."""
        at = bisect_left(self._sorted, tail)
        if at < len(self._sorted) and self._sorted[at] == tail:
            at += 1
        return at < len(self._sorted) and self._sorted[at].startswith(tail)


class StreamRestorer:
    """Restores one channel; holds back only what may become a placeholder of the vault."""

    def __init__(self, restorer: Restorer) -> None:
        self._restorer = restorer
        self._pending = ""

    @property
    def held(self) -> int:
        """Return how many characters are held back."""
        return len(self._pending)

    def feed(self, delta: str) -> str:
        """Take the next piece and return what is decided now, perhaps ""."""
        out, self._pending = self._restorer.split(self._pending + delta)
        return out

    def finish(self) -> str:
        """Return the rest. The text has ended."""
        rest, self._pending = self._pending, ""
        return self._restorer.restore(rest)


def _common_beginning(names: Sequence[str]) -> str:
    """Return what all names begin with; they are sorted."""
    if not names:
        return ""
    first, last = names[0], names[-1]
    same = (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(same, min(len(first), len(last)))]
