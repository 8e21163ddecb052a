"""Texts, thinking and tool input of the Messages protocol are masked where they stand."""

import orjson
import pytest
from streams import SECRET, documents, frame, masked_stream, masker, pieces

from ingress.errors import BadPrompt, ProtocolError
from ingress.protocol.anthropic import AnthropicMessages
from ingress.protocol.texts import Completion

TEXT = f"your key is {SECRET}, keep it"


def block_stream(delta_type, member, text, size, block=None):
    start = {"type": "text", "text": ""} if block is None else block
    usage = {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1}
    events = [
        {"type": "message_start", "message": {"model": "claude", "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": start},
        {"type": "ping"},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": delta_type, member: piece},
            }
            for piece in pieces(text, size)
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 9},
        },
        {"type": "message_stop"},
    ]
    return [frame(event) for event in events]


@pytest.mark.parametrize("size", [1, 3, 13, 100])
@pytest.mark.parametrize(
    ("delta_type", "member"),
    [
        ("text_delta", "text"),
        ("input_json_delta", "partial_json"),
        ("thinking_delta", "thinking"),
    ],
)
def test_secret_is_masked_on_every_channel_whatever_the_split(delta_type, member, size):
    released, _ = masked_stream(AnthropicMessages(), block_stream(delta_type, member, TEXT, size))

    deltas = [one["delta"] for one in documents(released) if one["type"] == "content_block_delta"]
    assert SECRET.encode() not in released
    assert "".join(delta[member] for delta in deltas) == masker().mask(TEXT)[0]


def test_held_text_comes_before_the_blocks_end():
    ends_in_secret = f"your key is {SECRET}"

    released, _ = masked_stream(
        AnthropicMessages(), block_stream("text_delta", "text", ends_in_secret, 4)
    )

    kinds = [one["type"] for one in documents(released)]
    assert kinds.index("content_block_stop") > max(
        place for place, kind in enumerate(kinds) if kind == "content_block_delta"
    )
    assert masker().mask(ends_in_secret)[0] in "".join(
        one["delta"]["text"] for one in documents(released) if one["type"] == "content_block_delta"
    )


def test_clean_stream_passes_byte_for_byte_and_tells_model_usage_and_end():
    tool = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {}}
    clean = block_stream("input_json_delta", "partial_json", '{"command":"ls"}', 3, tool)

    released, stream = masked_stream(AnthropicMessages(), clean)

    completion = stream.completion
    assert released == b"".join(clean)
    assert completion.ended
    assert (completion.input_tokens, completion.output_tokens, completion.cached_tokens) == (
        5,
        9,
        2,
    )
    assert completion.finish_reasons == {0: "end_turn"}
    assert [tool.name for tool in completion.tools.values()] == ["Bash"]


def test_whole_answer_has_its_texts_and_its_tools_input():
    document = {
        "model": "claude",
        "stop_reason": "tool_use",
        "content": [
            {"type": "text", "text": TEXT},
            {"type": "tool_use", "id": "t1", "name": "Write", "input": {"content": TEXT}},
        ],
    }
    completion = Completion()

    for _, text in AnthropicMessages().parse_completion(document, completion):
        text.replace(masker().mask(text.value)[0])

    assert SECRET.encode() not in orjson.dumps(document)
    assert document["content"][1]["input"]["content"].startswith("your key is REDACTED_")


def test_prompt_has_the_texts_of_every_block():
    document = {
        "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "question"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "tool_use", "id": "t", "name": "Read", "input": {"path": "a.py"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": "result"},
                    {"type": "image", "source": {"data": "aGk="}},
                ],
            },
        ],
        "max_tokens": 10,
    }

    prompt = AnthropicMessages().parse_prompt(document)

    assert [(text.role, text.kind) for text in prompt.texts] == [
        ("system", "text"),
        ("user", "text"),
        ("assistant", "reasoning"),
        ("assistant", "tool_arguments"),
        ("tool", "tool_result"),
        ("user", "other"),
        ("system", "other"),
    ]


@pytest.mark.parametrize(
    "document",
    [{}, {"messages": [7]}, {"messages": [{"role": "user", "content": 7}]}],
    ids=["none", "number", "content"],
)
def test_messages_of_another_type_are_refused(document):
    with pytest.raises(BadPrompt):
        AnthropicMessages().parse_prompt(document)


def test_event_without_a_type_is_refused():
    with pytest.raises(ProtocolError):
        masked_stream(AnthropicMessages(), [b'data: {"index": 0}\n\n'])
