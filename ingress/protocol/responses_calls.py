"""Know where tool calls stand in OpenAI's responses, and write a message in a call's place.

Calls that the provider runs itself (``mcp_call``, ``web_search_call`` and the like) have happened
when the answer comes: they are no calls of the client's and are not held.
Source: OpenAI API reference, "Responses", its output items and its streaming events.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from ingress.protocol.texts import CalledTool, Channel, Completion
from ingress.protocol.wire import string

# Items that a client runs: the member with what it is told, and the kind of its channel. Those
# whose member is an object carry it in no delta.
_ITEMS: Final = {
    "function_call": ("arguments", "tool_arguments"),
    "custom_tool_call": ("input", "tool_input"),
    "local_shell_call": ("action", "tool_arguments"),
    "shell_call": ("action", "tool_arguments"),
    "apply_patch_call": ("operation", "tool_arguments"),
    "computer_call": ("action", "tool_arguments"),
}
_EVENTS: Final = (
    ("response.function_call_arguments.", "tool_arguments"),
    ("response.custom_tool_call_input.", "tool_input"),
    ("response.apply_patch_call_", "tool_arguments"),
)
_TERMINAL: Final = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "error"}
)


class ResponsesCalls:
    """The calls among the output items of one response."""

    def __init__(self) -> None:
        self._told: set[int] = set()
        self._sequence: int | None = None

    def begun(self, document: dict[str, Any]) -> list[Channel]:
        """Return the calls that an event, or a whole response, holds."""
        kind = str(document.get("type", ""))
        index = document.get("output_index")
        if isinstance(index, int):
            found = [Channel(index, name) for begin, name in _EVENTS if kind.startswith(begin)]
            return found or _called(document.get("item"), index)
        return [
            channel
            for place, item in enumerate(_output(document))
            for channel in _called(item, place)
        ]

    def ended(self, document: dict[str, Any], waiting: Iterable[Channel]) -> list[Channel]:
        """Return the call whose item is done; the response's end ends all."""
        kind = document.get("type")
        if kind == "response.output_item.done":
            return [one for one in waiting if one.choice == document.get("output_index")]
        return [*waiting] if kind in _TERMINAL else []

    def is_ping(self, document: dict[str, Any]) -> bool:
        """Say that it only shows life."""
        return document.get("type") in {"ping", "keepalive"}

    def note(self, document: dict[str, Any], completion: Completion) -> None:
        """Note the built-in tools' calls, which no delta spells out."""
        if document.get("type") == "response.output_item.added":
            return
        items: dict[Any, Any] = {document.get("output_index"): document.get("item")}
        items |= dict(enumerate(_output(document)))
        for index, item in items.items():
            for channel in _called(item, index):
                note_tool(item, index, completion)
                _note_arguments(channel, item, completion)

    def without(
        self, document: dict[str, Any], refused: Mapping[Channel, str], _completion: Completion
    ) -> list[dict[str, Any]] | None:
        """Return a message's events for a refused call's first event, nothing for its others.

        Every event from there on gets a number of its own: they count without a gap.
        """
        messages = {channel.choice: text for channel, text in refused.items()}
        index = document.get("output_index")
        if index in messages:
            if index in self._told:
                return []
            self._told.add(index)
            return self._numbered(document, _events(_item_id(document), index, messages[index]))
        _replace(document, refused)
        return self._numbered(document, [document])

    def replace(
        self, document: dict[str, Any], refused: Mapping[Channel, str], _completion: Completion
    ) -> None:
        """Put messages where the refused calls stand in a response's output."""
        _replace(document, refused)

    def _numbered(
        self, document: dict[str, Any], events: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        first = document.get("sequence_number")
        if not isinstance(first, int):
            return events
        for event in events:
            self._sequence = first if self._sequence is None else self._sequence + 1
            event["sequence_number"] = self._sequence
        return events


def _called(item: object, index: object) -> list[Channel]:
    known = _ITEMS.get(str(item.get("type"))) if isinstance(item, dict) else None
    return [Channel(index, known[1])] if known and isinstance(index, int) else []


def note_tool(item: dict[str, Any], index: object, completion: Completion) -> None:
    """Note the name and id of an output item that a client runs; built-in tools have no name."""
    for channel in _called(item, index):
        tool = completion.tools.setdefault(channel, CalledTool())
        tool.call_id = tool.call_id or string(item.get("call_id"))
        name = string(item.get("name")) or str(item["type"]).removesuffix("_call")
        tool.name = tool.name or name


def _note_arguments(channel: Channel, item: Any, completion: Completion) -> None:
    told = item.get(_ITEMS[str(item["type"])][0])
    if isinstance(told, dict) and channel not in completion.texts:
        completion.add(channel, orjson.dumps(told).decode())


def _output(document: dict[str, Any]) -> list[Any]:
    response = document.get("response", document)
    output = response.get("output") if isinstance(response, dict) else None
    return output if isinstance(output, list) else []


def _replace(document: dict[str, Any], refused: Mapping[Channel, str]) -> None:
    output = _output(document)
    for channel, text in refused.items():
        if channel.choice < len(output):
            output[channel.choice] = _message(_item_id(output[channel.choice]), text)


def _item_id(holder: dict[str, Any]) -> str:
    """Return the id of the message that stands for a call: the call's own, under its prefix."""
    item = holder.get("item")
    given = item.get("id") if isinstance(item, dict) else holder.get("item_id", holder.get("id"))
    given = str(given or "refused")
    return "msg_" + (given.partition("_")[2] or given)


def _message(item_id: str, text: str, status: str = "completed") -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    content = [part] if status == "completed" else []
    return {
        "id": item_id,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _events(item_id: str, index: object, text: str) -> list[dict[str, Any]]:
    place = {"item_id": item_id, "output_index": index, "content_index": 0}
    part = {"type": "output_text", "text": text, "annotations": []}
    return [
        {
            "type": "response.output_item.added",
            "output_index": index,
            "item": _message(item_id, text, "in_progress"),
        },
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **place, "delta": text},
        {"type": "response.output_text.done", **place, "text": text},
        {"type": "response.content_part.done", **place, "part": part},
        {
            "type": "response.output_item.done",
            "output_index": index,
            "item": _message(item_id, text),
        },
    ]
