"""Files that are ours alone: their whole text is the value, at the empty path."""

from tailnumber.clients.formats.base import MISSING, Path, Value


class Whole:
    """See ``Format``."""

    def get(self, text: str, path: Path) -> Value:
        """Return the text."""
        del path
        return text or MISSING

    def put(self, text: str, path: Path, value: Value) -> str:
        """Return the value."""
        del text, path
        return str(value)

    def drop(self, text: str, path: Path) -> str:
        """Return nothing."""
        del text, path
        return ""
