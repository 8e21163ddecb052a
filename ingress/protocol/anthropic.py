"""Know where the texts stand in Anthropic's Messages bodies and events.

Source: Anthropic API reference, "Messages" and "Streaming messages".
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from ingress.errors import BadPrompt, ProtocolError
from ingress.protocol.messages_calls import MessagesCalls
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

# Delta types: the member that holds the text, and the channel's kind.
_DELTAS: Final = {
    "text_delta": ("text", "text"),
    "input_json_delta": ("partial_json", "tool_arguments"),
    "thinking_delta": ("thinking", "reasoning"),
}
# Claude Code puts a system message among the others.
_ROLES: Final = ("assistant", "system")
_PLAIN: Final = frozenset(
    {"content_block_delta", "content_block_stop", "message_delta", "message_stop", "ping"}
)


class AnthropicMessages:
    """POST /v1/messages."""

    name: ClassVar[str] = "anthropic.messages"
    _known = frozenset({"messages", "system"})

    def parse_prompt(self, document: dict[str, Any]) -> Prompt:
        """Return the system texts, every block of every message, and the rest as one part."""
        messages = document.get("messages")
        if not isinstance(messages, list):
            raise BadPrompt("`messages` is no list")
        texts = list(_texts_under(document, "system", "system", "text", "system"))
        for number, message in enumerate(messages):
            if not isinstance(message, dict):
                raise BadPrompt(f"`messages[{number}]` is no object")
            named = message.get("role")
            role = named if named in _ROLES else "user"
            place = f"messages[{number}].content"
            texts += _texts_under(message, "content", role, "text", place)
        metadata = document.get("metadata")
        return Prompt(
            model=string(document.get("model")),
            streamed=document.get("stream") is True,
            texts=texts + rest_of(document, self._known),
            file_paths=attached_paths(texts),
            session_id=session_named(
                metadata.get("user_id") if isinstance(metadata, dict) else None
            ),
        )

    def parse_completion(
        self, document: dict[str, Any], completion: Completion
    ) -> list[tuple[Channel, Text]]:
        """Return the texts of the answer's blocks."""
        _note_message(document, completion)
        reason = document.get("stop_reason")
        if isinstance(reason, str):
            completion.finish_reasons[0] = reason[:256]
        completion.ended = True
        found: list[tuple[Channel, Text]] = []
        content = document.get("content")
        for index, block in enumerate(content if isinstance(content, list) else ()):
            if not isinstance(block, dict):
                raise ProtocolError("a content block is no object")
            for member, kind in (("text", "text"), ("thinking", "reasoning")):
                if isinstance(block.get(member), str):
                    channel = Channel(index, kind)
                    text = Text("assistant", kind, channel.location, block[member], block, member)
                    found.append((channel, text))
            if block.get("type") == "tool_use":
                channel = _note_tool(block, index, completion)
                text = Nested.of(block, "input", "assistant", channel.location, "tool_arguments")
                found.append((channel, text))
        return found

    def parse_delta(self, document: dict[str, Any], completion: Completion) -> list[Delta]:
        """Return the fragment of a block; note tools, model, usage and the end of the others."""
        kind = document.get("type")
        index = document.get("index", 0)
        if not isinstance(kind, str) or not isinstance(index, int):
            raise ProtocolError("an event has no type or no index")
        delta = document.get("delta")
        if kind == "content_block_delta" and isinstance(delta, dict):
            known = _DELTAS.get(str(delta.get("type")))
            if known is None or not isinstance(delta.get(known[0]), str):
                return []
            return [Delta(Channel(index, known[1]), delta, known[0], delta[known[0]])]
        if kind == "message_start" and isinstance(document.get("message"), dict):
            _note_message(document["message"], completion)
        elif kind == "content_block_start" and isinstance(document.get("content_block"), dict):
            if document["content_block"].get("type") == "tool_use":
                _note_tool(document["content_block"], index, completion)
        elif kind == "message_delta":
            _note_message(document, completion)
            if isinstance(delta, dict) and isinstance(delta.get("stop_reason"), str):
                completion.finish_reasons[0] = delta["stop_reason"][:256]
        elif kind in {"message_stop", "error"}:
            completion.ended = True
        return []

    def is_plain(self, document: dict[str, Any]) -> bool:
        """Say that no text stands in this event but a known delta."""
        delta = document.get("delta")
        known = not isinstance(delta, dict) or delta.get("type") != "citations_delta"
        return document.get("type") in _PLAIN and known

    def ended_choices(self, document: dict[str, Any]) -> set[int]:
        """Return the block that an event ends."""
        stops = document.get("type") == "content_block_stop"
        return {int(document.get("index", 0))} if stops else set()

    def repeats(self, _document: dict[str, Any]) -> list[Delta]:
        """Return nothing: these streams say a text once."""
        return []

    def calls(self) -> MessagesCalls:
        """Return what knows the tool calls of one answer."""
        return MessagesCalls()

    def frame_of(self, delta: Delta, document: dict[str, Any], text: str) -> bytes:
        """Return a delta event of the same block with another text."""
        piece = {**document["delta"], delta.key: text}
        return data_frame({**document, "delta": piece}, b"content_block_delta")


def _texts_under(
    holder: dict[str, Any], key: str, role: str, kind: str, place: str
) -> Iterator[Text]:
    """Yield what stands under a member that is a text or a list of blocks."""
    value = holder.get(key)
    if isinstance(value, str):
        yield Text(role, kind, place, value, holder, key)
    elif isinstance(value, list):
        for number, block in enumerate(value):
            where = f"{place}[{number}]"
            if not isinstance(block, dict):
                raise BadPrompt(f"`{where}` is no object")
            yield from _block_texts(block, role, kind, where)
    elif value is not None:
        raise BadPrompt(f"`{place}` is neither text nor list")


def _block_texts(block: dict[str, Any], role: str, kind: str, place: str) -> Iterator[Text]:
    block_type = block.get("type")
    if block_type == "text" and isinstance(block.get("text"), str):
        yield Text(role, kind, f"{place}.text", block["text"], block, "text")
    elif block_type == "thinking" and isinstance(block.get("thinking"), str):
        yield Text(role, "reasoning", f"{place}.thinking", block["thinking"], block, "thinking")
    elif block_type == "tool_use":
        yield Nested.of(block, "input", role, f"{place}.input", "tool_arguments")
    elif block_type == "tool_result":
        yield from _texts_under(block, "content", "tool", "tool_result", f"{place}.content")
    else:
        yield Nested.of(block, None, role, place)


def _note_tool(block: dict[str, Any], index: int, completion: Completion) -> Channel:
    channel = Channel(index, "tool_arguments")
    tool = completion.tools.setdefault(channel, CalledTool())
    tool.call_id = string(block.get("id")) or tool.call_id
    tool.name = string(block.get("name")) or tool.name
    return channel


def _note_message(message: dict[str, Any], completion: Completion) -> None:
    completion.model_used = string(message.get("model")) or completion.model_used
    usage = message.get("usage")
    if isinstance(usage, dict):
        for member, name in (
            ("input_tokens", "input_tokens"),
            ("output_tokens", "output_tokens"),
            ("cache_read_input_tokens", "cached_tokens"),
        ):
            value = count(usage.get(member))
            if value is not None:
                setattr(completion, name, value)
