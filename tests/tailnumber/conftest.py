"""The command line on a fresh data directory, away from this account's own."""

from pathlib import Path

import pytest
from command_line import CommandLine
from sign_in import FakeGateway, FakeIssuer


@pytest.fixture
def tailnumber(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TAILNUMBER_DATA_DIR", raising=False)
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    return CommandLine(tmp_path / "data")


@pytest.fixture
def account(tmp_path, monkeypatch):
    """A home of its own, without a keyring and without a screen."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in (
        "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DISPLAY", "WAYLAND_DISPLAY", "CODEX_HOME",
        "CLAUDE_CONFIG_DIR", "CONTINUE_GLOBAL_DIR", "GIT_CONFIG_GLOBAL",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tailnumber.login.keys.system_keyring", lambda: None)
    return home


@pytest.fixture
def issuer():
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture
def gateway(issuer):
    with FakeGateway() as gateway:
        gateway.issuers = [issuer.registration()]
        yield gateway


@pytest.fixture
def sign_in(tailnumber, account, gateway):
    """Sign in at the gateway by the command line."""

    def run(*options):
        return tailnumber.on_data("login", "--gateway", gateway.url, *options)

    return run
