"""The real Copilot language server, redirected by the token API alone, and its rows by SQL."""

import os
import shutil
from pathlib import Path

import pytest
from language_server import Editor

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.real_client,
    pytest.mark.xdist_group("stack"),
]

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
