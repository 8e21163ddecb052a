"""The command line for commands that a page shows."""

from pathlib import Path

import pytest
from command_line import CommandLine


@pytest.fixture
def tailnumber(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TAILNUMBER_DATA_DIR", raising=False)
    return CommandLine(tmp_path / "data")
