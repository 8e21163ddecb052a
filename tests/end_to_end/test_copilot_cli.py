"""The real Copilot CLI in its four ways through the gateway: answers, a patch, a refusal, a key."""

import os
import shutil
from pathlib import Path

import pytest
from copilot_cli import BYOK, CopilotCli

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.real_client,
    pytest.mark.xdist_group("stack"),
]

MODES = ("github", *BYOK)
ROWS = (
    "SELECT interaction_id, session_id, operation, protocol, client_name, model, status, rule_id, "
    "prompt_finding_count, completion_finding_count, tool_calls, input_tokens "
    "FROM audit.interactions "
    "WHERE requested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) "
    "AND principal_email = '{email}' AND operation = 'chat' "
    "AND status != 'requested' ORDER BY requested_at"
)
KEY_IN_PROMPT = "AKIA" + "QYLPMN5HHHFPZAM2"


@pytest.fixture
def program() -> Path:
    found = os.environ.get("TAILNUMBER_COPILOT_CLI") or shutil.which("copilot")
    if not found or not Path(found).exists():
        pytest.skip(
            "no Copilot CLI: npm install @github/copilot and set TAILNUMBER_COPILOT_CLI to the "
            "executable in @github/copilot-linux-x64"
        )
    return Path(found)


@pytest.fixture
def person(stack, program, tmp_path, request):
    """Return the CLI of a new person and the query of this person's rows."""

    def make(name: str, group: str = "engineering") -> tuple[CopilotCli, str]:
        email = f"{name}@acme.example"
        made = stack.run("keys", "create", "--user", name, "--email", email, "--group", group)
        cli = CopilotCli(program, stack.gateway, made["key"], tmp_path / name)
        return cli, ROWS.format(email=email)

    return make


@pytest.mark.parametrize("mode", MODES)
def test_a_question_is_answered_and_is_a_row(stack, person, mode):
    cli, rows = person(f"cli-{mode}")

    done = cli.ask("explain main.py in one line", mode)

    assert done.returncode == 0, done.stderr
    assert "running total" in done.stdout
    (row,) = stack.query_until(rows, 1)
    assert row["status"] == "completed"
    assert row["input_tokens"] > 1000
    if mode == "github":
        assert row["client_name"] == "copilot"
        assert row["session_id"] in done.stdout + done.stderr


@pytest.mark.parametrize(("mode", "name"), [("github", "main.py"), ("anthropic", "late.py")])
def test_an_edit_that_the_model_asks_for_reaches_the_file_and_the_row(stack, person, mode, name):
    cli, rows = person(f"cli-edit-{mode}")

    done = cli.ask(f"apply this to {name}: refuse old refunds", mode)

    assert done.returncode == 0, done.stderr
    assert "refunds over 30 days" in (cli.project / name).read_text()
    first, *_ = stack.query_until(rows, 2)
    (call,) = first["tool_calls"]
    assert call["name"] in {"apply_patch", "create"}
    assert any(path.endswith(name) for path in call["file_paths"])


def test_the_person_reads_the_rules_text_and_one_row_says_blocked(stack, person):
    cli, rows = person("cli-gone", "on-hold")

    done = cli.ask("explain main.py", "responses")

    assert "on hold" in done.stdout + done.stderr
    (row,) = stack.query_until(rows, 1)
    assert row["status"] == "blocked"


def test_a_key_in_the_prompt_and_one_in_the_answer_are_masked(stack, person):
    cli, rows = person("cli-keys")

    done = cli.ask(f"DEMO_SECRET what is wrong with {KEY_IN_PROMPT}?", "completions")

    assert "aws_access_key_id = REDACTED_" in done.stdout
    assert "AKIA" not in done.stdout.replace(KEY_IN_PROMPT, "")
    (row,) = stack.query_until(rows, 1)
    assert row["prompt_finding_count"] > 0
    assert row["completion_finding_count"] > 0
    assert KEY_IN_PROMPT not in str(stack.run("replay", row["session_id"], "--full"))
