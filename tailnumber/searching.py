"""Find a text in what was recorded: sealed texts are opened here, one by one, and compared.

The warehouse cannot search what it cannot read; it narrows the parts down by time, person and
repository first. Pure but for opening the texts.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from tailnumber.reader import Reader
from tailnumber.trail import Row

# Characters shown before and after a hit.
_AROUND: Final = 60
_OF_HIT: Final = (
    "occurred_at", "session_id", "interaction_id", "principal_id", "principal_subject",
    "principal_email", "repository", "role", "kind", "part_id",
)  # fmt: skip


class Searched(NamedTuple):
    """What a search found, how many texts it opened, and how many it could not."""

    hits: list[dict[str, Any]]
    opened_count: int
    erased_count: int
    complete: bool


def search(parts: Iterable[Row], reader: Reader, wanted: str, limit: int) -> Searched:
    """Return the parts whose text holds ``wanted``, in any case.

    Args:
        parts: rows of ``questions.SEARCHED_PARTS``, newest first.
        reader: who opens them.
        wanted: not empty.
        limit: stop after so many hits.

    Raises:
        CommandError: a text or the keys are damaged.
    """
    needle = wanted.casefold()
    hits: list[dict[str, Any]] = []
    opened_count = erased_count = 0
    for row in parts:
        text = reader.part(row)
        if text is None:
            erased_count += 1
            continue
        opened_count += 1
        if needle in text.casefold():
            found = {name: row.get(name) for name in _OF_HIT}
            hits.append({**found, "excerpt": excerpt(text, wanted), "text": text})
            if len(hits) == limit:
                return Searched(hits, opened_count, erased_count, complete=False)
    return Searched(hits, opened_count, erased_count, complete=True)


def excerpt(text: str, wanted: str) -> str:
    """Return the surroundings of the first place that holds ``wanted``, on one line."""
    # Case folding may change lengths ("ß"): where it does, the excerpt begins a little off.
    at = max(text.casefold().find(wanted.casefold()), 0)
    begin, end = max(at - _AROUND, 0), at + len(wanted) + _AROUND
    cut = " ".join(text[begin:end].split())
    return f"{'…' if begin else ''}{cut}{'…' if end < len(text) else ''}"
