"""Name the people of the demo's company and the clients that they work with. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Person:
    """One employee with the client on their machine; ``client`` is a key of ``CLIENTS``."""

    user: str
    groups: tuple[str, ...]
    client: str
    device: str
    repository: str

    @property
    def email(self) -> str:
        """Return the mail address."""
        return f"{self.user}@acme.example"


ADA: Final = Person("ada", ("engineering", "payments"), "vscode", "ada-mbp", "acme/payments")
BEN: Final = Person("ben", ("engineering", "web"), "jetbrains", "ben-thinkpad", "acme/web")
CHEN: Final = Person("chen", ("data",), "openai", "notebooks-2", "acme/warehouse")
DANA: Final = Person("dana", ("contractors",), "vscode", "dana-xps", "acme/payments")
EMIL: Final = Person("emil", ("engineering", "search"), "cli", "emil-linux", "acme/search")
FARAH: Final = Person("farah", ("engineering", "on-hold"), "jetbrains", "farah-mbp", "acme/web")
PEOPLE: Final = (ADA, BEN, CHEN, DANA, EMIL, FARAH)

# What each client says about itself. Source: headers of the shipping clients, as they send them.
CLIENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "vscode": {
        "user-agent": "GithubCopilot/1.539.0",
        "editor-version": "vscode/1.122.0",
        "editor-plugin-version": "copilot-chat/0.47.0",
        "copilot-language-server-version": "1.539.0",
        "copilot-integration-id": "vscode-chat",
    },
    "jetbrains": {
        "user-agent": "GithubCopilot/1.539.0",
        "editor-version": "JetBrains-IU/261.2210",
        "editor-plugin-version": "copilot-intellij/1.9.4",
        "copilot-language-server-version": "1.539.0",
        "copilot-integration-id": "jetbrains-chat",
    },
    "cli": {
        "user-agent": "copilot/1.0.61 (linux)",
        "copilot-integration-id": "copilot-developer-cli",
    },
    "openai": {"user-agent": "OpenAI/Python 2.9.0"},
}
# The header in which each client names its session.
SESSION_HEADERS: Final[Mapping[str, str]] = {
    "vscode": "vscode-sessionid",
    "jetbrains": "vscode-sessionid",
    "cli": "x-client-session-id",
    "openai": "x-session-id",
}
