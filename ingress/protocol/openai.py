"""Know where the texts stand in OpenAI's chat, completions and embeddings bodies.

GitHub Copilot speaks the same shapes with a few members more (``extra.language``, the
``# Path:`` line that opens an inline prompt, ``<attachment filePath=…>`` in a chat).
Source: OpenAI API reference; what Copilot's clients send was recorded from them.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from ingress.errors import BadPrompt, ProtocolError
from ingress.protocol.chat_calls import ChatCalls, call_piece, called_tools
from ingress.protocol.texts import (
    ARGUMENT_KINDS,
    CalledTool,
    Channel,
    Completion,
    Delta,
    Nested,
    Prompt,
    Text,
    attached_paths,
    rest_of,
)
from ingress.protocol.wire import (
    LANGUAGE_MAX,
    NAME_MAX,
    count,
    data_frame,
    listed,
    session_named,
    string,
)

# Possessive at both sides of the path: each sign is looked at once, whatever the text is.
_PATH_COMMENT = re.compile(
    r"\s*+(?:#|//|--|;|%|<!--|/\*|\"|')[^\S\n]*+Path:[^\S\n]*+([^\n]{1,1024}?)"
    r"[^\S\n]{0,64}(?:-->|\*/)?\n"
)
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})

# Members of a stream frame that hold ids, numbers and enumerations only.
_PLAIN_FRAME = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"}
)
_PLAIN_CHOICE = frozenset({"index", "delta", "text", "finish_reason", "logprobs"})
_PLAIN_DELTA = frozenset(
    {"role", "content", "refusal", "tool_calls", "reasoning_content", "reasoning"}
)
_PLAIN_CALL = frozenset({"id", "type", "index", "function"})
# Members of a message that name something; a value that is longer than a name is a text.
_MESSAGE_NAMES = ("role", "name", "tool_call_id")
_TEXT_KINDS = {
    "content": "text",
    "refusal": "text",
    "reasoning_content": "reasoning",
    "reasoning": "reasoning",
}


class OpenAiChat:
    """POST /chat/completions."""

    name: ClassVar[str] = "openai.chat"
    _known = frozenset({"messages"})

    def parse_prompt(self, document: dict[str, Any]) -> Prompt:
        """Return the texts of every message, tool calls and results included."""
        messages = document.get("messages")
        if not isinstance(messages, list):
            raise BadPrompt("`messages` is no list")
        texts: list[Text] = []
        for number, message in enumerate(messages):
            if not isinstance(message, dict):
                raise BadPrompt(f"`messages[{number}]` is no object")
            texts += _message_texts(message, f"messages[{number}]")
        return Prompt(
            model=string(document.get("model")),
            streamed=document.get("stream") is True,
            texts=texts + rest_of(document, self._known),
            file_paths=attached_paths(texts),
            session_id=session_named(document.get("prompt_cache_key")),
        )

    def parse_completion(
        self, document: dict[str, Any], completion: Completion
    ) -> list[tuple[Channel, Text]]:
        """Return each choice's message and tool arguments."""
        found: list[tuple[Channel, Text]] = []
        for choice, index in _choices(document, completion):
            message = choice.get("message")
            if isinstance(message, dict):
                deltas = _delta_texts(message, index, completion)
                found += [(delta.channel, delta.as_text()) for delta in deltas]
        completion.ended = True
        return found

    def parse_delta(self, document: dict[str, Any], completion: Completion) -> list[Delta]:
        """Return the content and argument fragments of each choice."""
        found: list[Delta] = []
        for choice, index in _choices(document, completion):
            delta = choice.get("delta")
            if isinstance(delta, dict):
                found += _delta_texts(delta, index, completion)
            if isinstance(choice.get("message"), dict):
                for called in called_tools(choice["message"], index):
                    completion.tools.setdefault(called.channel, CalledTool())
        return found

    def is_plain(self, document: dict[str, Any]) -> bool:
        """Say that the frame has OpenAI's own members alone."""
        return document.keys() <= _PLAIN_FRAME and all(
            choice.keys() <= _PLAIN_CHOICE and _is_plain_delta(choice.get("delta"))
            for choice in document.get("choices") or ()
        )

    def ended_choices(self, document: dict[str, Any]) -> set[int]:
        """Return the choices with a finish reason."""
        return _finished(document)

    def repeats(self, _document: dict[str, Any]) -> list[Delta]:
        """Return nothing: these streams say a text once."""
        return []

    def calls(self) -> ChatCalls:
        """Return what knows the tool calls of one answer."""
        return ChatCalls()

    def frame_of(self, delta: Delta, document: dict[str, Any], text: str) -> bytes:
        """Return a frame with one choice whose delta is ``text``."""
        channel = delta.channel
        piece: dict[str, Any] = {delta.key: text}
        if channel.kind in ARGUMENT_KINDS:
            piece = call_piece(channel, text)
        choice = {"index": channel.choice, "delta": piece, "finish_reason": None}
        return data_frame(_frame_like(document, choice))


class OpenAiCompletions:
    """POST /v1/engines/{engine}/completions, the inline completions of Copilot."""

    name: ClassVar[str] = "openai.completions"
    _known = frozenset({"prompt", "suffix"})

    def parse_prompt(self, document: dict[str, Any]) -> Prompt:
        """Return the code before and after the cursor; the file stands in the first comment."""
        texts = list(_prompt_texts(document))
        first = texts[0].value if texts else ""
        path = _PATH_COMMENT.match(first)
        extra = document.get("extra")
        return Prompt(
            model=string(document.get("model")),
            streamed=document.get("stream") is True,
            texts=texts + rest_of(document, self._known),
            file_paths=(path[1],) if path else (),
            language=string(_member(extra, "language"), LANGUAGE_MAX),
        )

    def parse_completion(
        self, document: dict[str, Any], completion: Completion
    ) -> list[tuple[Channel, Text]]:
        """Return each choice's text."""
        deltas = self.parse_delta(document, completion)
        completion.ended = True
        return [(delta.channel, delta.as_text()) for delta in deltas]

    def parse_delta(self, document: dict[str, Any], completion: Completion) -> list[Delta]:
        """Return the text fragment of each choice; the choices interleave."""
        return [
            Delta(Channel(index, "text"), choice, "text", choice["text"])
            for choice, index in _choices(document, completion)
            if isinstance(choice.get("text"), str)
        ]

    def is_plain(self, document: dict[str, Any]) -> bool:
        """Say that the frame has OpenAI's own members alone."""
        return document.keys() <= _PLAIN_FRAME and all(
            choice.keys() <= _PLAIN_CHOICE for choice in document.get("choices") or ()
        )

    def ended_choices(self, document: dict[str, Any]) -> set[int]:
        """Return the choices with a finish reason."""
        return _finished(document)

    def repeats(self, _document: dict[str, Any]) -> list[Delta]:
        """Return nothing: these streams say a text once."""
        return []

    def calls(self) -> None:
        """Return nothing: inline completions call no tools."""

    def frame_of(self, delta: Delta, document: dict[str, Any], text: str) -> bytes:
        """Return a frame with one choice whose text is ``text``."""
        choice = {"index": delta.channel.choice, "text": text, "finish_reason": None}
        return data_frame(_frame_like(document, choice))


class OpenAiEmbeddings(OpenAiCompletions):
    """POST /embeddings; the answer is numbers."""

    name: ClassVar[str] = "openai.embeddings"
    _known = frozenset({"input"})

    def parse_prompt(self, document: dict[str, Any]) -> Prompt:
        """Return the texts to embed."""
        texts = list(_listed_texts(document, "input", "text"))
        return Prompt(
            model=string(document.get("model")), texts=texts + rest_of(document, self._known)
        )


def _message_texts(message: dict[str, Any], location: str) -> Iterator[Text]:
    named = message.get("role")
    role = named if isinstance(named, str) and named in _ROLES else "user"
    yield from _content_texts(message, role, f"{location}.content")
    for number, call in enumerate(listed(message, "tool_calls", BadPrompt)):
        yield from _call_texts(call, role, f"{location}.tool_calls[{number}]")
    # Whatever else stands there goes upstream too, so it is masked and recorded too.
    known = {"content", "tool_calls"} | {k for k in _MESSAGE_NAMES if _is_name(message.get(k))}
    yield from _placed(rest_of(message, frozenset(known)), role, location)


def _content_texts(message: dict[str, Any], role: str, location: str) -> Iterator[Text]:
    kind = "tool_result" if role == "tool" else "text"
    content = message.get("content")
    if isinstance(content, str):
        yield Text(role, kind, location, content, message, "content")
    elif isinstance(content, list):
        for number, item in enumerate(content):
            place = f"{location}[{number}]"
            if not isinstance(item, dict):
                raise BadPrompt(f"`{place}` is no object")
            known = {"type"} if _is_name(item.get("type")) else set()
            if isinstance(item.get("text"), str):
                yield Text(role, kind, f"{place}.text", item["text"], item, "text")
                known.add("text")
            if item.keys() - known:
                yield from _placed(rest_of(item, frozenset(known)), role, place)
    elif content is not None:
        yield Nested.of(message, "content", role, location)


def _call_texts(call: object, role: str, place: str) -> Iterator[Text]:
    if not isinstance(call, dict):
        raise BadPrompt(f"`{place}` is no object")
    if _is_plain_call(call):
        function = call["function"]
        yield Text(role, "tool_arguments", place, function["arguments"], function, "arguments")
    else:
        yield Nested.of(call, None, role, place)


def _placed(texts: list[Text], role: str, place: str) -> list[Text]:
    for text in texts:
        text.role, text.location = role, place
    return texts


def _is_plain_call(call: dict[str, Any]) -> bool:
    """Say that a tool call holds names and one text, its arguments."""
    function = call.get("function")
    return (
        isinstance(function, dict)
        and call.keys() <= _PLAIN_CALL
        and function.keys() <= {"name", "arguments"}
        and isinstance(function.get("arguments"), str)
        and all(_is_name(call.get(key)) for key in ("id", "type", "index"))
        and _is_name(function.get("name"))
    )


def _member(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _is_name(value: object) -> bool:
    """Say that a value is too small to carry a text."""
    return value is None or isinstance(value, int) or (isinstance(value, str) and len(value) <= 64)


def _prompt_texts(document: dict[str, Any]) -> Iterator[Text]:
    yield from _listed_texts(document, "prompt", "prefix")
    suffix = document.get("suffix")
    if isinstance(suffix, str):
        yield Text("user", "suffix", "suffix", suffix, document, "suffix")
    elif suffix is not None:
        yield Nested.of(document, "suffix", "user", "suffix")


def _listed_texts(document: dict[str, Any], key: str, kind: str) -> Iterator[Text]:
    value = document.get(key)
    if isinstance(value, str):
        yield Text("user", kind, key, value, document, key)
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        for number, item in enumerate(value):
            yield Text("user", kind, f"{key}[{number}]", item, value, number)
    elif isinstance(value, list):
        yield Nested.of(document, key, "user", key)
    else:
        raise BadPrompt(f"`{key}` is neither text nor list")


def _choices(
    document: dict[str, Any], completion: Completion
) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each choice with its index; note model, usage and finish reasons on the way."""
    if completion.model_used is None:
        completion.model_used = string(document.get("model"))
    usage = document.get("usage")
    if isinstance(usage, dict):
        _note_usage(usage, completion)
    for place, choice in enumerate(listed(document, "choices", ProtocolError)):
        if not isinstance(choice, dict):
            raise ProtocolError("a choice is no object")
        index = choice.get("index", place)
        if not isinstance(index, int):
            raise ProtocolError("a choice's index is no number")
        reason = choice.get("finish_reason")
        if isinstance(reason, str):
            completion.finish_reasons[index] = reason[:NAME_MAX]
        yield choice, index


def _note_usage(usage: dict[str, Any], completion: Completion) -> None:
    completion.input_tokens = count(usage.get("prompt_tokens"))
    completion.output_tokens = count(usage.get("completion_tokens"))
    details = usage.get("prompt_tokens_details")
    if isinstance(details, dict):
        completion.cached_tokens = count(details.get("cached_tokens"))


def _delta_texts(delta: dict[str, Any], index: int, completion: Completion) -> Iterator[Delta]:
    for key, kind in _TEXT_KINDS.items():
        value = delta.get(key)
        if isinstance(value, str):
            slot = 1 if key == "refusal" else 0
            yield Delta(Channel(index, kind, slot), delta, key, value)
    for channel, call, body, member in called_tools(delta, index):
        tool = completion.tools.setdefault(channel, CalledTool())
        tool.call_id = string(call.get("id")) or tool.call_id
        name = string(body.get("name")) or ""
        if name != tool.name:
            # Some servers say it again with each piece; clients join pieces that differ.
            tool.name = (tool.name + name)[:NAME_MAX]
        if isinstance(body.get(member), str):
            yield Delta(channel, body, member, body[member])


def _is_plain_delta(delta: object) -> bool:
    """Say that a delta has texts and functions' arguments where they are looked for, alone."""
    if not delta:
        return True
    if not isinstance(delta, dict) or not delta.keys() <= _PLAIN_DELTA:
        return False
    return all(
        all(call.keys() <= _PLAIN_CALL for call in value or ())
        if key == "tool_calls"
        else value is None or isinstance(value, str)
        for key, value in delta.items()
    )


def _finished(document: dict[str, Any]) -> set[int]:
    return {
        choice.get("index", place)
        for place, choice in enumerate(document.get("choices") or ())
        if choice.get("finish_reason")
    }


def _frame_like(document: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any]:
    frame = {name: value for name, value in document.items() if name not in {"usage", "choices"}}
    frame["choices"] = [choice]
    return frame
