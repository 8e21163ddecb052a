"""Answers with tool calls as each provider sends them, and what a client makes of them.

An answer is a list of items: a text, or a ``Call``. Shapes as the real clients accept them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ingress.protocol.anthropic import AnthropicMessages
from ingress.protocol.openai import OpenAiChat
from ingress.protocol.responses import OpenAiResponses

PATCH = "*** Begin Patch\n*** Update File: src/auth/login.py\n@@\n-a\n+b\n*** End Patch\n"


class Call(NamedTuple):
    """A tool call; a custom tool's arguments are plain text."""

    name: str
    arguments: str
    custom: bool = False


class Seen(NamedTuple):
    """What a client has of an answer: texts and calls in order, and why it ended."""

    items: list[Any]
    end: str | None


EDIT = Call("replace_string_in_file", json.dumps({"filePath": "/w/src/auth/login.py"}))
OTHER = Call("replace_string_in_file", json.dumps({"filePath": "/w/src/cart.py"}))
SHELL = Call("run_in_terminal", json.dumps({"command": "ls"}))


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def event(document: dict[str, Any], *, named: bool = True) -> bytes:
    name = b"event: " + document["type"].encode() + b"\n" if named else b""
    return name + b"data: " + json.dumps(document).encode() + b"\n\n"


@dataclass(frozen=True)
class Wire:
    """One protocol, played and read."""

    protocol: Any
    path: str

    def __str__(self) -> str:
        return str(self.protocol.name)

    def stream(self, items: Sequence[Any], size: int = 7) -> list[bytes]:
        """Return an answer's frames, its texts and arguments in deltas of ``size``."""
        return _STREAMS[str(self)](items, size)

    def whole(self, items: Sequence[Any]) -> dict[str, Any]:
        """Return the same answer as one document."""
        return _WHOLES[str(self)](items)

    def seen(self, stream: bytes) -> Seen:
        """Return what a client collects from a stream."""
        lines = (line for line in stream.split(b"\n") if line.startswith(b"data: {"))
        return _SEEN[str(self)]([json.loads(line[6:]) for line in lines])

    def seen_whole(self, document: dict[str, Any]) -> Seen:
        """Return what a client finds in a whole answer."""
        return _SEEN_WHOLE[str(self)](document)


# ---- chat completions ----


def _chat_stream(items, size):
    def frame(delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return event({**base, "choices": [choice]}, named=False)

    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    frames = [frame({"role": "assistant", "content": None})]
    number = -1
    for item in items:
        if isinstance(item, str):
            frames += [frame({"content": piece}) for piece in cut(item, size)]
            continue
        number += 1
        body, member = ("custom", "input") if item.custom else ("function", "arguments")
        first = {"index": number, "id": f"call_{number}", "type": body}
        first[body] = {"name": item.name, member: ""}
        frames.append(frame({"tool_calls": [first]}))
        frames += [
            frame({"tool_calls": [{"index": number, body: {member: piece}}]})
            for piece in cut(item.arguments, size)
        ]
    usage = {**base, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    end = frame({}, "tool_calls" if number >= 0 else "stop")
    return [*frames, end, event(usage, named=False), b"data: [DONE]\n\n"]


def _chat_whole(items):
    calls = [
        {
            "id": f"call_{number}",
            "type": "custom" if call.custom else "function",
            **(
                {"custom": {"name": call.name, "input": call.arguments}}
                if call.custom
                else {"function": {"name": call.name, "arguments": call.arguments}}
            ),
        }
        for number, call in enumerate(item for item in items if isinstance(item, Call))
    ]
    text = "".join(item for item in items if isinstance(item, str))
    message = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = calls
    finish = "tool_calls" if calls else "stop"
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }


def _chat_seen(documents):
    text, calls, end = "", [], None
    for document in documents:
        for choice in document["choices"]:
            delta = choice["delta"]
            text += delta.get("content") or ""
            for call in delta.get("tool_calls", ()):
                if call["index"] == len(calls):
                    calls.append(["", "", "custom" in call])
                body = call.get("function") or call["custom"]
                calls[call["index"]][0] += body.get("name", "")
                calls[call["index"]][1] += body.get("arguments", body.get("input", ""))
            end = choice["finish_reason"] or end
    return Seen([*([text] if text else ()), *(Call(*call) for call in calls)], end)


def _chat_seen_whole(document):
    (choice,) = document["choices"]
    message = choice["message"]
    calls = [
        Call(call["custom"]["name"], call["custom"]["input"], custom=True)
        if "custom" in call
        else Call(call["function"]["name"], call["function"]["arguments"])
        for call in message.get("tool_calls", ())
    ]
    texts = [message["content"]] if message.get("content") else []
    return Seen([*texts, *calls], choice["finish_reason"])


# ---- messages ----


def _messages_stream(items, size):
    begun = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    begun |= {"stop_reason": None, "stop_sequence": None}
    begun["usage"] = {"input_tokens": 3, "output_tokens": 1}
    events = [{"type": "message_start", "message": begun}, {"type": "ping"}]
    for index, item in enumerate(items):
        if isinstance(item, str):
            block = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in cut(item, size)]
        else:
            block = {"type": "tool_use", "id": f"toolu_{index}", "name": item.name, "input": {}}
            pieces = cut(item.arguments, size)
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        events += [
            {"type": "content_block_start", "index": index, "content_block": block},
            *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": index},
        ]
    called = any(isinstance(item, Call) for item in items)
    delta = {"stop_reason": "tool_use" if called else "end_turn", "stop_sequence": None}
    events += [
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    return [event(each) for each in events]


def _messages_whole(items):
    content = [
        {"type": "text", "text": item}
        if isinstance(item, str)
        else {
            "type": "tool_use",
            "id": f"toolu_{index}",
            "name": item.name,
            "input": json.loads(item.arguments),
        }
        for index, item in enumerate(items)
    ]
    called = any(isinstance(item, Call) for item in items)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": "tool_use" if called else "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }


def _messages_seen(documents):
    blocks, end = {}, None
    for document in documents:
        match document["type"]:
            case "content_block_start":
                assert document["index"] == len(blocks)
                block = document["content_block"]
                blocks[document["index"]] = [block.get("name"), ""]
            case "content_block_delta":
                delta = document["delta"]
                kind = "text" if blocks[document["index"]][0] is None else "partial_json"
                blocks[document["index"]][1] += delta[kind]
            case "message_delta":
                end = document["delta"]["stop_reason"]
    return Seen([text if name is None else Call(name, text) for name, text in blocks.values()], end)


def _messages_seen_whole(document):
    items = [
        block["text"]
        if block["type"] == "text"
        else Call(block["name"], json.dumps(block["input"]))
        for block in document["content"]
    ]
    return Seen(items, document["stop_reason"])


# ---- responses ----


def _response_item(index, item):
    if isinstance(item, str):
        part = {"type": "output_text", "text": item, "annotations": []}
        message = {"id": f"msg_{index}", "type": "message", "role": "assistant"}
        return {**message, "status": "completed", "content": [part]}
    call = {"id": f"fc_{index}", "call_id": f"call_{index}", "name": item.name}
    if item.custom:
        return {**call, "type": "custom_tool_call", "input": item.arguments, "status": "completed"}
    return {**call, "type": "function_call", "arguments": item.arguments, "status": "completed"}


def _responses_whole(items):
    output = [_response_item(index, item) for index, item in enumerate(items)]
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    usage |= {"input_tokens_details": {"cached_tokens": 0}}
    usage |= {"output_tokens_details": {"reasoning_tokens": 0}}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "m",
        "output": output,
        "usage": usage,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def _responses_stream(items, size):
    done = _responses_whole(items)
    begun = {**done, "status": "in_progress", "output": [], "usage": None}
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(items):
        whole = done["output"][index]
        place = {"item_id": whole["id"], "output_index": index}
        added = {"type": "response.output_item.added", "output_index": index}
        finished = {"type": "response.output_item.done", "output_index": index, "item": whole}
        if isinstance(item, str):
            part = whole["content"][0]
            place["content_index"] = 0
            events += [
                {**added, "item": {**whole, "status": "in_progress", "content": []}},
                {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
                *(
                    {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
                    for piece in cut(item, size)
                ),
                {"type": "response.output_text.done", **place, "text": item, "logprobs": []},
                {"type": "response.content_part.done", **place, "part": part},
                finished,
            ]
            continue
        name = "custom_tool_call_input" if item.custom else "function_call_arguments"
        member = "input" if item.custom else "arguments"
        events += [
            {**added, "item": {**whole, "status": "in_progress", member: ""}},
            *(
                {"type": f"response.{name}.delta", **place, "delta": piece}
                for piece in cut(item.arguments, size)
            ),
            {
                "type": f"response.{name}.done",
                **place,
                "name": item.name,
                member: item.arguments,
            },
            finished,
        ]
    events.append({"type": "response.completed", "response": done})
    return [event({**each, "sequence_number": n}) for n, each in enumerate(events)]


def _responses_seen(documents):
    """Collect the deltas, and hold what says them again to them."""
    assert [each["sequence_number"] for each in documents] == list(range(len(documents)))
    items, end = {}, None
    for document in documents:
        kind, index = document["type"], document.get("output_index")
        if kind == "response.output_item.added":
            assert index == len(items)
            items[index] = [document["item"], ""]
        elif kind.endswith(".delta"):
            items[index][1] += document["delta"]
        elif kind == "response.output_item.done":
            assert document["item"]["id"] == items[index][0]["id"]
            assert _responses_item_seen(document["item"]) == _as_seen(*items[index])
        elif kind == "response.completed":
            end = document["response"]["status"]
            whole = [_responses_item_seen(item) for item in document["response"]["output"]]
            assert whole == [_as_seen(*item) for item in items.values()]
    return Seen([_as_seen(*item) for item in items.values()], end)


def _as_seen(item, text):
    if item["type"] == "message":
        return text
    return Call(item["name"], text, custom=item["type"] == "custom_tool_call")


def _responses_item_seen(item):
    if item["type"] == "message":
        return item["content"][0]["text"]
    return _as_seen(item, item.get("input", item.get("arguments")))


def _responses_seen_whole(document):
    return Seen([_responses_item_seen(item) for item in document["output"]], document["status"])


_STREAMS = {
    "openai.chat": _chat_stream,
    "anthropic.messages": _messages_stream,
    "openai.responses": _responses_stream,
}
_WHOLES = {
    "openai.chat": _chat_whole,
    "anthropic.messages": _messages_whole,
    "openai.responses": _responses_whole,
}
_SEEN = {
    "openai.chat": _chat_seen,
    "anthropic.messages": _messages_seen,
    "openai.responses": _responses_seen,
}
_SEEN_WHOLE = {
    "openai.chat": _chat_seen_whole,
    "anthropic.messages": _messages_seen_whole,
    "openai.responses": _responses_seen_whole,
}
CHAT = Wire(OpenAiChat(), "/chat/completions")
MESSAGES = Wire(AnthropicMessages(), "/v1/messages")
RESPONSES = Wire(OpenAiResponses(), "/responses")
WIRES = (CHAT, MESSAGES, RESPONSES)
# How each says that an answer ended as a text does, and with a call.
TEXT_END = {
    "openai.chat": "stop",
    "anthropic.messages": "end_turn",
    "openai.responses": "completed",
}
CALL_END = {
    "openai.chat": "tool_calls",
    "anthropic.messages": "tool_use",
    "openai.responses": "completed",
}
