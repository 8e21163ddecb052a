"""Know who answers for a repository and how much hangs on it. Pure.

``repository,owner,criticality``: a pattern over ``owner/name`` in which ``*``, ``?`` and ``[…]``
are wildcards, compared without regard to case as GitHub does. The first row that matches answers.
"""

import re
from collections.abc import Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Final, get_args

import msgspec

from pipeline.enrichment.table import read_lines
from schemas import fields

REQUIRED: Final = ("repository", "owner")
OPTIONAL: Final = ("criticality",)

CRITICALITIES: Final = get_args(get_args(fields.RepositoryCriticality)[0])

# Repositories whose answer is remembered; each takes a look at every pattern otherwise.
REMEMBERED_MAX: Final = 10_000


class Care(msgspec.Struct, frozen=True, gc=False):
    """Who answers for a repository, and its criticality if that was said."""

    owner: str
    criticality: str | None


class Repositories:
    """Find a repository's care; made by ``read_repositories``."""

    def __init__(self, patterns: Sequence[tuple[str, Care]]) -> None:
        compiled = [(re.compile(translate(glob)), care) for glob, care in patterns]

        @lru_cache(maxsize=REMEMBERED_MAX)
        def find(repository: str) -> Care | None:
            name = repository.lower()
            return next((care for pattern, care in compiled if pattern.match(name)), None)

        self._find = find
        self._count = len(compiled)

    def find(self, repository: str) -> Care | None:
        """Return the care of ``owner/name``, or ``None`` if no row matches."""
        return self._find(repository)

    def __len__(self) -> int:
        return self._count


def read_repositories(data: bytes, file: str) -> Repositories:
    """Return the repositories in a CSV file.

    Raises:
        SourceError: a wrong header, a duplicate or a bad value; says where.
    """
    patterns: list[tuple[str, Care]] = []
    seen: dict[str, int] = {}
    for line in read_lines(data, file, REQUIRED, OPTIONAL):
        glob = line.needed("repository").lower()
        first = seen.setdefault(glob, line.number)
        if first != line.number:
            raise line.error(f"this repository stands on line {first} already; keep one")
        criticality = line.text("criticality")
        if criticality is not None and criticality not in CRITICALITIES:
            raise line.error(f"criticality is none of {', '.join(CRITICALITIES)}")
        patterns.append((glob, Care(line.needed("owner"), criticality)))
    return Repositories(patterns)
