"""Find the runs of base64 in a text that hold text, and decode them.

Printable ASCII leaves its mark in base64: the top bit of each byte is 0, which rules out half of
the alphabet at the second and third character of each group of four, and most of it at the first.
So a run is recognised by one look of RE2, and names in code are not taken for one. Both alphabets
(RFC 4648 sections 4 and 5) are read; lines of wrapped base64 are decoded each for itself. Pure.
Used by `ingress.masking.detect`, for whole texts only.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Iterator

from ingress.masking.rules import compile_pattern

LEAST_GROUPS = 5
"""A run counts with this many groups of four characters of text in a row."""

MOST_RUNS = 1000
"""How many runs of one text are decoded."""

_FIRST = "CDI-Za-f"  # bytes 0x08-0x0F (line ends) and 0x20-0x7F
_SECOND = "A-HQ-Xg-nw-z0-3"
_THIRD = "ABEFIJMNQRUVYZcdghklopstwx014589"
_GROUPS = compile_pattern(f"(?:[{_FIRST}][{_SECOND}][{_THIRD}][A-Za-z0-9+/_-]){{{LEAST_GROUPS}}}")
_RUN = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_ALPHABET = string.ascii_letters + string.digits + "+/_-"
_REACH = 65_536  # characters before a hit in which the run may begin
_STANDARD = str.maketrans("-_", "+/")


def decoded_runs(text: str, data: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and decoded text of each run of base64, in characters.

    Args:
        text: with escapes undone, so that a run does not begin inside one.
        data: the same text in UTF-8.
    """
    if not _GROUPS.search(data):
        return
    if len(data) != len(text):
        data = text.encode("latin-1", "replace")  # one byte a character: offsets hold
    at = 0
    for _ in range(MOST_RUNS):
        hit = _GROUPS.search(data, at)
        if hit is None:
            return
        first = hit.start()
        before = text[max(at, first - _REACH) : first]
        start = first - len(before) + len(before.rstrip(_ALPHABET))
        run = _RUN.match(text, first)
        at = run.end() if run else hit.end()
        yield start, at, _decode(text[start + (first - start) % 4 : at])


def _decode(run: str) -> str:
    bare = run.rstrip("=").translate(_STANDARD)
    bare = bare[: len(bare) - (len(bare) % 4 == 1)]
    try:
        decoded = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:  # pragma: no cover  # the run holds nothing but the alphabet
        return ""
    return decoded.decode("utf-8", "replace")
