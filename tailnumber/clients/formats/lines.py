"""Files of ``NAME=value`` lines, such as ``.env``; values here need no quotes."""

import re

from tailnumber.clients.formats.base import MISSING, Path, Value


class Lines:
    """See ``Format``; a path is one name. Of a name that stands twice the last counts."""

    def get(self, text: str, path: Path) -> Value:
        """Return what stands after the name."""
        found = _line(path).findall(text)
        return found[-1] if found else MISSING

    def put(self, text: str, path: Path, value: Value) -> str:
        """Replace the name's lines by one, or add it at the end."""
        line = f"{path[0]}={value}\n"
        places = list(_line(path).finditer(text))
        if places:
            last = places[-1]
            return _line(path).sub("", text[: last.start()]) + line + text[last.end() :]
        return text + ("\n" if text and not text.endswith("\n") else "") + line

    def drop(self, text: str, path: Path) -> str:
        """Remove the name's lines."""
        return _line(path).sub("", text)


def _line(path: Path) -> re.Pattern[str]:
    return re.compile(rf"^(?:export )?{re.escape(str(path[0]))}=(.*)(?:\n|\Z)", re.MULTILINE)
