"""Model Context Protocol: one JSON-RPC message each way."""

import pytest

from ingress.errors import BadPrompt
from ingress.protocol.mcp import ModelContext
from ingress.protocol.texts import Channel, Completion

CALL = {
    "jsonrpc": "2.0",
    "id": 3,
    "method": "tools/call",
    "params": {"name": "search_code", "arguments": {"query": "def pay"}, "_meta": {"p": 1}},
}
RESULT = {
    "jsonrpc": "2.0",
    "id": 3,
    "result": {"content": [{"type": "text", "text": "one"}, {"type": "image"}, {"text": "two"}]},
}


def test_a_call_names_its_tool_and_its_arguments_are_a_text():
    prompt = ModelContext().parse_prompt(CALL)

    assert prompt.tool_name == "search_code"
    arguments, rest = prompt.texts
    assert (arguments.kind, arguments.value) == ("tool_arguments", '{"query":"def pay"}')
    assert "search_code" in rest.value


def test_another_method_is_one_text_and_no_call():
    prompt = ModelContext().parse_prompt({**CALL, "method": "initialize"})

    assert prompt.tool_name is None
    assert "def pay" in prompt.texts[0].value


@pytest.mark.parametrize("params", [None, [], {}, {"name": 7}, {"name": ""}])
def test_a_call_without_a_tool_is_refused(params):
    with pytest.raises(BadPrompt):
        ModelContext().parse_prompt({**CALL, "params": params})


def test_each_text_of_a_result_is_one_of_its_own():
    completion = Completion()

    found = ModelContext().parse_completion(RESULT, completion)

    assert [(channel, text.value) for channel, text in found] == [
        (Channel(0, "tool_result"), "one"),
        (Channel(2, "tool_result"), "two"),
    ]
    assert completion.ended


@pytest.mark.parametrize(
    ("document", "ended"),
    [
        (RESULT, True),
        ({"jsonrpc": "2.0", "id": 3, "error": {"code": -1, "message": "no"}}, True),
        ({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}, False),
    ],
    ids=["result", "error", "notification"],
)
def test_a_stream_ends_with_the_message_that_answers(document, ended):
    completion = Completion()

    assert ModelContext().parse_delta(document, completion) == []
    assert completion.ended is ended
    assert not ModelContext().is_plain(document)


def test_a_call_of_more_files_than_are_named_says_so():
    params = {"name": "write", "arguments": {"files": [f"a{n}" for n in range(65)]}}

    assert not ModelContext().parse_prompt({**CALL, "params": params}).paths_known
    assert ModelContext().parse_prompt(CALL).paths_known
