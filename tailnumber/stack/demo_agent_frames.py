"""Frame the demo's answers in the formats of agents: OpenAI's Responses, Anthropic's Messages."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable

import orjson

from tailnumber.stack import demo_answers
from tailnumber.stack.demo_prompt import (
    Answer,
    DemoPrompt,
    Json,
    edit_tool,
    event,
    fragments,
    items_of,
    last_user_text,
    read_prompt,
    reply_pieces,
)

# Responses.


def responses_answer(request: Json) -> Answer:
    """Return a message, or a call of an edit tool that the request offers."""
    turns = items_of(request.get("input"))
    prompt = read_prompt(request, last_user_text(request.get("input")))
    tool = edit_tool(request, turns, prompt)
    item, before, deltas, after = (
        _tool_item(request, tool, prompt) if tool else _message_item(reply_pieces(prompt))
    )
    size = len(orjson.dumps(item)) // 4
    usage: Json = {
        "input_tokens": prompt.size,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": size,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt.size + size,
    }
    begun: Json = {
        "id": f"resp_{uuid.uuid4().hex[:24]}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "model": prompt.model,
        "output": [],
        "usage": None,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    done = {**begun, "status": "completed", "output": [item], "usage": usage}
    if not prompt.stream:
        return Answer(prompt.words, done)
    opening: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        *before,
    ]
    closing: list[Json] = [
        *after,
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": done},
    ]
    frames = list(_numbered([*opening, *deltas, *closing]))
    ends = len(frames) - len(closing)
    return Answer(
        prompt.words,
        opening=frames[: len(opening)],
        deltas=frames[len(opening) : ends],
        closing=frames[ends:-1],
        last=frames[-1],
    )


# An output item, the events that open it, its deltas, and the events that close it.
_Item = tuple[Json, list[Json], list[Json], list[Json]]


def _message_item(pieces: list[str]) -> _Item:
    text = "".join(pieces)
    part: Json = {"type": "output_text", "text": text, "annotations": []}
    item_id = f"msg_{uuid.uuid4().hex[:24]}"
    item: Json = {"id": item_id, "type": "message", "role": "assistant", "status": "completed"}
    place: Json = {"item_id": item_id, "output_index": 0, "content_index": 0}
    added = {**item, "status": "in_progress", "content": []}
    return (
        {**item, "content": [part]},
        [
            {"type": "response.output_item.added", "output_index": 0, "item": added},
            {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        ],
        [
            {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
            for piece in pieces
        ],
        [
            {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
            {"type": "response.content_part.done", **place, "part": part},
        ],
    )


def _tool_item(request: Json, tool: str, prompt: DemoPrompt) -> _Item:
    arguments = demo_answers.edit_arguments(tool, prompt.text)
    custom = any(
        isinstance(each, dict) and each.get("type") == "custom" and each.get("name") == tool
        for each in items_of(request.get("tools"))
    )
    member, text = (
        ("input", str(arguments["input"]))
        if custom
        else ("arguments", orjson.dumps(arguments).decode())
    )
    name = "response.custom_tool_call_input" if custom else "response.function_call_arguments"
    item: Json = {
        "id": f"fc_{uuid.uuid4().hex[:24]}",
        "type": "custom_tool_call" if custom else "function_call",
        "status": "completed",
        "call_id": f"call_{uuid.uuid4().hex[:24]}",
        "name": tool,
        member: text,
    }
    place: Json = {"item_id": item["id"], "output_index": 0}
    added = {**item, "status": "in_progress", member: ""}
    return (
        item,
        [{"type": "response.output_item.added", "output_index": 0, "item": added}],
        [{"type": f"{name}.delta", **place, "delta": part} for part in fragments(text)],
        [{"type": f"{name}.done", **place, member: text}],
    )


def _numbered(events: Iterable[Json]) -> Iterable[bytes]:
    for number, each in enumerate(events):
        yield event({**each, "sequence_number": number}, str(each["type"]))


# Messages.


def messages_answer(request: Json) -> Answer:
    """Return a text, or a call of an edit tool that the request offers."""
    turns = items_of(request.get("messages"))
    prompt = read_prompt(request, last_user_text(turns))
    tool = edit_tool(request, turns, prompt)
    if tool:
        arguments = demo_answers.edit_arguments(tool, prompt.text)
        opened: Json = {"type": "tool_use", "id": f"toolu_{uuid.uuid4().hex[:24]}", "name": tool}
        block, empty, stop = {**opened, "input": arguments}, {**opened, "input": {}}, "tool_use"
        kind, member = "input_json_delta", "partial_json"
        pieces = fragments(orjson.dumps(arguments).decode())
    else:
        pieces = reply_pieces(prompt)
        block = {"type": "text", "text": "".join(pieces)}
        empty, stop, kind, member = {"type": "text", "text": ""}, "end_turn", "text_delta", "text"
    usage: Json = {
        "input_tokens": prompt.size,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 1,
    }
    message: Json = {
        "id": f"msg_{uuid.uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": prompt.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    output: Json = {"output_tokens": sum(map(len, pieces)) // 4 + 1}
    ended = {"stop_reason": stop, "stop_sequence": None}
    if not prompt.stream:
        whole = {**message, **ended, "content": [block], "usage": {**usage, **output}}
        return Answer(prompt.words, whole)
    return Answer(
        prompt.words,
        opening=[
            _typed("message_start", message=message),
            _typed("content_block_start", index=0, content_block=empty),
            _typed("ping"),
        ],
        deltas=[
            _typed("content_block_delta", index=0, delta={"type": kind, member: piece})
            for piece in pieces
        ],
        closing=[
            _typed("content_block_stop", index=0),
            _typed("message_delta", delta=ended, usage=output),
        ],
        last=_typed("message_stop"),
    )


def _typed(name: str, **fields: object) -> bytes:
    return event({"type": name, **fields}, name)
