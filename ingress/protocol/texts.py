"""Say where texts stand in a parsed JSON document, so that each can be masked in place."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from ingress.errors import BadPrompt

# Possessive and bounded: a text of opened attachments alone is still read once.
_ATTACHMENT_PATH = re.compile(r'<attachment\b(?>[^<>]{0,512}?\bfilePath=")([^"\n]{1,1024}+)"')
_FILE_PATHS_MAX = 64
# Kinds of channels that hold what a tool is told: JSON, or the plain text of a custom tool.
ARGUMENT_KINDS: Final = frozenset({"tool_arguments", "tool_input"})


class Channel(NamedTuple):
    """One text that grows over a stream: a choice's message, or one tool call's arguments."""

    choice: int
    kind: str
    number: int = 0

    @property
    def location(self) -> str:
        """Return the channel as findings name it, such as ``choices[0].text``."""
        suffix = f"[{self.number}]" if self.kind in ARGUMENT_KINDS else ""
        return f"choices[{self.choice}].{self.kind}{suffix}"


@dataclass(slots=True)
class Text:
    """One text of a document: ``holder[key]`` is ``value``."""

    role: str
    kind: str
    location: str
    value: str
    holder: Any
    key: Any

    def replace(self, masked: str) -> None:
        """Put the masked text where the text stood."""
        self.value = masked
        self.holder[self.key] = masked


@dataclass(slots=True)
class Nested(Text):
    """A JSON value that is masked as one text: tool input, an image block, the rest of a body.

    With ``key`` None the whole holder is the text, or the members that ``value`` names.
    """

    @classmethod
    def of(
        cls,
        holder: dict[str, Any],
        key: str | None,
        role: str,
        location: str,
        kind: str = "other",
    ) -> "Nested":
        """Return the text of ``holder[key]``, or of the holder itself."""
        value = orjson.dumps(holder if key is None else holder.get(key)).decode()
        return cls(role, kind, location, value, holder, key)

    def replace(self, masked: str) -> None:
        """Put the masked JSON back; placeholders are plain words, so it stays JSON.

        Raises:
            BadPrompt: it did not stay JSON; nothing of it may go on.
        """
        try:
            before, document = orjson.loads(self.value), orjson.loads(masked)
        except orjson.JSONDecodeError:
            raise BadPrompt(f"`{self.location}` cannot be masked") from None
        self.value = masked
        if self.key is None:
            # A member's own name may be what was masked.
            for name in before:
                del self.holder[name]
            self.holder.update(document)
        else:
            self.holder[self.key] = document


def rest_of(document: dict[str, Any], known: frozenset[str]) -> list[Text]:
    """Return what stands under other keys than ``known`` as at most one text."""
    rest = {name: value for name, value in document.items() if name not in known}
    if not rest:
        return []
    return [Nested("system", "other", "body", orjson.dumps(rest).decode(), document, None)]


def attached_paths(texts: Iterable[Text]) -> tuple[str, ...]:
    """Return the files that a user's texts attach, in order, each once."""
    paths = dict.fromkeys(
        path
        for text in texts
        if text.role == "user"
        for path in _ATTACHMENT_PATH.findall(text.value)
    )
    return tuple(paths)[:_FILE_PATHS_MAX]


@dataclass(slots=True)
class Prompt:
    """Full input as sent: its texts and what the audit learns from it."""

    model: str | None = None
    streamed: bool = False
    texts: list[Text] = field(default_factory=list)
    file_paths: tuple[str, ...] = ()
    language: str | None = None
    # Session that the body names; a header that names one counts before it.
    session_id: str | None = None
    # Tool that the client itself calls with this request.
    tool_name: str | None = None
    # Some of its files may not be among ``file_paths``, for their number or form.
    paths_cut: bool = False

    @property
    def paths_known(self) -> bool:
        """Say that ``file_paths`` are all files that the texts name."""
        return not self.paths_cut and len(self.file_paths) < _FILE_PATHS_MAX


class Delta(NamedTuple):
    """The piece of one channel that one stream frame carries: ``holder[key]`` is ``value``."""

    channel: Channel
    holder: dict[str, Any]
    key: str
    value: str

    def as_text(self) -> Text:
        """Return the piece as a whole text of the assistant's."""
        channel = self.channel
        return Text("assistant", channel.kind, channel.location, self.value, self.holder, self.key)


@dataclass(slots=True)
class CalledTool:
    """A tool call as it comes in, its arguments apart in their channel.

    ``effect`` is what the policy decided, empty where it does not watch tool calls.
    """

    call_id: str | None = None
    name: str = ""
    effect: str = ""
    rule_id: str = ""
    reason_code: str = ""


@dataclass(slots=True)
class Completion:
    """Full model output, masked, and what the upstream said about it.

    ``texts`` holds the masked pieces of each channel in order; join them to read.
    """

    texts: dict[Channel, list[str]] = field(default_factory=dict)
    tools: dict[Channel, CalledTool] = field(default_factory=dict)
    finish_reasons: dict[int, str] = field(default_factory=dict)
    model_used: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    ended: bool = False

    def add(self, channel: Channel, masked: str) -> None:
        """Append a masked piece to its channel."""
        pieces = self.texts.get(channel)
        if pieces is None:
            self.texts[channel] = [masked]
        else:
            pieces.append(masked)

    def whole_texts(self) -> list[tuple[Channel, str]]:
        """Return each channel with its whole text, channels that stayed empty left out."""
        joined = ((channel, "".join(pieces)) for channel, pieces in self.texts.items())
        return [(channel, text) for channel, text in joined if text]
