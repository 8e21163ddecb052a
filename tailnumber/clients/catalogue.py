"""Say, client by client, what is to stand where; pure.

Preferred is a command that the client runs for a key (nothing lies about, nothing wears out), then
a variable that a shell fills when it starts, last a key in a file of mode 0600.
"""

import shlex
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import yaml

from ingress.upstream.origin import Origin
from tailnumber.clients.formats import Item
from tailnumber.clients.formats import Path as Place
from tailnumber.clients.plan import Client, FileEdit, Model, Plan, Setup

# How long a client uses a key before it asks for it again; renewal begins hours ahead of its end.
_ASK_AGAIN_MILLISECONDS: Final = 300_000
# A renewal asks an issuer and a gateway.
_COMMAND_TIMEOUT_MILLISECONDS: Final = 30_000
_CONTINUE_SECRET: Final = "TAILNUMBER_KEY"  # noqa: S105 - the name of one


def _claude_code(setup: Setup) -> Plan:
    """Source: code.claude.com, "LLM gateway configuration"."""
    values: tuple[tuple[Place, Any], ...] = (
        (("env", "ANTHROPIC_BASE_URL"), setup.gateway),
        (("env", "CLAUDE_CODE_API_KEY_HELPER_TTL_MS"), str(_ASK_AGAIN_MILLISECONDS)),
        (("env", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"), "1"),
        (("apiKeyHelper",), shlex.join(setup.key_command)),
    )
    file = setup.places.claude_code / "settings.json"
    steps = ("ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN in a shell win over this: unset them.",)
    return Plan((FileEdit(file, "jsonc", values),), steps)


def _codex(setup: Setup) -> Plan:
    """Source: developers.openai.com, Codex "Advanced configuration": custom model providers."""
    provider = {
        "name": "Tailnumber",
        "base_url": f"{setup.gateway}/v1",
        "wire_api": "responses",
        "auth": {
            "command": setup.key_command[0],
            "args": list(setup.key_command[1:]),
            "timeout_ms": _COMMAND_TIMEOUT_MILLISECONDS,
            "refresh_interval_ms": _ASK_AGAIN_MILLISECONDS,
        },
    }
    values: tuple[tuple[Place, Any], ...] = (
        (("model_provider",), "tailnumber"),
        (("model_providers", "tailnumber"), provider),
    )
    return Plan((FileEdit(setup.places.codex / "config.toml", "toml", values),))


def _vscode(setup: Setup) -> Plan:
    """Source: code.visualstudio.com, "AI language models in VS Code": custom endpoint."""
    provider = {
        "name": "Tailnumber",
        "vendor": "customendpoint",
        "apiKey": setup.key,
        "models": [_vscode_model(setup.gateway, model) for model in setup.models],
    }
    place = (Item(("name", "Tailnumber")),)
    file = setup.places.vscode / "chatLanguageModels.json"
    steps = (
        "Restart VS Code (1.122 or later) and choose a Tailnumber model in the chat's model list.",
        "The file holds the key itself (mode 0600): have cron run `tailnumber login --renew`.",
        "Its inline completions do not take this way, see docs/clients/vscode.md",
    )
    return Plan((FileEdit(file, "jsonc", ((place, provider),), holds_key=True),), steps)


def _vscode_model(gateway: str, model: Model) -> dict[str, Any]:
    api_type, path = "chat-completions", "/v1/chat/completions"
    if "/chat/completions" not in model.endpoints:
        if "/responses" in model.endpoints:
            api_type, path = "responses", "/v1/responses"
        elif "/v1/messages" in model.endpoints:
            api_type, path = "messages", "/v1/messages"
    return {
        "id": model.id,
        "name": model.name,
        "url": f"{gateway}{path}",
        "apiType": api_type,
        "toolCalling": model.has_tools,
        "vision": model.has_vision,
        "maxInputTokens": model.input_tokens_max,
        "maxOutputTokens": model.output_tokens_max,
    }


def _continue(setup: Setup) -> Plan:
    """Source: docs.continue.dev, "Configuring models, rules, and tools": local model blocks."""
    block = {
        "name": "Tailnumber",
        "version": "1.0.0",
        "schema": "v1",
        "models": [
            {
                "name": f"{model.name} (Tailnumber)",
                "provider": "openai",
                "model": model.id,
                "apiBase": f"{setup.gateway}/v1",
                "apiKey": f"${{{{ secrets.{_CONTINUE_SECRET} }}}}",
                "roles": ["chat", "edit", "apply"],
            }
            for model in setup.models
        ],
    }
    head = _head("continue")
    text = head + yaml.safe_dump(block, sort_keys=False, allow_unicode=True)
    folder = setup.places.continue_dev
    edits = (
        FileEdit(folder / "models" / "tailnumber.yaml", "whole", (((), text),)),
        FileEdit(folder / ".env", "lines", (((_CONTINUE_SECRET,), setup.key),), holds_key=True),
    )
    steps = (
        "Continue keeps the key in its .env: have cron run `tailnumber login --renew`.",
        f"Its command line needs the file named: cn --config {_quoted(edits[0].file)}",
    )
    return Plan(edits, steps)


def _copilot_cli(setup: Setup) -> Plan:
    """Source: the Copilot CLI's own `copilot help providers`."""
    model = setup.models[0]
    wire_api = "completions" if "/chat/completions" in model.endpoints else "responses"
    variables = {
        "COPILOT_PROVIDER_TYPE": "openai",
        "COPILOT_PROVIDER_BASE_URL": f"{setup.gateway}/v1",
        "COPILOT_PROVIDER_WIRE_API": wire_api,
        "COPILOT_PROVIDER_API_KEY_COMMAND": shlex.join(setup.key_command),
        "COPILOT_MODEL": model.id,
        "COPILOT_OFFLINE": "true",
    }
    return _shell(setup, "copilot-cli", variables, key_variable=None)


def _language_server(setup: Setup) -> Plan:
    variables = {"GH_COPILOT_API_URL": setup.gateway, "GH_COPILOT_SERVER_URL": setup.gateway}
    return _shell(setup, "language-server", variables, key_variable="GH_COPILOT_TOKEN")


def _jetbrains(setup: Setup) -> Plan:
    variables = {"GH_COPILOT_API_URL": setup.gateway, "GH_COPILOT_SERVER_URL": setup.gateway}
    plan = _shell(setup, "jetbrains", variables, key_variable="GH_COPILOT_TOKEN")
    step = (
        "Start the IDE from a shell that has read it (idea .): its Copilot plugin runs the "
        "language server, which takes the variables over. Restart the IDE for another key."
    )
    return Plan(plan.edits, (*plan.steps, step))


def _openai(setup: Setup) -> Plan:
    variables = {"OPENAI_BASE_URL": f"{setup.gateway}/v1"}
    return _shell(setup, "openai", variables, key_variable="OPENAI_API_KEY")


def _aider(setup: Setup) -> Plan:
    variables = {"OPENAI_API_BASE": f"{setup.gateway}/v1"}
    if setup.models:
        variables["AIDER_MODEL"] = f"openai/{setup.models[0].id}"
    plan = _shell(setup, "aider", variables, key_variable="OPENAI_API_KEY")
    step = () if setup.models else ("Name the model with its provider: aider --model openai/NAME",)
    return Plan(plan.edits, (*plan.steps, *step))


def _cursor(setup: Setup) -> Plan:
    return Plan(
        steps=(
            "Cursor keeps these settings where no other program can write them. In Cursor:",
            "1. Settings > Models > API Keys: switch on `Override OpenAI Base URL`",
            f"   and enter {setup.gateway}/v1",
            "2. Enter as the OpenAI API key what this prints:",
            f"   {shlex.join(setup.key_command)}",
            "3. Add the models that you use by name. Enter the key again when it has ended.",
            "What Cursor serves with its own models does not come this way: docs/clients/cursor.md",
        )
    )


def _git(setup: Setup) -> Plan:
    """Source: gitcredentials(7), git-config(1)."""
    base = f"{setup.gateway}/git/{setup.connection}/"
    host = setup.git_host
    # git asks for a host's credential without a path, and a helper with one would not be asked.
    origin, _ = Origin.split(setup.gateway)
    values: tuple[tuple[Place, Any], ...] = (
        # An empty helper first: no other one of the person's may keep a key that wears out.
        (
            (f"credential.{origin}.helper",),
            ["", f"!{shlex.join((*setup.key_command, '--git'))}"],
        ),
        (
            (f"url.{base}.insteadOf",),
            [f"https://{host}/", f"git@{host}:", f"ssh://git@{host}/"],
        ),
    )
    steps = (f"Every clone, fetch and push of {host} goes to {base} from now on.",)
    return Plan((FileEdit(setup.places.git_config, "git", values),), steps)


def _shell(
    setup: Setup, client: str, variables: Mapping[str, str], *, key_variable: str | None
) -> Plan:
    """Return a plan of variables for a shell to read; the key is asked for when it does."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    if key_variable is not None:
        lines.append(f'export {key_variable}="$({shlex.join(setup.key_command)})"')
    file = setup.places.shell_file(client)
    text = _head(client) + "\n".join(lines) + "\n"
    steps = [f"Add this line to your shell's profile (~/.profile, ~/.zshrc): . {_quoted(file)}"]
    if key_variable is not None:
        steps.append("The key is fetched when the shell starts; a new shell has a new one.")
    return Plan((FileEdit(file, "whole", (((), text),)),), tuple(steps))


def _quoted(file: object) -> str:
    return shlex.quote(str(file))


def _head(client: str) -> str:
    return (
        f"# Written by: tailnumber configure {client}\n"
        f"# Taken out by: tailnumber configure {client} --undo\n"
    )


_LISTED: Final = (
    Client("vscode", "VS Code", _vscode, holds_key=True, needs_models=True),
    Client("copilot-cli", "GitHub Copilot CLI", _copilot_cli, needs_models=True),
    Client("language-server", "Copilot language server (Vim, Emacs, any LSP)", _language_server),
    Client("jetbrains", "JetBrains IDEs", _jetbrains),
    Client("claude-code", "Claude Code", _claude_code),
    Client("codex", "Codex", _codex),
    Client("continue", "Continue", _continue, holds_key=True, needs_models=True),
    Client("aider", "Aider", _aider),
    Client("cursor", "Cursor", _cursor),
    Client("git", "git", _git),
    Client("openai", "OpenAI SDKs and what is built on them", _openai),
)
CLIENTS: Final[Mapping[str, Client]] = MappingProxyType({each.name: each for each in _LISTED})
