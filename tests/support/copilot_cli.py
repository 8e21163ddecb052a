"""Run GitHub's Copilot CLI for one prompt, with nothing of the machine's own configuration."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

BYOK = {
    # How the CLI is told of a provider: type, wire format, what is behind the gateway's URL.
    "completions": ("openai", "completions", "/v1", "gpt-5.4"),
    "responses": ("openai", "responses", "/v1", "gpt-5.4"),
    "anthropic": ("anthropic", "", "", "claude-sonnet-4.6"),
}


@dataclass
class CopilotCli:
    """The program, what it is redirected to, and the home that it gets."""

    program: Path
    gateway: str
    key: str
    home: Path

    def __post_init__(self) -> None:
        self.project = self.home / "project"
        self.project.mkdir(parents=True)
        (self.project / "main.py").write_text("def refund(order):\n    return order\n")

    def ask(self, prompt: str, mode: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Ask once; ``mode`` is ``github`` or one of ``BYOK``."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "COPILOT_HOME": str(self.home / ".copilot"),
            "COPILOT_AUTO_UPDATE": "false",
            "CI": "1",
            "NO_COLOR": "1",
            "LANG": "C.UTF-8",
            # Nothing but the gateway may be reached.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
            **self._redirected(mode),
        }
        return subprocess.run(
            [self.program, "-p", prompt, "--allow-all-tools", "--no-color"],
            env=environment,
            cwd=self.project,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )

    def _redirected(self, mode: str) -> dict[str, str]:
        if mode == "github":
            # The CLI takes a token with one of GitHub's own prefixes only.
            return {
                "COPILOT_GITHUB_TOKEN": f"gho_{self.key}",
                "COPILOT_DEBUG_GITHUB_API_URL": self.gateway,
                "COPILOT_MODEL": "gpt-5.4",
            }
        kind, wire, path, model = BYOK[mode]
        return {
            "COPILOT_OFFLINE": "true",
            "COPILOT_PROVIDER_TYPE": kind,
            "COPILOT_PROVIDER_BASE_URL": self.gateway + path,
            "COPILOT_PROVIDER_API_KEY": self.key,
            "COPILOT_MODEL": model,
            **({"COPILOT_PROVIDER_WIRE_API": wire} if wire else {}),
        }
