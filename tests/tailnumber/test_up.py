"""The real `up --demo` and every command that asks it, as a person and a script use them."""

import json
import os
import signal
import stat
import time
import urllib.request

import pytest
from stack import Stack

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.timeout(180)]

WORDS = "Write a retry loop for the billing export"
ROWS = (
    "SELECT interaction_id, principal_subject, model, status FROM audit.interactions "
    "WHERE requested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY) "
    "AND status = 'completed'"
)


def ask(stack: Stack) -> bytes:
    body = {"model": "gpt-4.1", "messages": [{"role": "user", "content": WORDS}], "stream": True}
    request = urllib.request.Request(
        f"{stack.gateway}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {stack.key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_prompt_is_found_by_every_command_and_after_a_restart(tmp_path):
    stack = Stack(tmp_path / "data")
    try:
        endpoints = stack.data_dir / "endpoints.json"
        assert stat.S_IMODE(endpoints.stat().st_mode) == 0o600
        assert stack.endpoints["console"] == f"{stack.gateway}/console"

        assert b"[DONE]" in ask(stack)
        (row,) = stack.query_until(ROWS, 1)
        (session,) = stack.run("sessions")["sessions"]
        replay = stack.run("replay", session["session_id"])
        status = stack.run("status")

        assert (row["model"], row["status"]) == ("gpt-4.1", "completed")
        assert session["interaction_count"] == 1
        (turn,) = replay["turns"]
        assert WORDS in [part["text"] for part in turn["prompt"]]
        assert "retry" in turn["completion"][0]["text"]
        assert status["healthy"] is True
        assert status["interaction_count"] == 1
        _crash_is_repaired(stack)
        pids = json.loads(endpoints.read_text())["pids"]
    finally:
        assert stack.stop() == 0
    assert not any(map(alive, pids.values()))
    assert not endpoints.exists()

    again = Stack(tmp_path / "data")
    try:
        assert again.key == stack.key
        assert [each["interaction_id"] for each in again.query(ROWS)] == [row["interaction_id"]]
    finally:
        again.process.send_signal(signal.SIGTERM)
        assert again.process.wait(20) == 0


def _crash_is_repaired(stack: Stack) -> None:
    stack.kill("upstream_demo")
    deadline = time.monotonic() + 20
    part = {}
    while time.monotonic() < deadline and part.get("restart_count") != 1:
        time.sleep(0.2)
        parts = json.loads((stack.data_dir / "stack.json").read_text())["parts"]
        part = parts["upstream_demo"]
    assert part["restart_count"] == 1
    text = stack.log.read_text()
    assert "The demo upstream ended by itself (signal SIGKILL); starting it again in 0.5 s" in text
