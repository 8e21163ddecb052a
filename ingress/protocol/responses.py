"""Know where the texts stand in OpenAI's Responses bodies and events.

An event stream says each text several times: as deltas, in ``*.done``, in
``response.output_item.done`` and in the final ``response.completed``. The deltas are masked; what
says them again becomes what they became.
Source: OpenAI API reference, "Responses" and its streaming events.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from ingress.errors import BadPrompt, ProtocolError
from ingress.protocol.responses_calls import ResponsesCalls, note_tool
from ingress.protocol.texts import (
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
from ingress.protocol.wire import count, data_frame, session_named, string

# Delta events: the member of their ``.done`` twin that repeats the text, and the channel's kind.
_DELTAS: Final = {
    "response.output_text": ("text", "text"),
    "response.refusal": ("refusal", "refusal"),
    "response.reasoning_text": ("text", "reasoning"),
    "response.reasoning_summary_text": ("text", "summary"),
    "response.function_call_arguments": ("arguments", "tool_arguments"),
    "response.custom_tool_call_input": ("input", "tool_input"),
    "response.mcp_call_arguments": ("arguments", "tool_arguments"),
}
_TERMINAL: Final = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "error"}
)
_CALLS: Final = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "mcp_call": "arguments",
}
# Arguments are JSON; the input of a custom tool is plain text.
_CALL_KINDS: Final = {"arguments": "tool_arguments", "input": "tool_input"}
_OUTPUTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_PART_KINDS: Final = {
    "output_text": "text",
    "refusal": "refusal",
    "reasoning_text": "reasoning",
    "summary_text": "summary",
}
_PART_MEMBER: Final = {"refusal": "refusal"}


class OpenAiResponses:
    """POST /responses."""

    name: ClassVar[str] = "openai.responses"
    _known = frozenset({"input", "instructions"})

    def parse_prompt(self, document: dict[str, Any]) -> Prompt:
        """Return the instructions, every item's texts, and the rest as one part."""
        texts: list[Text] = []
        if isinstance(document.get("instructions"), str):
            texts.append(
                Text(
                    "system",
                    "text",
                    "instructions",
                    document["instructions"],
                    document,
                    "instructions",
                )
            )
        given = document.get("input")
        if isinstance(given, str):
            texts.append(Text("user", "text", "input", given, document, "input"))
        elif isinstance(given, list):
            for number, item in enumerate(given):
                if not isinstance(item, dict):
                    raise BadPrompt(f"`input[{number}]` is no object")
                texts += _item_texts(item, f"input[{number}]")
        elif given is not None:
            raise BadPrompt("`input` is neither text nor list")
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
        """Return the texts of the answer's output items."""
        _note_response(document, completion)
        completion.ended = True
        said = _output_texts(document, completion)
        return [(one.channel, one.as_text()) for one in said]

    def parse_delta(self, document: dict[str, Any], completion: Completion) -> list[Delta]:
        """Return the fragment of a delta event; note tools, model and usage of the others."""
        kind = document.get("type")
        if not isinstance(kind, str):
            raise ProtocolError("an event has no type")
        base, _, last = kind.rpartition(".")
        if last == "delta" and base in _DELTAS:
            value = document.get("delta")
            if not isinstance(value, str):
                raise ProtocolError("a delta is no text")
            return [Delta(_channel(document, _DELTAS[base][1]), document, "delta", value)]
        item = document.get("item")
        if isinstance(item, dict):
            if item.get("type") in _CALLS:
                _note_tool(item, _number(document.get("output_index")), completion)
            else:
                note_tool(item, document.get("output_index"), completion)
        response = document.get("response")
        if isinstance(response, dict):
            _note_response(response, completion)
        if kind in _TERMINAL:
            completion.ended = True
        return []

    def is_plain(self, document: dict[str, Any]) -> bool:
        """Say that a delta event has no text but its delta; all others may."""
        return str(document.get("type", "")).endswith(".delta")

    def ended_choices(self, document: dict[str, Any]) -> set[int]:
        """Return the output item whose text an event says to be done."""
        kind = str(document.get("type", ""))
        return {_number(document.get("output_index"))} if kind.endswith(".done") else set()

    def repeats(self, document: dict[str, Any]) -> list[Delta]:
        """Return the whole texts that a ``done`` or a terminal event says again."""
        kind = str(document.get("type", ""))
        base, _, last = kind.rpartition(".")
        if last == "delta":
            return []
        index = _number(document.get("output_index"))
        said: list[Delta] = []
        if last == "done" and base in _DELTAS:
            member, channel_kind = _DELTAS[base]
            if isinstance(document.get(member), str):
                channel = _channel(document, channel_kind)
                said.append(Delta(channel, document, member, document[member]))
        part, item = document.get("part"), document.get("item")
        if last == "done" and isinstance(part, dict):
            number = _number(document.get("content_index", document.get("summary_index")))
            said += _part_texts(part, index, number)
        if last == "done" and isinstance(item, dict):
            said += _item_outputs(item, index)
        response = document.get("response")
        if isinstance(response, dict) and kind in _TERMINAL:
            said += _output_texts(response, None)
        return said

    def calls(self) -> ResponsesCalls:
        """Return what knows the tool calls of one answer."""
        return ResponsesCalls()

    def frame_of(self, delta: Delta, document: dict[str, Any], text: str) -> bytes:
        """Return the same delta event with another text."""
        frame = {**document, delta.key: text}
        return data_frame(frame, str(document["type"]).encode())


def _item_texts(item: dict[str, Any], place: str) -> Iterator[Text]:
    kind = item.get("type", "message")
    if kind in _CALLS:
        yield from _tool_text(item, _CALLS[kind], "assistant", "tool_arguments", place)
    elif kind in _OUTPUTS:
        yield from _tool_text(item, "output", "tool", "tool_result", place)
    elif kind == "message":
        role = item.get("role")
        role = role if role in {"system", "developer", "user", "assistant"} else "user"
        content = item.get("content")
        if isinstance(content, str):
            yield Text(role, "text", f"{place}.content", content, item, "content")
        elif isinstance(content, list):
            yield from _content_texts(content, role, f"{place}.content")
    else:
        yield Nested.of(item, None, "user", place)


def _tool_text(
    item: dict[str, Any], member: str, role: str, kind: str, place: str
) -> Iterator[Text]:
    value = item.get(member)
    if isinstance(value, str):
        yield Text(role, kind, f"{place}.{member}", value, item, member)
    elif value is not None:
        yield Nested.of(item, member, role, f"{place}.{member}", kind)


def _content_texts(content: list[Any], role: str, place: str) -> Iterator[Text]:
    for number, part in enumerate(content):
        where = f"{place}[{number}]"
        if not isinstance(part, dict):
            raise BadPrompt(f"`{where}` is no object")
        if isinstance(part.get("text"), str):
            yield Text(role, "text", f"{where}.text", part["text"], part, "text")
        else:
            yield Nested.of(part, None, role, where)


def _channel(document: dict[str, Any], kind: str) -> Channel:
    number = document.get("content_index", document.get("summary_index", 0))
    return Channel(_number(document.get("output_index")), kind, _number(number))


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _part_texts(part: dict[str, Any], index: int, number: int) -> Iterator[Delta]:
    kind = _PART_KINDS.get(str(part.get("type")))
    member = _PART_MEMBER.get(str(part.get("type")), "text")
    if kind and isinstance(part.get(member), str):
        yield Delta(Channel(index, kind, number), part, member, part[member])


def _item_outputs(item: dict[str, Any], index: int) -> Iterator[Delta]:
    member = _CALLS.get(str(item.get("type")))
    if member and isinstance(item.get(member), str):
        yield Delta(Channel(index, _CALL_KINDS[member], 0), item, member, item[member])
    for name in ("content", "summary"):
        parts = item.get(name)
        for number, part in enumerate(parts if isinstance(parts, list) else ()):
            if isinstance(part, dict):
                yield from _part_texts(part, index, number)


def _output_texts(response: dict[str, Any], completion: Completion | None) -> list[Delta]:
    output = response.get("output")
    said: list[Delta] = []
    for index, item in enumerate(output if isinstance(output, list) else ()):
        if isinstance(item, dict):
            if completion is not None and item.get("type") in _CALLS:
                _note_tool(item, index, completion)
            said += _item_outputs(item, index)
    return said


def _note_tool(item: dict[str, Any], index: int, completion: Completion) -> None:
    kind = _CALL_KINDS[_CALLS[str(item.get("type"))]]
    tool = completion.tools.setdefault(Channel(index, kind, 0), CalledTool())
    tool.call_id = string(item.get("call_id")) or tool.call_id
    tool.name = string(item.get("name")) or tool.name


def _note_response(response: dict[str, Any], completion: Completion) -> None:
    completion.model_used = string(response.get("model")) or completion.model_used
    status = response.get("status")
    if isinstance(status, str) and status != "in_progress":
        completion.finish_reasons[0] = status[:256]
    usage = response.get("usage")
    if isinstance(usage, dict):
        completion.input_tokens = count(usage.get("input_tokens"))
        completion.output_tokens = count(usage.get("output_tokens"))
        details = usage.get("input_tokens_details")
        if isinstance(details, dict):
            completion.cached_tokens = count(details.get("cached_tokens"))
