"""Say what a format of configuration files can do, and how a place in one is named."""

from enum import Enum
from typing import Any, Final, Protocol, TypeAlias

Value: TypeAlias = Any
"""What JSON can say."""


class Item(tuple[str, str]):
    """The one object of a list whose member (first) is a text (second)."""

    __slots__ = ()


Path: TypeAlias = tuple[str | Item, ...]
"""The steps from the top of a file to a value: a member of an object, an item of a list."""


class _Missing(Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING
"""There is no value at the place."""


class BrokenFile(Exception):
    """A file cannot be read as what it should be; ``line`` counts from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


class Format(Protocol):
    """Read and change the text of a file; a file that is not there is the empty text.

    Every method raises ``BrokenFile`` for a text that is not of the format.
    """

    def get(self, text: str, path: Path) -> Value:
        """Return the value at a place, or ``MISSING``."""

    def put(self, text: str, path: Path, value: Value) -> str:
        """Return the text with a value at a place, made if it is not there."""

    def drop(self, text: str, path: Path) -> str:
        """Return the text without the place."""
