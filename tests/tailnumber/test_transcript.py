from datetime import UTC, datetime

from tailnumber.transcript import print_transcript

PART = {"part_id": "p", "role": "user", "kind": "text", "size_bytes": 2, "state": "readable"}
TURN = {
    "interaction_id": "i", "requested_at": datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    "status": "completed", "operation": "chat", "principal_subject": "ada",
    "principal_email": "ada@acme.example", "client_name": "curl", "client_version": None,
    "model": "gpt-4.1", "model_used": "gpt-4.1", "repository": "acme/web", "file_paths": [],
    "rule_id": "everyone", "reason_code": None, "http_status": 200, "duration_seconds": 0.5,
    "input_tokens": 3, "output_tokens": 4, "prompt": [], "completion": [], "tool_calls": [],
    "findings": [],
}  # fmt: skip
FINDING = {
    "rule_id": "aws-access-key-id", "tier": 1, "direction": "to_upstream", "action": "masked",
    "location": "messages[0].content", "fingerprint": "f",
}  # fmt: skip


def shown(capsys, *turns, full=False):
    print_transcript("s-1", [TURN | turn for turn in turns], full=full)
    return capsys.readouterr().out


def test_repeated_parts_are_counted_and_new_ones_shown(capsys):
    old = PART | {"text": "the first question", "new": False}
    new = PART | {"text": "the second question", "new": True}

    out = shown(capsys, {"prompt": [old, new]})

    assert "the second question" in out
    assert "the first question" not in out
    assert "1 part as before" in out


def test_full_shows_repeated_parts(capsys):
    old = PART | {"text": "the first question", "new": False}

    assert "the first question" in shown(capsys, {"prompt": [old]}, full=True)


def test_erased_text_is_said_to_be_erased(capsys):
    gone = PART | {"text": None, "state": "erased", "new": True}

    assert "(erased)" in shown(capsys, {"prompt": [gone]})


def test_refusal_is_told_with_its_status(capsys):
    out = shown(capsys, {"status": "blocked", "reason_code": "rule", "http_status": 451})

    assert "x refused: rule, HTTP 451" in out


def test_secret_that_comes_again_with_the_history_is_told_once(capsys):
    out = shown(capsys, {"findings": [FINDING]}, {"findings": [FINDING]})

    assert out.count("masked aws-access-key-id before it left") == 1
    assert "1 finding as before" in out


def test_text_with_brackets_and_control_characters_is_shown_as_it_is(capsys):
    odd = PART | {"text": "a [bold]b[/bold] \x1b[2J", "new": True}

    out = shown(capsys, {"prompt": [odd]})

    assert "a [bold]b[/bold] \ufffd[2J" in out
