"""Match file paths against the patterns of ``exclude``; pure.

A path comes as the client says it: absolute in a chat, relative to the workspace in an inline
prompt, with either slash. A pattern therefore begins at any folder, unless it begins with a slash.
"""

import posixpath
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

import re2  # type: ignore[import-untyped]  # ships no types

_PIECE: Final = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_SCHEME: Final = re.compile(r"^[a-z][a-z0-9+.-]+://[^/]*", re.IGNORECASE)
_WILD: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class PathGlobs:
    """Patterns such as ``**/secrets/**`` or ``*.pem``; letter case makes no difference."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Compile them: ``*`` and ``?`` stay within a folder, ``**`` does not."""
        self.patterns = tuple(patterns)
        either = "|".join(_expression(pattern) for pattern in patterns) or r"[^\s\S]"
        self._expression = re2.compile(f"(?is)^(?:{either})$")

    def __bool__(self) -> bool:
        """Tell whether there is any pattern."""
        return bool(self.patterns)

    def match(self, path: str) -> bool:
        """Tell whether a pattern matches; a link of the ``file`` kind is read as its path."""
        plain = unquote(_SCHEME.sub("", path)) if "://" in path else path
        plain = posixpath.normpath(plain.replace("\\", "/"))
        return self._expression.search(plain) is not None


def _expression(pattern: str) -> str:
    anchored = pattern.startswith("/")
    pieces = _PIECE.findall(pattern.removeprefix("./"))
    inner = "".join(_WILD.get(piece) or re2.escape(piece) for piece in pieces)
    return inner if anchored else f"(?:.*/)?{inner}"
