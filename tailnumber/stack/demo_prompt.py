"""Read what a demo answer depends on from a request of any format, and frame an event.

`demo_frames` and `demo_agent_frames` build the answers of each format from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from tailnumber.stack import demo_answers

Json = dict[str, object]
LONG_DELTA_COUNT: Final = 1000
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
class DemoPrompt:
    """What an answer depends on, read from any format."""

    text: str
    model: str
    stream: bool
    size: int
    words: frozenset[str] = field(default_factory=frozenset)


def read_prompt(request: Json, text: str) -> DemoPrompt:
    """Return what an answer to a request with this text depends on."""
    return DemoPrompt(
        text=text,
        model=str(request.get("model") or "gpt-4.1"),
        stream=request.get("stream") is True,
        size=len(orjson.dumps(request)) // 4,
        words=frozenset(_WORD.findall(text)),
    )


def _last_text(content: object) -> str:
    """Return a message's text; of a list of blocks the last: what clients add stands before it."""
    for block in reversed(items_of(content)):
        if isinstance(block, str):
            return block
        if isinstance(block, dict) and isinstance(block.get("text"), str):
            return str(block["text"])
    return ""


def last_user_text(messages: object) -> str:
    """Return the text of the last message of a person, of any format."""
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            return _last_text(message.get("content"))
    return messages if isinstance(messages, str) else ""


def asked_of(text: str) -> str:
    """Leave an editor's attachments out: what the person asked stands after them."""
    asked = re.search(r"<userRequest>(.*?)(?:</userRequest>|$)", text, re.DOTALL)
    return asked[1] if asked else text


def reply_pieces(prompt: DemoPrompt) -> list[str]:
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
    return demo_answers.pieces(demo_answers.chat_text(asked_of(prompt.text)))


def event(document: Mapping[str, object], name: str = "") -> bytes:
    """Frame a document as an event, named or not."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(document) + b"\n\n"


def usage_of(prompt: DemoPrompt, pieces: Sequence[str]) -> Json:
    """Count tokens as a provider would, four characters each."""
    answered = sum(map(len, pieces)) // 4 + 1
    return {
        "prompt_tokens": prompt.size,
        "completion_tokens": answered,
        "total_tokens": prompt.size + answered,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def items_of(value: object) -> list[object]:
    """Return a list as it is, a text as a list of one, anything else as none."""
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) else []


def edit_tool(request: Json, turns: Sequence[object], prompt: DemoPrompt) -> str:
    """Name the offered tool to call, or "": only when asked to, and not after its result."""
    last = next((turn for turn in reversed(turns) if not _is_system(turn)), None)
    if not isinstance(last, dict) or last.get("role") != "user":
        return ""
    blocks = items_of(last.get("content"))
    if any(isinstance(block, dict) and block.get("type") == "tool_result" for block in blocks):
        return ""
    if not _EDIT_WORDS.search(asked_of(prompt.text)):
        return ""
    offered = {
        holder.get("name")
        for tool in items_of(request.get("tools"))
        if isinstance(tool, dict) and isinstance(holder := tool.get("function", tool), dict)
    }
    return next((name for name in demo_answers.EDIT_TOOLS if name in offered), "")


def _is_system(turn: object) -> bool:
    return isinstance(turn, dict) and turn.get("role") == "system"


def fragments(text: str, size: int = 16) -> list[str]:
    """Cut a tool's arguments into deltas."""
    return [text[start : start + size] for start in range(0, len(text), size)]
