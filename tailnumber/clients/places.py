"""Know where clients keep their configuration on this system."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one account.

    Args:
        own: the command line's own configuration folder.
        platform: as ``sys.platform`` has it.
    """

    home: Path
    own: Path
    platform: str
    environ: Mapping[str, str]

    @classmethod
    def here(cls) -> "Places":
        """Return this account's."""
        from tailnumber.files import config_folder

        return cls(Path.home(), config_folder(), sys.platform, os.environ)

    @property
    def vscode(self) -> Path:
        """Return VS Code's user folder.

        Source: code.visualstudio.com, "User and workspace settings".
        """
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support" / "Code" / "User"
        if self.platform == "win32":
            return self._folder("APPDATA", "AppData/Roaming") / "Code" / "User"
        return self._xdg_config / "Code" / "User"

    @property
    def claude_code(self) -> Path:
        """Return Claude Code's folder."""
        return self._folder("CLAUDE_CONFIG_DIR", ".claude")

    @property
    def codex(self) -> Path:
        """Return Codex's folder."""
        return self._folder("CODEX_HOME", ".codex")

    @property
    def continue_dev(self) -> Path:
        """Return Continue's folder."""
        return self._folder("CONTINUE_GLOBAL_DIR", ".continue")

    @property
    def git_config(self) -> Path:
        """Return the file that ``git config --global`` writes.

        Source: git-config(1), FILES.
        """
        if named := self.environ.get("GIT_CONFIG_GLOBAL"):
            return Path(named)
        usual, other = self.home / ".gitconfig", self._xdg_config / "git" / "config"
        return other if other.exists() and not usual.exists() else usual

    def shell_file(self, client: str) -> Path:
        """Return the file of a client's variables, ours alone, for a shell to read."""
        return self.own / "env" / f"{client}.sh"

    @property
    def _xdg_config(self) -> Path:
        return self._folder("XDG_CONFIG_HOME", ".config")

    def _folder(self, variable: str, default: str) -> Path:
        named = self.environ.get(variable)
        return Path(named) if named else self.home / default
