"""The real Claude Code and Codex through the gateway, with nothing else to reach."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.real_client,
    pytest.mark.xdist_group("stack"),
]

ROWS = (
    "SELECT session_id, turn_id, client_name, status, model, tool_calls FROM audit.interactions "
    "WHERE requested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) "
    "AND principal_email = '{email}' AND operation = 'chat' AND status != 'requested' "
    "ORDER BY requested_at"
)
CODEX_CONFIGURATION = """\
model = "gpt-5.4"
model_provider = "tailnumber"
[model_providers.tailnumber]
name = "Tailnumber"
base_url = "{gateway}/v1"
wire_api = "responses"
env_key = "GATEWAY_KEY"
"""


def program(variable: str, name: str, package: str) -> Path:
    found = os.environ.get(variable) or shutil.which(name)
    if not found or not Path(found).exists():
        pytest.skip(f"no {name}: npm install {package} and set {variable} to its executable")
    return Path(found)


def run(home: Path, arguments: list[object], **environment: str) -> str:
    """Run an agent in an own home and project; return what it printed."""
    (home / "project").mkdir(parents=True)
    done = subprocess.run(
        arguments,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
            **environment,
        },
        cwd=home / "project",
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def made_for(stack, name):
    email = f"{name}@acme.example"
    made = stack.run("keys", "create", "--user", name, "--email", email, "--group", "engineering")
    return made["key"], ROWS.format(email=email)


def test_claude_code_writes_a_file_and_both_turns_are_rows_of_its_session(stack, tmp_path):
    claude = program("TAILNUMBER_CLAUDE_CODE", "claude", "@anthropic-ai/claude-code")
    key, rows = made_for(stack, "claude-code")

    run(
        tmp_path / "home",
        [claude, "-p", "apply this to late.py: refuse old refunds", "--allowedTools", "Write"],
        ANTHROPIC_BASE_URL=stack.gateway,
        ANTHROPIC_AUTH_TOKEN=key,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        DISABLE_AUTOUPDATER="1",
    )

    assert "30 days" in (tmp_path / "home" / "project" / "late.py").read_text()
    first, *rest = stack.query_until(rows, 2)
    assert first["client_name"] == "claude-cli"
    assert not first["session_id"].startswith("derived-")
    assert {row["session_id"] for row in rest} == {first["session_id"]}
    assert any(
        path.endswith("late.py") for call in first["tool_calls"] for path in call["file_paths"]
    )


def test_codex_answers_and_its_session_and_turn_are_its_own(stack, tmp_path):
    codex = program("TAILNUMBER_CODEX", "codex", "@openai/codex")
    key, rows = made_for(stack, "codex")
    settings = tmp_path / "home" / ".codex" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(CODEX_CONFIGURATION.format(gateway=stack.gateway))

    answer = run(
        tmp_path / "home",
        [codex, "exec", "--skip-git-repo-check", "explain this function"],
        GATEWAY_KEY=key,
    )

    assert "running total" in answer
    (row,) = stack.query_until(rows, 1)
    assert (row["client_name"], row["status"]) == ("codex_exec", "completed")
    assert row["turn_id"]
    assert not row["session_id"].startswith("derived-")
