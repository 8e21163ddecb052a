"""Know where tool calls stand in OpenAI's chat completions, and write a text in a call's place.

Source: OpenAI API reference, "Chat Completions" and its chunk object.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ingress.errors import ProtocolError
from ingress.protocol.texts import CalledTool, Channel, Completion
from ingress.protocol.wire import listed, string

# A call's body, the member of it that holds the arguments, and the kind of their channel.
_BODIES: Final = (("function", "arguments", "tool_arguments"), ("custom", "input", "tool_input"))
# The number of the one call that the deprecated ``function_call`` makes.
FUNCTION_CALL_NUMBER: Final = -1
_CALLING: Final = frozenset({"tool_calls", "function_call"})


class Called(NamedTuple):
    """A call, or a piece of one: ``body[member]`` holds arguments."""

    channel: Channel
    call: dict[str, Any]
    body: dict[str, Any]
    member: str


def called_tools(message: dict[str, Any], index: int) -> Iterator[Called]:
    """Yield the calls of a message or a delta of a choice.

    Raises:
        ProtocolError: a call is no object, or cannot be told from another.
    """
    for place, call in enumerate(listed(message, "tool_calls", ProtocolError)):
        if not isinstance(call, dict):
            raise ProtocolError("a tool call is no object")
        number = call.get("index")
        if number is None:
            number = place
        if not isinstance(number, int):
            raise ProtocolError("a tool call's index is no number")
        bodies = [each for each in _BODIES if isinstance(call.get(each[0]), dict)]
        if len(bodies) > 1:
            raise ProtocolError("a tool call is of two kinds")
        name, member, kind = bodies[0] if bodies else _BODIES[call.get("type") == "custom"]
        channel = Channel(index, kind, number)
        yield Called(channel, call, call[name] if bodies else {}, member)
    function = message.get("function_call")
    if isinstance(function, dict):
        channel = Channel(index, "tool_arguments", FUNCTION_CALL_NUMBER)
        yield Called(channel, {}, function, "arguments")


def call_piece(channel: Channel, text: str) -> dict[str, Any]:
    """Return a delta that goes on with one call's arguments."""
    if channel.number == FUNCTION_CALL_NUMBER:
        return {"function_call": {"arguments": text}}
    name, member, _ = _BODIES[channel.kind == "tool_input"]
    return {"tool_calls": [{"index": channel.number, name: {member: text}}]}


class ChatCalls:
    """The calls of one chat completion. All calls of a choice end with the choice."""

    def __init__(self) -> None:
        self._told: set[Channel] = set()

    def begun(self, document: dict[str, Any]) -> list[Channel]:
        """Return the calls that the choices' deltas, or messages, hold."""
        return [
            called.channel
            for choice, index in _choices(document)
            for spoken in _spoken(choice)
            for called in called_tools(spoken, index)
        ]

    def ended(self, document: dict[str, Any], waiting: Iterable[Channel]) -> list[Channel]:
        """Return the calls of the choices that have a finish reason."""
        ended = {index for choice, index in _choices(document) if choice.get("finish_reason")}
        return [channel for channel in waiting if channel.choice in ended] if ended else []

    def is_ping(self, _document: dict[str, Any]) -> bool:
        """Say no: these streams show life by comments."""
        return False

    def note(self, document: dict[str, Any], completion: Completion) -> None:
        """Note the calls of a whole message, which a stream may end with.

        Raises:
            ProtocolError: it tells a call in another way than the deltas before it.
        """
        for choice, index in _choices(document):
            message = choice.get("message")
            for called in called_tools(message, index) if isinstance(message, dict) else ():
                _note(called, completion)

    def without(
        self, document: dict[str, Any], refused: Mapping[Channel, str], completion: Completion
    ) -> list[dict[str, Any]] | None:
        """Return the frame with texts for its refused calls, or no frame if nothing is left."""
        before = document.get("choices") or []
        kept = []
        changed = False
        for choice, index in _choices(document):
            said = _spoken(choice)
            had_calls = False
            for spoken in said:
                had_calls = self._rewrite(spoken, index, refused, completion) or had_calls
            finished = _finish(choice, index, refused, completion)
            changed = changed or had_calls or finished
            if any(said) or choice.get("finish_reason") or not had_calls:
                kept.append(choice)
        if not changed:
            return None
        document["choices"] = kept
        return [document] if kept or not before or document.get("usage") else []

    def replace(
        self, document: dict[str, Any], refused: Mapping[Channel, str], completion: Completion
    ) -> None:
        """Put the texts into the choices' messages."""
        self.without(document, refused, completion)

    def _rewrite(
        self,
        spoken: dict[str, Any],
        index: int,
        refused: Mapping[Channel, str],
        completion: Completion,
    ) -> bool:
        """Take the refused calls out of a message or delta; say whether that changed it."""
        changed = False
        for called in [*called_tools(spoken, index)]:
            channel = called.channel
            if channel not in refused:
                number = channel.number - _refused_below(channel, refused, completion)
                if "index" in called.call and number != channel.number:
                    called.call["index"] = number
                    changed = True
                continue
            changed = True
            _remove(spoken, called)
            if channel not in self._told:
                self._told.add(channel)
                spoken["content"] = (spoken.get("content") or "") + refused[channel]
        return changed


def _choices(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
    for place, choice in enumerate(listed(document, "choices", ProtocolError)):
        yield choice, choice.get("index", place)


def _spoken(choice: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the delta and the message of a choice; a client reads the one or the other."""
    return [said for name in ("delta", "message") if isinstance(said := choice.get(name), dict)]


def _note(called: Called, completion: Completion) -> None:
    told = called.body.get(called.member)
    tool = completion.tools.setdefault(called.channel, CalledTool())
    tool.name = tool.name or string(called.body.get("name")) or ""
    if not isinstance(told, str):
        return
    known = completion.texts.get(called.channel)
    if known is None:
        completion.add(called.channel, told)
    elif "".join(known) != told:
        raise ProtocolError("a message tells a tool call in another way than the deltas before it")


def _remove(spoken: dict[str, Any], called: Called) -> None:
    if called.channel.number == FUNCTION_CALL_NUMBER:
        del spoken["function_call"]
        return
    spoken["tool_calls"] = [one for one in spoken["tool_calls"] if one is not called.call]
    if not spoken["tool_calls"]:
        del spoken["tool_calls"]


def _refused_below(channel: Channel, refused: Mapping[Channel, str], completion: Completion) -> int:
    """Count the refused calls before one: clients take a call's index for its place in a list."""
    return sum(
        other.choice == channel.choice and 0 <= other.number < channel.number and other in refused
        for other in completion.tools
    )


def _finish(
    choice: dict[str, Any], index: int, refused: Mapping[Channel, str], completion: Completion
) -> bool:
    """Let a choice end as a text does if no call of it is left; say whether it changed."""
    if choice.get("finish_reason") not in _CALLING:
        return False
    own = [channel for channel in completion.tools if channel.choice == index]
    if not own or not all(channel in refused for channel in own):
        return False
    choice["finish_reason"] = "stop"
    return True
