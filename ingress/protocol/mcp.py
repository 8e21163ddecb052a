"""Know where the texts stand in messages of the Model Context Protocol over HTTP.

A client posts one JSON-RPC message and gets one back, as a document or as the last event of a
stream; notifications of progress may come before it. A call of a tool is the one message whose
content is a person's or an agent's: its name and arguments, and what the tool returned.

Source: Model Context Protocol, "Transports" (Streamable HTTP) and "Tools".
"""

from typing import Any, ClassVar, Final

from ingress.errors import BadPrompt
from ingress.protocol.edits import call_paths
from ingress.protocol.texts import Channel, Completion, Delta, Nested, Prompt, Text, rest_of
from ingress.protocol.wire import data_frame, string

_CALL: Final = "tools/call"


class ModelContext:
    """POST of one JSON-RPC message."""

    name: ClassVar[str] = "mcp"
    _known = frozenset({"jsonrpc", "id", "method"})

    def parse_prompt(self, document: dict[str, Any]) -> Prompt:
        """Return the arguments of a tool's call, and everything else as one part."""
        params = document.get("params")
        if document.get("method") != _CALL:
            return Prompt(texts=rest_of(document, self._known))
        if not isinstance(params, dict) or not (tool := string(params.get("name"))):
            raise BadPrompt("a call names no tool")
        place = "params.arguments"
        arguments = Nested.of(params, "arguments", "assistant", place, "tool_arguments")
        rest = rest_of(params, frozenset({"arguments"}))
        own = rest_of(document, self._known | {"params"})
        paths = call_paths(tool, arguments.value)
        return Prompt(
            texts=[arguments, *rest, *own],
            tool_name=tool,
            file_paths=(*paths.edited, *paths.named),
            paths_cut=not paths.whole,
        )

    def parse_completion(
        self, document: dict[str, Any], completion: Completion
    ) -> list[tuple[Channel, Text]]:
        """Return what the tool, or another method, gave back."""
        completion.ended = True
        return [(delta.channel, delta.as_text()) for delta in _texts(document)]

    def parse_delta(self, document: dict[str, Any], completion: Completion) -> list[Delta]:
        """Return nothing: an event is a whole message; note the one that answers."""
        if "result" in document or "error" in document:
            completion.ended = True
        return []

    def is_plain(self, _document: dict[str, Any]) -> bool:
        """Say no: texts stand anywhere in a message."""
        return False

    def ended_choices(self, _document: dict[str, Any]) -> set[int]:
        """Return nothing: no text is spread over events."""
        return set()

    def repeats(self, document: dict[str, Any]) -> list[Delta]:
        """Return the texts of a result: each comes whole, without deltas before it."""
        return _texts(document)

    def calls(self) -> None:
        """Return nothing: here a tool's call is the request."""

    def frame_of(self, _delta: Delta, document: dict[str, Any], _text: str) -> bytes:
        """Return the message itself; without deltas nothing asks."""
        return data_frame(document, b"message")


def _texts(document: dict[str, Any]) -> list[Delta]:
    result = document.get("result")
    content = result.get("content") if isinstance(result, dict) else None
    return [
        Delta(Channel(number, "tool_result"), block, "text", block["text"])
        for number, block in enumerate(content if isinstance(content, list) else ())
        if isinstance(block, dict) and isinstance(block.get("text"), str)
    ]
