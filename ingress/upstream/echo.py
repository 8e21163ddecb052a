"""Take a shown credential out of an answer that repeats it, wherever the network cut the bytes.

Looks for exact bytes and nothing else: what only looks like a secret is the masker's matter. A
text without the value passes as the same object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

REPLACEMENT: Final = b"REDACTED_GATEWAY_CREDENTIAL"


class EchoFilter:
    """Filter the headers and the body of one answer."""

    __slots__ = ("_held", "_values")

    def __init__(self, values: Sequence[bytes]) -> None:
        """Look for ``values``, none of them empty."""
        # The longest first: one may hold another.
        self._values = sorted(values, key=len, reverse=True)
        self._held = b""

    def headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return the headers without the values; the same list if there are none."""
        together = b"\n".join([value for _, value in headers])
        if not any(value in together for value in self._values):
            return headers
        return [(name, self._clean(value)) for name, value in headers]

    def feed(self, data: bytes) -> bytes:
        """Return what of the body may go on; b"" if all of it may be the begin of a value."""
        if self._held:
            data = self._held + data
            self._held = b""
        data = self._clean(data)
        if data.endswith(b"\n"):
            return data  # a header's value has no line break, so none begins before one
        begins = self._begins(data)
        if begins < len(data):
            self._held, data = data[begins:], data[:begins]
        return data

    def finish(self) -> bytes:
        """Return what was held back; the body has ended, so it is no value."""
        held, self._held = self._held, b""
        return held

    def _clean(self, data: bytes) -> bytes:
        for value in self._values:
            if value in data:
                data = data.replace(value, REPLACEMENT)
        return data

    def _begins(self, data: bytes) -> int:
        """Return where at the end of the data a value may begin; the length if nowhere."""
        first = len(data)
        for value in self._values:
            at = data.find(value[:1], max(0, len(data) - len(value) + 1), first)
            while at >= 0:
                if value.startswith(data[at:]):
                    first = at
                    break
                at = data.find(value[:1], at + 1, first)
        return first
