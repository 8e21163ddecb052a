"""Frame the demo's answers in the wire formats of Copilot, OpenAI and Anthropic clients.

`answer_for` reads a request body and returns either a document or the frames of a stream;
`demo_upstream` plays them. Formats: inline completions, chat completions, responses,
messages, embeddings.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from tailnumber.stack import demo_answers

Json = dict[str, object]
DONE: Final = b"data: [DONE]\n\n"
LONG_DELTA_COUNT: Final = 1000
_ENGINE: Final = re.compile(r"^(?:/v1)?/engines/([^/]+)/completions$")
_WORD: Final = re.compile(r"\bDEMO_[A-Z0-9_]+")
_EDIT_WORDS: Final = re.compile(r"\bapply\b|\bedit the file\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A document, or the frames of a stream; `words` are the special words of the prompt."""

    words: frozenset[str]
    document: Json | None = None
    opening: Sequence[bytes] = ()
    deltas: Sequence[bytes] = ()
    closing: Sequence[bytes] = ()
    last: bytes = b""


@dataclass(frozen=True, slots=True)
class _Prompt:
    """What an answer depends on, read from any format."""

    text: str
    model: str
    stream: bool
    size: int
    words: frozenset[str] = field(default_factory=frozenset)


def answer_for(method: str, path: str, body: bytes) -> Answer | None:
    """Return the answer of a model route, or None where there is no such route.

    Raises:
        ValueError: the body is not a JSON object.
    """
    engine = _ENGINE.match(path)
    kind = "/completions" if engine else path.removeprefix("/v1")
    build = _BUILDERS.get(kind)
    if method != "POST" or build is None:
        return None
    request = orjson.loads(body)
    if not isinstance(request, dict):
        raise ValueError("the body is not a JSON object")  # noqa: TRY004 - as for broken JSON
    if engine:
        request["model"] = engine[1]
    return build(request)


def _read(request: Json, text: str) -> _Prompt:
    return _Prompt(
        text=text,
        model=str(request.get("model") or "gpt-4.1"),
        stream=request.get("stream") is True,
        size=len(orjson.dumps(request)) // 4,
        words=frozenset(_WORD.findall(text)),
    )


def _text_of(content: object) -> str:
    """Join the text of a message's content, a string or a list of blocks."""
    if isinstance(content, str):
        return content
    texts = [
        block["text"]
        for block in (content if isinstance(content, list) else [])
        if isinstance(block, dict) and isinstance(block.get("text"), str)
    ]
    return "\n".join(texts)


def _last_user_text(messages: object) -> str:
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            return _text_of(message.get("content"))
    return messages if isinstance(messages, str) else ""


def _asked(text: str) -> str:
    """Leave an editor's attachments out: what the person asked stands after them."""
    asked = re.search(r"<userRequest>(.*?)(?:</userRequest>|$)", text, re.DOTALL)
    return asked[1] if asked else text


def _reply_pieces(prompt: _Prompt) -> list[str]:
    """Choose the text of an answer and cut it into deltas."""
    if "DEMO_LONG" in prompt.words:
        return [f"line {number}\n" for number in range(LONG_DELTA_COUNT)]
    if "DEMO_SECRET" in prompt.words:
        key_id, secret = demo_answers.fabricated_aws_key()
        text = (
            "Put this in your settings:\n\n```ini\n[default]\n"
            f"aws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n```\n"
        )
        return [text[start : start + 5] for start in range(0, len(text), 5)]
    return demo_answers.pieces(demo_answers.chat_text(_asked(prompt.text)))


def _event(document: Mapping[str, object], name: str = "") -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(document) + b"\n\n"


def _usage(prompt: _Prompt, pieces: Sequence[str]) -> Json:
    answered = sum(map(len, pieces)) // 4 + 1
    return {
        "prompt_tokens": prompt.size,
        "completion_tokens": answered,
        "total_tokens": prompt.size + answered,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


# Inline completions: n choices, interleaved by index.


def _inline(request: Json) -> Answer:
    prompt = _read(request, str(request.get("prompt") or ""))
    extra = request.get("extra")
    language = str(extra.get("language") or "") if isinstance(extra, dict) else ""
    asked = request.get("n")
    count = min(max(asked if isinstance(asked, int) else 1, 1), 20)
    stop = [word for word in _items(request.get("stop")) if isinstance(word, str)]
    special = prompt.words & {"DEMO_LONG", "DEMO_SECRET"}
    if special:
        choices = [_reply_pieces(prompt)] * count
    else:
        texts = demo_answers.ghost_texts(prompt.text, language, count, stop)
        choices = [demo_answers.pieces(text) for text in texts]
    base: Json = {
        "id": f"cmpl-{uuid.uuid4().hex[:24]}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": prompt.model,
    }
    usage = _usage(prompt, choices[0])

    def choice(index: int, text: str, finish: str | None) -> Json:
        return {"index": index, "text": text, "finish_reason": finish, "logprobs": None}

    if not prompt.stream:
        whole = [choice(i, "".join(pieces), "stop") for i, pieces in enumerate(choices)]
        return Answer(prompt.words, {**base, "choices": whole, "usage": usage})
    deltas = [
        _event({**base, "choices": [choice(index, pieces[step], None)]})
        for step in range(max(map(len, choices)))
        for index, pieces in enumerate(choices)
        if step < len(pieces)
    ]
    ends = [{**base, "choices": [choice(index, "", "stop")]} for index in range(count)]
    ends[-1]["usage"] = usage
    return Answer(prompt.words, None, (), deltas, [_event(end) for end in ends], DONE)


# Chat completions.


def _chat(request: Json) -> Answer:
    messages = _items(request.get("messages"))
    prompt = _read(request, _last_user_text(messages))
    base: Json = {
        "id": f"chatcmpl-{uuid.uuid4().hex[:24]}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": prompt.model,
    }
    tool = _edit_tool(request, messages, prompt)
    if tool:
        return _chat_tool_call(prompt, base, tool)
    pieces = _reply_pieces(prompt)
    if messages and isinstance(messages[-1], dict) and messages[-1].get("role") == "tool":
        pieces = demo_answers.pieces("Done: the file is changed as you asked. Run the tests next.")
    usage = _usage(prompt, pieces)
    if not prompt.stream:
        message: Json = {"role": "assistant", "content": "".join(pieces)}
        return Answer(prompt.words, _chat_document(base, message, "stop", usage))
    return Answer(
        prompt.words,
        opening=[_chat_event(base, {"role": "assistant", "content": ""})],
        deltas=[_chat_event(base, {"content": piece}) for piece in pieces],
        closing=[_chat_event(base, {}, "stop"), _event({**base, "choices": [], "usage": usage})],
        last=DONE,
    )


def _chat_tool_call(prompt: _Prompt, base: Json, tool: str) -> Answer:
    arguments = orjson.dumps(demo_answers.edit_arguments(tool, prompt.text)).decode()
    call: Json = {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function"}
    usage = _usage(prompt, [arguments])
    if not prompt.stream:
        whole = [{**call, "function": {"name": tool, "arguments": arguments}}]
        message: Json = {"role": "assistant", "content": None, "tool_calls": whole}
        return Answer(prompt.words, _chat_document(base, message, "tool_calls", usage))
    first = {"index": 0, **call, "function": {"name": tool, "arguments": ""}}
    opening: Json = {"role": "assistant", "content": None, "tool_calls": [first]}
    fragments = [arguments[start : start + 16] for start in range(0, len(arguments), 16)]
    return Answer(
        prompt.words,
        opening=[_chat_event(base, opening)],
        deltas=[
            _chat_event(base, {"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
            for part in fragments
        ],
        closing=[
            _chat_event(base, {}, "tool_calls"),
            _event({**base, "choices": [], "usage": usage}),
        ],
        last=DONE,
    )


def _chat_event(base: Json, delta: Json, finish: str | None = None) -> bytes:
    return _event({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _chat_document(base: Json, message: Json, finish: str, usage: Json) -> Json:
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return {**base, "object": "chat.completion", "choices": [choice], "usage": usage}


def _edit_tool(request: Json, messages: Sequence[object], prompt: _Prompt) -> str:
    """Name the offered tool to call, or "": only when asked to, and not after its result."""
    last = messages[-1] if messages else None
    if not isinstance(last, dict) or last.get("role") != "user":
        return ""
    if not _EDIT_WORDS.search(_asked(prompt.text)):
        return ""
    offered = {
        function.get("name")
        for tool in _items(request.get("tools"))
        if isinstance(tool, dict) and isinstance(function := tool.get("function"), dict)
    }
    return next((name for name in demo_answers.EDIT_TOOLS if name in offered), "")


# Responses.


def _responses(request: Json) -> Answer:
    prompt = _read(request, _last_user_text(request.get("input")))
    pieces = _reply_pieces(prompt)
    text = "".join(pieces)
    usage: Json = {
        "input_tokens": prompt.size,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": len(text) // 4 + 1,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt.size + len(text) // 4 + 1,
    }
    part: Json = {"type": "output_text", "text": text, "annotations": []}
    item_id = f"msg_{uuid.uuid4().hex[:24]}"
    item: Json = {"id": item_id, "type": "message", "role": "assistant", "status": "completed"}
    whole = {**item, "content": [part]}
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
    done = {**begun, "status": "completed", "output": [whole], "usage": usage}
    if not prompt.stream:
        return Answer(prompt.words, done)
    place: Json = {"item_id": item_id, "output_index": 0, "content_index": 0}
    added = {**item, "status": "in_progress", "content": []}
    empty: Json = {**part, "text": ""}
    opening: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": added},
        {"type": "response.content_part.added", **place, "part": empty},
    ]
    deltas: list[Json] = [
        {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
        for piece in pieces
    ]
    closing: list[Json] = [
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": whole},
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


def _numbered(events: Iterable[Json]) -> Iterable[bytes]:
    for number, event in enumerate(events):
        yield _event({**event, "sequence_number": number}, str(event["type"]))


# Messages.


def _messages(request: Json) -> Answer:
    prompt = _read(request, _last_user_text(request.get("messages")))
    pieces = _reply_pieces(prompt)
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
    if not prompt.stream:
        block = {"type": "text", "text": "".join(pieces)}
        ended = {"content": [block], "stop_reason": "end_turn", "usage": {**usage, **output}}
        return Answer(prompt.words, {**message, **ended})
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    block_start = {"type": "text", "text": ""}
    return Answer(
        prompt.words,
        opening=[
            _typed("message_start", message=message),
            _typed("content_block_start", index=0, content_block=block_start),
            _typed("ping"),
        ],
        deltas=[
            _typed("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
            for piece in pieces
        ],
        closing=[
            _typed("content_block_stop", index=0),
            _typed("message_delta", delta=stop, usage=output),
        ],
        last=_typed("message_stop"),
    )


def _typed(name: str, **fields: object) -> bytes:
    return _event({"type": name, **fields}, name)


# Embeddings.


def _embeddings(request: Json) -> Answer:
    given = request.get("input")
    texts = [str(item) for item in given] if isinstance(given, list) else [str(given or "")]
    prompt = _read(request, "\n".join(texts))
    data = [
        {"object": "embedding", "index": index, "embedding": demo_answers.embedding(text)}
        for index, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": prompt.size, "total_tokens": prompt.size}
    document: Json = {"object": "list", "model": prompt.model, "data": data, "usage": usage}
    return Answer(prompt.words, document)


def _items(value: object) -> list[object]:
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) else []


_BUILDERS: Final = {
    "/completions": _inline,
    "/chat/completions": _chat,
    "/responses": _responses,
    "/messages": _messages,
    "/embeddings": _embeddings,
}
