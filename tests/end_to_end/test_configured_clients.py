"""Real clients that `tailnumber configure` set up, and nothing else, ask through the gateway.

Each is taken from the PATH or from its variable, as in the other tests of real clients, and skips
where it is not installed: `npm install @github/copilot @anthropic-ai/claude-code @openai/codex`.
"""

import os
import shlex
import shutil
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.real_client,
    pytest.mark.xdist_group("stack"),
]

COMMANDS = {
    "claude-code": "claude -p {prompt}",
    "codex": "codex exec --skip-git-repo-check {prompt}",
    "copilot-cli": "copilot -p {prompt} --allow-all-tools --no-color",
}
ROWS = (
    "SELECT status, session_id FROM audit.interactions "
    "WHERE requested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) "
    "AND operation = 'chat' AND status = 'completed' AND client_name LIKE '{client}%'"
)
NAMED = {"claude-code": "claude-cli", "codex": "codex", "copilot-cli": "OpenAI/JS"}


@pytest.mark.parametrize("client", COMMANDS)
def test_client_works_with_what_configure_wrote(stack, tmp_path, client):
    program, *arguments = shlex.split(COMMANDS[client].format(prompt="'say hello'"))
    found = os.environ.get(f"TAILNUMBER_{client.upper().replace('-', '_')}") or shutil.which(
        program
    )
    if found is None:
        pytest.skip(f"{program} is not on the PATH")
    project = tmp_path / "project"
    project.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "CI": "1",
        "NO_COLOR": "1",
        "COPILOT_AUTO_UPDATE": "false",
        # Nothing but the gateway may be reached.
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }

    def run(*command):
        return subprocess.run(
            command,
            env=environment,
            cwd=project,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=90,
            check=False,
        )

    data = ("--data-dir", str(stack.data_dir))
    configured = run(sys.executable, "-m", "tailnumber", "configure", client, *data)
    assert configured.returncode == 0, configured.stderr
    variables = tmp_path / ".config" / "tailnumber" / "env" / f"{client}.sh"
    read = f". {shlex.quote(str(variables))}; " if variables.exists() else ""

    done = run("sh", "-c", f"{read}exec {shlex.join([found, *arguments])}")

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert stack.query_until(ROWS.format(client=NAMED[client]), 1)
