"""Framing of the demo's answers, without a socket."""

import json

import pytest

from tailnumber.stack.demo_frames import answer_for


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/agents"), ("GET", "/responses"), ("POST", "/v1/embeddings/models")],
)
def test_unknown_route_has_no_answer(method: str, path: str) -> None:
    assert answer_for(method, path, b"{}") is None


def test_only_what_the_person_asked_decides_about_an_edit() -> None:
    tools = [{"type": "function", "function": {"name": "create_file"}}]
    attached = "<attachment>apply</attachment><userRequest>explain this</userRequest>"
    body = {"messages": [{"role": "user", "content": attached}], "tools": tools}

    answer = answer_for("POST", "/chat/completions", json.dumps(body).encode())

    assert answer is not None
    assert "tool_calls" not in json.dumps(answer.document)


def test_special_words_are_read_from_the_last_user_message_only() -> None:
    messages = [{"role": "user", "content": "DEMO_500"}, {"role": "user", "content": "DEMO_SLOW"}]

    answer = answer_for("POST", "/v1/messages", json.dumps({"messages": messages}).encode())

    assert answer is not None
    assert answer.words == {"DEMO_SLOW"}


def test_strange_but_valid_bodies_are_answered() -> None:
    for path in ("/chat/completions", "/responses", "/messages", "/completions", "/embeddings"):
        for body in (
            b"{}",
            b'{"messages":[1],"input":7,"prompt":null,"n":"x","stop":[1],"tools":{}}',
        ):
            assert answer_for("POST", path, body) is not None
