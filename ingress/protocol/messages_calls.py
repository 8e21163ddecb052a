"""Know where tool calls stand in Anthropic's messages, and write a text block in a call's place.

Calls that the provider runs itself (``server_tool_use``, ``mcp_tool_use``) have happened when the
answer comes: they are no calls of the client's and are not held.
Source: Anthropic API reference, "Messages" and "Streaming messages".
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from ingress.protocol.texts import Channel, Completion


class MessagesCalls:
    """The ``tool_use`` blocks of one message."""

    def __init__(self) -> None:
        self._told: set[int] = set()

    def begun(self, document: dict[str, Any]) -> list[Channel]:
        """Return the call whose block begins, or all of a whole message."""
        kind = document.get("type")
        if kind == "content_block_start":
            block = document.get("content_block")
            is_call = isinstance(block, dict) and block.get("type") == "tool_use"
            return [_channel(document.get("index"))] if is_call else []
        if kind == "content_block_delta":
            delta = document.get("delta")
            is_call = isinstance(delta, dict) and delta.get("type") == "input_json_delta"
            return [_channel(document.get("index"))] if is_call else []
        return [
            _channel(index)
            for index, block in enumerate(_content(document))
            if isinstance(block, dict) and block.get("type") == "tool_use"
        ]

    def ended(self, document: dict[str, Any], waiting: Iterable[Channel]) -> list[Channel]:
        """Return the call whose block stops; the message's end ends all."""
        kind = document.get("type")
        if kind == "content_block_stop":
            return [one for one in waiting if one.choice == document.get("index", 0)]
        return [*waiting] if kind in {"message_stop", "message_delta", "error"} else []

    def is_ping(self, document: dict[str, Any]) -> bool:
        """Say that it is a ping."""
        return document.get("type") == "ping"

    def note(self, document: dict[str, Any], completion: Completion) -> None:
        """Note input that a block begins with, where no delta says it."""
        block = document.get("content_block")
        if document.get("type") == "content_block_start" and isinstance(block, dict):
            channel = _channel(document.get("index"))
            if block.get("input") and channel not in completion.texts:
                completion.add(channel, orjson.dumps(block["input"]).decode())

    def without(
        self, document: dict[str, Any], refused: Mapping[Channel, str], completion: Completion
    ) -> list[dict[str, Any]] | None:
        """Return a text block for a refused block's first event, and nothing for its others."""
        kind = document.get("type")
        if kind == "message_delta":
            return [document] if _end(document.get("delta"), refused, completion) else None
        index = document.get("index", 0)
        message = refused.get(_channel(index))
        if message is None or not str(kind).startswith("content_block_"):
            return None
        if index in self._told:
            return []
        self._told.add(index)
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": message}
        return [
            {"type": "content_block_start", "index": index, "content_block": block},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]

    def replace(
        self, document: dict[str, Any], refused: Mapping[Channel, str], completion: Completion
    ) -> None:
        """Put text blocks where the refused blocks stood."""
        content = _content(document)
        for channel, message in refused.items():
            content[channel.choice] = {"type": "text", "text": message}
        _end(document, refused, completion)


def _channel(index: object) -> Channel:
    return Channel(index if isinstance(index, int) else 0, "tool_arguments")


def _content(document: dict[str, Any]) -> list[Any]:
    content = document.get("content")
    return content if isinstance(content, list) else []


def _end(holder: object, refused: Mapping[Channel, str], completion: Completion) -> bool:
    """Let the message end as a text does if no call of it is left; say whether it changed."""
    if not isinstance(holder, dict) or holder.get("stop_reason") != "tool_use":
        return False
    if not all(channel in refused for channel in completion.tools):
        return False
    holder["stop_reason"] = "end_turn"
    return True
