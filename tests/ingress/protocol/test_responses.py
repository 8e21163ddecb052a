"""A text of the Responses protocol is masked as deltas and wherever it is said again."""

import pytest
from streams import SECRET, documents, frame, masked_stream, masker, pieces

from ingress.errors import BadPrompt, ProtocolError
from ingress.protocol.responses import OpenAiResponses

TEXT = f"your key is {SECRET}, keep it"


def text_stream(text, size):
    part = {"type": "output_text", "text": text}
    item = {"type": "message", "id": "m", "content": [part]}
    usage = {"input_tokens": 3, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 1}}
    at = {"output_index": 0, "content_index": 0}
    deltas = [
        {"type": "response.output_text.delta", **at, "delta": piece} for piece in pieces(text, size)
    ]
    done = {"status": "completed", "model": "gpt-5", "output": [item], "usage": usage}
    events = [
        {"type": "response.created", "response": {"status": "in_progress", "output": []}},
        *deltas,
        {"type": "response.output_text.done", **at, "text": text},
        {"type": "response.content_part.done", **at, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": done},
    ]
    return [frame(event) for event in events]


@pytest.mark.parametrize("size", [1, 2, 5, 13, 100])
def test_secret_is_masked_in_the_deltas_and_in_every_repeat(size):
    released, stream = masked_stream(OpenAiResponses(), text_stream(TEXT, size))

    expected = masker().mask(TEXT)[0]
    said = documents(released)
    deltas = "".join(one["delta"] for one in said if one["type"].endswith(".delta"))
    assert SECRET.encode() not in released
    assert deltas == expected
    assert released.count(expected.encode()) >= 4
    assert [text for _, text in stream.completion.whole_texts()] == [expected]


def test_clean_stream_passes_byte_for_byte_and_tells_model_usage_and_end():
    clean = text_stream("nothing to hide here", 4)

    released, stream = masked_stream(OpenAiResponses(), clean)

    completion = stream.completion
    assert released == b"".join(clean)
    assert completion.ended
    assert (completion.model_used, completion.finish_reasons) == ("gpt-5", {0: "completed"})
    assert (completion.input_tokens, completion.output_tokens, completion.cached_tokens) == (
        3,
        4,
        1,
    )


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize(
    ("kind", "item_type", "member"),
    [
        ("response.function_call_arguments", "function_call", "arguments"),
        ("response.custom_tool_call_input", "custom_tool_call", "input"),
    ],
)
def test_tool_arguments_are_masked_and_the_call_is_named(kind, item_type, member, size):
    item = {"type": item_type, "call_id": "c1", "name": "apply_patch", member: ""}
    events = [
        {"type": "response.output_item.added", "output_index": 1, "item": item},
        *(
            {"type": f"{kind}.delta", "output_index": 1, "delta": piece}
            for piece in pieces(TEXT, size)
        ),
        {"type": f"{kind}.done", "output_index": 1, member: TEXT},
        {
            "type": "response.output_item.done",
            "output_index": 1,
            "item": {**item, member: TEXT},
        },
    ]

    released, stream = masked_stream(OpenAiResponses(), [frame(event) for event in events])

    assert SECRET.encode() not in released
    assert [(tool.call_id, tool.name) for tool in stream.completion.tools.values()] == [
        ("c1", "apply_patch")
    ]


def test_text_that_only_the_last_event_says_is_masked_too():
    response = {
        "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": TEXT}]}],
    }

    released, stream = masked_stream(
        OpenAiResponses(), [frame({"type": "response.completed", "response": response})]
    )

    assert SECRET.encode() not in released
    assert stream.completion.ended


def test_prompt_has_every_text_of_its_items():
    document = {
        "model": "gpt-5",
        "instructions": "be brief",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "question"}]},
            {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
            {"type": "function_call_output", "call_id": "c", "output": "result"},
            {"type": "reasoning", "encrypted_content": "opaque"},
        ],
        "tools": [{"type": "function", "name": "f"}],
        "stream": True,
    }

    prompt = OpenAiResponses().parse_prompt(document)

    assert [(text.role, text.kind) for text in prompt.texts] == [
        ("system", "text"),
        ("user", "text"),
        ("assistant", "tool_arguments"),
        ("tool", "tool_result"),
        ("user", "other"),
        ("system", "other"),
    ]
    assert prompt.streamed
    for text in prompt.texts:
        text.replace(text.value.replace("question", "masked"))
    assert document["input"][0]["content"][0]["text"] == "masked"


@pytest.mark.parametrize("given", [7, [7], [{"role": "user", "content": [7]}]])
def test_input_of_another_type_is_refused(given):
    with pytest.raises(BadPrompt):
        OpenAiResponses().parse_prompt({"input": given})


def test_delta_of_another_type_is_refused():
    broken = frame({"type": "response.output_text.delta", "delta": 7})

    with pytest.raises(ProtocolError):
        masked_stream(OpenAiResponses(), [broken])
