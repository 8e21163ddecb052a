"""git's configuration, written by git itself, on a copy.

A path is one name such as ``credential.https://host.helper``; a value is the list of its values.
"""

import re
import subprocess
import tempfile
from pathlib import Path as FilePath
from typing import Final, Self

from tailnumber.clients.formats.base import MISSING, BrokenFile, Path, Value
from tailnumber.errors import CommandError

# Source: git-config(1): how git ends when a name is not there, and when it is not to be unset.
_NOT_THERE: Final = frozenset({1, 5})
_BAD_LINE: Final = re.compile(rb"bad config line (\d+)")
_TIMEOUT_SECONDS: Final = 20


class Git:
    """See ``Format``."""

    def get(self, text: str, path: Path) -> Value:
        """Return the values, in order."""
        with _Copy(text) as copy:
            out = copy.run("--null", "--get-all", str(path[0]))
        return out.decode().split("\0")[:-1] if out else MISSING

    def put(self, text: str, path: Path, value: Value) -> str:
        """Set the values; those of before go."""
        if self.get(text, path) == value:
            return text
        with _Copy(text) as copy:
            copy.run("--unset-all", str(path[0]))
            for each in value:
                copy.run("--add", str(path[0]), str(each))
            return copy.text()

    def drop(self, text: str, path: Path) -> str:
        """Remove the values."""
        with _Copy(text) as copy:
            copy.run("--unset-all", str(path[0]))
            return copy.text()


class _Copy:
    """The file as git sees it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="tailnumber-")
        self._file = FilePath(self._folder.name, "config")
        self._file.write_text(self._text)
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def text(self) -> str:
        return self._file.read_text()

    def run(self, *arguments: str) -> bytes:
        try:
            done = subprocess.run(
                ["git", "config", "--file", str(self._file), *arguments],  # noqa: S607 - the user's git
                capture_output=True,
                check=False,
                timeout=_TIMEOUT_SECONDS,
            )
        except FileNotFoundError:
            raise CommandError("git is not installed, or not on the PATH.") from None
        if done.returncode not in {0, *_NOT_THERE}:
            line = _BAD_LINE.search(done.stderr)
            raise BrokenFile(int(line[1]) if line else 1, "git cannot read it")
        return done.stdout
