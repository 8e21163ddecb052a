"""An answer gets back the values that its own request introduced, where that is safe."""

import json
import re

import pytest
from fake_upstream import DONE, chat_answer, chat_frame, stream, whole
from running_gateway import SECRET

from ingress.protocol.texts import CalledTool, Channel, Completion
from ingress.restoring import Restoring

PROMPT = f"why does k = '{SECRET}' fail?"


@pytest.fixture(scope="module")
def placeholder(gateway, upstream):
    upstream.scenarios["learn"] = whole(chat_answer("ok"))
    gateway.chat(PROMPT, session="learn")
    sent = upstream.of("learn")[0].body.decode()
    return re.search(r"REDACTED_TEST_KEY_[A-Z2-7]{10}", sent)[0]


def test_person_reads_the_value_and_the_record_holds_the_placeholder(
    gateway, upstream, placeholder
):
    upstream.scenarios["back"] = whole(chat_answer(f"use {placeholder} instead"))

    answer = gateway.chat(PROMPT, session="back")

    assert answer.json["choices"][0]["message"]["content"] == f"use {SECRET} instead"
    end = gateway.only_end("back")
    assert gateway.text_of(end.completion_part_ids) == [f"use {placeholder} instead"]
    assert SECRET.encode() not in b"".join(gateway.events_raw())


@pytest.mark.parametrize("size", [1, 4, 13, 200])
def test_value_comes_back_in_a_stream_whatever_the_split(gateway, upstream, placeholder, size):
    session = f"back-stream-{size}"
    text = f"use {placeholder} instead"
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    upstream.scenarios[session] = stream([*map(chat_frame, pieces), chat_frame("", "stop"), DONE])

    answer = gateway.chat(PROMPT, stream=True, session=session)

    frames = [line for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    choices = [json.loads(frame[6:])["choices"][0] for frame in frames]
    assert "".join(choice["delta"]["content"] for choice in choices) == f"use {SECRET} instead"
    assert answer.body.endswith(DONE)
    end = gateway.only_end(session)
    assert gateway.text_of(end.completion_part_ids) == [text]


def test_another_requests_placeholder_stays_one(gateway, upstream, placeholder):
    upstream.scenarios["other"] = whole(chat_answer(f"use {placeholder}"))

    answer = gateway.chat("no secret here", session="other")

    assert answer.json["choices"][0]["message"]["content"] == f"use {placeholder}"


@pytest.mark.parametrize(
    ("tool", "returns"),
    [("create_file", True), ("apply_patch", True), ("run_in_terminal", False), ("fetch", False)],
)
def test_value_goes_into_tools_that_write_files_and_into_no_other(
    gateway, upstream, placeholder, tool, returns
):
    session = f"tool-{tool}"
    arguments = json.dumps({"content": f"k = '{placeholder}'"})
    call = {"id": "c1", "type": "function", "function": {"name": tool, "arguments": arguments}}
    upstream.scenarios[session] = whole(chat_answer("", tool_calls=[call]))

    answer = gateway.chat(PROMPT, session=session)

    got = answer.json["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    expected = SECRET if returns else placeholder
    assert json.loads(got) == {"content": f"k = '{expected}'"}


def test_value_is_escaped_inside_json_arguments_and_plain_in_plain_input():
    value = 'a"b\\c\n'
    completion = Completion()
    arguments, plain = Channel(0, "tool_arguments"), Channel(1, "tool_input")
    completion.tools = {arguments: CalledTool(name="Write"), plain: CalledTool(name="apply_patch")}
    restoring = Restoring({"REDACTED_X_AAAAAAAAAA": value})

    in_json = restoring.whole(arguments, completion, '{"k": "REDACTED_X_AAAAAAAAAA"}')
    in_text = restoring.whole(plain, completion, "+ k = REDACTED_X_AAAAAAAAAA")

    assert json.loads(in_json) == {"k": value}
    assert in_text == f"+ k = {value}"
