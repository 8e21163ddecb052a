from pathlib import Path

import pytest

from tailnumber.clients.places import Places

HOME = Path("/home/ada")


def places(platform="linux", home=HOME, **environ):
    return Places(home, home / "own", platform, environ)


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("linux", {}, "/home/ada/.config/Code/User"),
        ("linux", {"XDG_CONFIG_HOME": "/x"}, "/x/Code/User"),
        ("darwin", {"XDG_CONFIG_HOME": "/x"}, "/home/ada/Library/Application Support/Code/User"),
        ("win32", {"APPDATA": "/r"}, "/r/Code/User"),
        ("win32", {}, "/home/ada/AppData/Roaming/Code/User"),
    ],
    ids=["Linux", "Linux, XDG", "macOS", "Windows", "Windows without APPDATA"],
)
def test_vs_code_is_where_its_system_keeps_it(platform, environ, folder):
    assert places(platform, **environ).vscode == Path(folder)


def test_clients_own_variables_win():
    there = places(CLAUDE_CONFIG_DIR="/a", CODEX_HOME="/b", CONTINUE_GLOBAL_DIR="/c")

    assert (there.claude_code, there.codex, there.continue_dev) == (
        Path("/a"),
        Path("/b"),
        Path("/c"),
    )
    assert places().claude_code == HOME / ".claude"
    assert places().codex == HOME / ".codex"
    assert places().continue_dev == HOME / ".continue"


def test_git_writes_the_file_that_git_would_write(tmp_path):
    here = places(home=tmp_path)
    assert here.git_config == tmp_path / ".gitconfig"

    other = tmp_path / ".config" / "git" / "config"
    other.parent.mkdir(parents=True)
    other.touch()
    assert here.git_config == other

    (tmp_path / ".gitconfig").touch()
    assert here.git_config == tmp_path / ".gitconfig"
    assert places(GIT_CONFIG_GLOBAL="/g").git_config == Path("/g")
