"""The command line on a fresh data directory, away from this account's own."""

from pathlib import Path

import pytest
from command_line import CommandLine


@pytest.fixture
def tailnumber(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TAILNUMBER_DATA_DIR", raising=False)
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    return CommandLine(tmp_path / "data")
