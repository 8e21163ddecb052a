"""Run commands of ``tailnumber`` in this process, as ``main`` does, and catch what they print."""

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tailnumber.cli import main


class Result(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


class CommandLine:
    """The command line on one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def __call__(self, *arguments: str, stdin: str = "") -> Result:
        out, err = io.StringIO(), io.StringIO()
        given, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin.encode()))
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    main([*arguments])
                    code = 0
                except SystemExit as end:
                    code = int(end.code or 0)
        finally:
            sys.stdin = given
        return Result(code, out.getvalue(), err.getvalue())

    def on_data(self, *arguments: str, stdin: str = "") -> Result:
        """Run a command that takes ``--data-dir``."""
        return self(*arguments, "--data-dir", str(self.data_dir), stdin=stdin)
