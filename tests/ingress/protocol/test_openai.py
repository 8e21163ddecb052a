"""Every text of OpenAI's bodies is found, wherever a client may put it."""

import time

import orjson
import pytest

from ingress.errors import BadPrompt, ProtocolError
from ingress.protocol.openai import OpenAiChat, OpenAiCompletions, OpenAiEmbeddings
from ingress.protocol.texts import Completion


def found(protocol, document):
    return [
        (text.location, text.kind, text.value) for text in protocol.parse_prompt(document).texts
    ]


def chat(message):
    return found(OpenAiChat(), {"messages": [message]})


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ({"content": "T"}, "messages[0].content"),
        ({"content": [{"type": "text", "text": "T"}]}, "messages[0].content[0].text"),
        ({"content": [{"type": "x", "text": "u", "odd": "T"}]}, "messages[0].content[0]"),
        ({"content": [{"type": "image_url", "image_url": {"url": "T"}}]}, "messages[0].content[0]"),
        ({"content": {"odd": "T"}}, "messages[0].content"),
        ({"content": None, "reasoning_content": "T"}, "messages[0]"),
        ({"content": None, "name": "T" * 65}, "messages[0]"),
        ({"content": None, "role": ["T"]}, "messages[0]"),
        (
            {"tool_calls": [{"function": {"name": "f", "arguments": "T"}}]},
            "messages[0].tool_calls[0]",
        ),
        (
            {"tool_calls": [{"type": "custom", "custom": {"input": "T"}}]},
            "messages[0].tool_calls[0]",
        ),
        ({"tool_calls": [{"function": {"arguments": {"a": "T"}}}]}, "messages[0].tool_calls[0]"),
    ],
)
def test_a_text_anywhere_in_a_message_is_found(message, place):
    assert place in [location for location, _, value in chat(message) if "T" in value]


def test_names_and_ids_are_no_texts():
    message = {"role": "tool", "tool_call_id": "call_1", "content": "result"}

    assert chat(message) == [("messages[0].content", "tool_result", "result")]


def test_parameters_and_tools_are_one_text():
    document = {"messages": [], "model": "m", "tools": [{"a": 1}]}

    ((location, kind, value),) = found(OpenAiChat(), document)
    assert (location, kind) == ("body", "other")
    assert orjson.loads(value) == {"model": "m", "tools": [{"a": 1}]}


def test_attached_files_are_named_once_and_from_users_alone():
    text = '<attachment filePath="/a.py">x</attachment><attachment id="1" filePath="/b.py">'
    messages = [{"role": "user", "content": text * 2}, {"role": "system", "content": text[:40]}]

    assert OpenAiChat().parse_prompt({"messages": messages}).file_paths == ("/a.py", "/b.py")


@pytest.mark.parametrize("comment", ["# {}", "// {}", "-- {}", "<!-- {} -->", "/* {} */"])
def test_an_inline_prompts_file_stands_in_its_first_comment(comment):
    prompt = comment.format("Path: src/a b.py") + "\ncode"

    assert OpenAiCompletions().parse_prompt({"prompt": prompt}).file_paths == ("src/a b.py",)


@pytest.mark.parametrize(
    ("document", "places"),
    [
        ({"prompt": "a", "suffix": "b"}, ["prompt", "suffix"]),
        ({"prompt": ["a", "b"]}, ["prompt[0]", "prompt[1]"]),
        ({"prompt": [[1, 2], ["T"]]}, ["prompt"]),
        ({"prompt": "a", "suffix": ["b"]}, ["prompt", "suffix"]),
    ],
)
def test_code_around_the_cursor_is_found_in_every_shape(document, places):
    assert [location for location, _, _ in found(OpenAiCompletions(), document)] == places


@pytest.mark.parametrize("value", [None, 5, {"a": 1}])
def test_a_prompt_or_input_that_is_no_text_is_refused(value):
    with pytest.raises(BadPrompt):
        OpenAiCompletions().parse_prompt({"prompt": value})
    with pytest.raises(BadPrompt):
        OpenAiEmbeddings().parse_prompt({"input": value})


@pytest.mark.parametrize("usage", [-1, 2**63, 1.5, "3", True, None])
def test_a_count_that_is_none_is_left_out(usage):
    completion = Completion()

    OpenAiChat().parse_delta({"choices": None, "usage": {"prompt_tokens": usage}}, completion)

    assert completion.input_tokens is None


@pytest.mark.parametrize(
    "document",
    [
        {"choices": 5},
        {"choices": {"a": 1}},
        {"choices": [5]},
        {"choices": [{"index": "0"}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [5]}}]},
    ],
)
def test_a_frame_of_wrong_types_is_a_protocol_error(document):
    with pytest.raises(ProtocolError):
        OpenAiChat().parse_delta(document, Completion())


@pytest.mark.parametrize(
    ("delta", "plain"),
    [
        ({"content": "a"}, True),
        (None, True),
        ({"tool_calls": [{"index": 0, "function": {"arguments": "a"}}]}, True),
        ({"tool_calls": [{"index": 0, "custom": {"input": "a"}}]}, False),
        ({"content": [{"text": "a"}]}, False),
        ({"copilot_annotations": {}}, False),
        ([1], False),
    ],
)
def test_a_frame_is_plain_only_if_no_text_stands_elsewhere(delta, plain):
    assert OpenAiChat().is_plain({"choices": [{"index": 0, "delta": delta}]}) is plain


@pytest.mark.parametrize("text", ["# Path:" + " " * 30_000, "# Path: a" + " " * 30_000])
def test_a_path_comment_of_spaces_costs_no_more_than_its_length(text):
    began = time.perf_counter()

    OpenAiCompletions().parse_prompt({"prompt": text})

    # Measured: 3 ms; it was over 40 s.
    assert time.perf_counter() - began < 2
