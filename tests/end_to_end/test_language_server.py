"""The real Copilot language server, redirected by the token API alone, and its rows by SQL."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from language_server import Editor
from stack import Stack

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.real_client,
    pytest.mark.xdist_group("stack"),
]

TOOL_RULE = (
    "  - {id: no-billing-edits, on: tool_call, when: \"paths.exists(p, p.endsWith('billing.py'))\", "
    "effect: deny, message: No edits by machines in billing.}\n"
)
SOURCE = "import os\n\ndef add(a, b):\n    \n\nprint(add(1, 2))\n"


@pytest.fixture
def server() -> Path:
    named = os.environ.get("TAILNUMBER_LANGUAGE_SERVER")
    found = named or shutil.which("copilot-language-server")
    if not found or not Path(found).exists():
        pytest.skip(
            "no Copilot language server: npm install @github/copilot-language-server-linux-x64 "
            "and set TAILNUMBER_LANGUAGE_SERVER to its executable"
        )
    return Path(found)


def test_ghost_text_and_chat_become_rows_with_who_which_file_which_model_and_how_long(
    stack, server, tmp_path
):
    made = stack.run(
        "keys", "create", "--user", "lena", "--email", "lena@acme.example", "--group", "engineering"
    )

    with Editor(server, stack.gateway, made["key"], tmp_path) as editor:
        uri = editor.open("billing.py", "python", SOURCE)
        ghosts = editor.ghost_text(uri, 3, 4)
        answer = editor.ask("explain the function add", uri, "gpt-4.1")

    assert ghosts
    assert answer
    rows = stack.query_until(
        "SELECT session_id, operation, principal_email, client_name, client_editor, model, "
        "file_paths, status, duration_seconds FROM audit.interactions "
        "WHERE requested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) "
        "AND principal_email = 'lena@acme.example' AND operation IN ('inline', 'chat') "
        "AND status = 'completed' ORDER BY requested_at",
        2,
    )
    inline = [row for row in rows if row["operation"] == "inline"]
    chat = [row for row in rows if row["operation"] == "chat"]
    assert inline
    assert chat
    for row in rows:
        assert row["client_name"] == "copilot-language-server"
        assert row["client_editor"] == "test-editor/2.0"
        assert row["duration_seconds"] > 0
    assert inline[0]["file_paths"] == ["billing.py"]
    assert chat[0]["model"] == "gpt-4.1"
    assert any(path.endswith("billing.py") for path in chat[0]["file_paths"])
    replayed = str(stack.run("replay", inline[0]["session_id"]))
    assert "def add(a, b):" in replayed
    assert ghosts[0].strip() in replayed


def test_a_denied_tool_call_is_the_rules_text_in_the_chat_and_changes_no_file(server, tmp_path):
    stack = Stack(tmp_path / "data")
    try:
        policy = stack.data_dir / "policy.demo.yaml"
        policy.write_text(policy.read_text().replace("rules:\n", f"rules:\n{TOOL_RULE}", 1))
        _until_in_force(stack)
        with Editor(server, stack.gateway, stack.key, tmp_path) as editor:
            uri = editor.open("billing.py", "python", SOURCE)
            editor.offer_tool("create_file", ["filePath", "content"])
            answer = editor.ask("edit the file: finish add", uri, "gpt-4.1", mode="Agent")
            left = (editor.workspace / "billing.py").read_text()
        rows = stack.query_until(
            "SELECT name, effect, rule_id, file_paths FROM audit.tool_calls "
            "WHERE occurred_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)",
            1,
        )
    finally:
        stack.stop()

    assert "No edits by machines in billing." in answer
    assert left == SOURCE
    assert [(row["effect"], row["rule_id"]) for row in rows] == [("deny", "no-billing-edits")]
    assert rows[0]["file_paths"][0].endswith("billing.py")


def _until_in_force(stack):
    """Wait until the gateway decides by the policy file as it is now."""
    digest = hashlib.sha256((stack.data_dir / "policy.demo.yaml").read_bytes()).hexdigest()
    found = stack.query_until(
        "SELECT policy_digest FROM audit.events WHERE event_type = 'policy.changed' "
        f"AND policy_digest = '{digest}' "
        "AND occurred_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)",
        1,
    )
    assert found
