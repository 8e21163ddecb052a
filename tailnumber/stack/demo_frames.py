"""Frame the demo's answers in the wire formats of Copilot, OpenAI and Anthropic clients.

`answer_for` reads a request body and returns either a document or the frames of a stream;
`demo_upstream` plays them. Formats: inline completions, chat completions, responses,
messages, embeddings.
"""

from __future__ import annotations

import re
import time
import uuid
from typing import Final

import orjson

from tailnumber.stack import demo_answers
from tailnumber.stack.demo_agent_frames import messages_answer, responses_answer
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
    usage_of,
)

DONE: Final = b"data: [DONE]\n\n"
_ENGINE: Final = re.compile(r"^(?:/v1)?/engines/([^/]+)/completions$")


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


# Inline completions: n choices, interleaved by index.


def _inline(request: Json) -> Answer:
    prompt = read_prompt(request, str(request.get("prompt") or ""))
    extra = request.get("extra")
    language = str(extra.get("language") or "") if isinstance(extra, dict) else ""
    asked = request.get("n")
    count = min(max(asked if isinstance(asked, int) else 1, 1), 20)
    stop = [word for word in items_of(request.get("stop")) if isinstance(word, str)]
    special = prompt.words & {"DEMO_LONG", "DEMO_SECRET"}
    if special:
        choices = [reply_pieces(prompt)] * count
    else:
        texts = demo_answers.ghost_texts(prompt.text, language, count, stop)
        choices = [demo_answers.pieces(text) for text in texts]
    base: Json = {
        "id": f"cmpl-{uuid.uuid4().hex[:24]}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": prompt.model,
    }
    usage = usage_of(prompt, choices[0])

    def choice(index: int, text: str, finish: str | None) -> Json:
        return {"index": index, "text": text, "finish_reason": finish, "logprobs": None}

    if not prompt.stream:
        whole = [choice(i, "".join(pieces), "stop") for i, pieces in enumerate(choices)]
        return Answer(prompt.words, {**base, "choices": whole, "usage": usage})
    deltas = [
        event({**base, "choices": [choice(index, pieces[step], None)]})
        for step in range(max(map(len, choices)))
        for index, pieces in enumerate(choices)
        if step < len(pieces)
    ]
    ends = [{**base, "choices": [choice(index, "", "stop")]} for index in range(count)]
    ends[-1]["usage"] = usage
    return Answer(prompt.words, None, (), deltas, [event(end) for end in ends], DONE)


# Chat completions.


def _chat(request: Json) -> Answer:
    messages = items_of(request.get("messages"))
    prompt = read_prompt(request, last_user_text(messages))
    base: Json = {
        "id": f"chatcmpl-{uuid.uuid4().hex[:24]}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": prompt.model,
    }
    tool = edit_tool(request, messages, prompt)
    if tool:
        return _chat_tool_call(prompt, base, tool)
    pieces = reply_pieces(prompt)
    if messages and isinstance(messages[-1], dict) and messages[-1].get("role") == "tool":
        pieces = demo_answers.pieces("Done: the file is changed as you asked. Run the tests next.")
    usage = usage_of(prompt, pieces)
    if not prompt.stream:
        message: Json = {"role": "assistant", "content": "".join(pieces)}
        return Answer(prompt.words, _chat_document(base, message, "stop", usage))
    return Answer(
        prompt.words,
        opening=[_chat_event(base, {"role": "assistant", "content": ""})],
        deltas=[_chat_event(base, {"content": piece}) for piece in pieces],
        closing=[_chat_event(base, {}, "stop"), event({**base, "choices": [], "usage": usage})],
        last=DONE,
    )


def _chat_tool_call(prompt: DemoPrompt, base: Json, tool: str) -> Answer:
    arguments = orjson.dumps(demo_answers.edit_arguments(tool, prompt.text)).decode()
    call: Json = {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function"}
    usage = usage_of(prompt, [arguments])
    if not prompt.stream:
        whole = [{**call, "function": {"name": tool, "arguments": arguments}}]
        message: Json = {"role": "assistant", "content": None, "tool_calls": whole}
        return Answer(prompt.words, _chat_document(base, message, "tool_calls", usage))
    first = {"index": 0, **call, "function": {"name": tool, "arguments": ""}}
    opening: Json = {"role": "assistant", "content": None, "tool_calls": [first]}
    return Answer(
        prompt.words,
        opening=[_chat_event(base, opening)],
        deltas=[
            _chat_event(base, {"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
            for part in fragments(arguments)
        ],
        closing=[
            _chat_event(base, {}, "tool_calls"),
            event({**base, "choices": [], "usage": usage}),
        ],
        last=DONE,
    )


def _chat_event(base: Json, delta: Json, finish: str | None = None) -> bytes:
    return event({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _chat_document(base: Json, message: Json, finish: str, usage: Json) -> Json:
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return {**base, "object": "chat.completion", "choices": [choice], "usage": usage}


# Embeddings.


def _embeddings(request: Json) -> Answer:
    given = request.get("input")
    texts = [str(item) for item in given] if isinstance(given, list) else [str(given or "")]
    prompt = read_prompt(request, "\n".join(texts))
    data = [
        {"object": "embedding", "index": index, "embedding": demo_answers.embedding(text)}
        for index, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": prompt.size, "total_tokens": prompt.size}
    document: Json = {"object": "list", "model": prompt.model, "data": data, "usage": usage}
    return Answer(prompt.words, document)


_BUILDERS: Final = {
    "/completions": _inline,
    "/chat/completions": _chat,
    "/responses": responses_answer,
    "/messages": messages_answer,
    "/embeddings": _embeddings,
}
