"""Take the files that policy excludes out of a prompt, where the clients show their paths. Pure.

A path stands in an ``<attachment filePath=…>``, in the first comment of an inline prompt, in the
comment above a snippet of a neighbour file, and in the arguments of the tool call whose result a
file is. A file whose path nothing tells (the output of ``cat``, what a person pastes) stays.
What is taken out leaves a marker, so that model and reader know that something is missing.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson

from ingress.protocol.edits import PATH_MEMBERS, named_paths
from ingress.protocol.texts import Nested, Text

_MARKER: Final = "[{path}: this file is excluded by your organization's policy]"
# Atomic and without "<" in an attribute: whatever is opened and not ended is read once.
_ATTACHMENT: Final = re.compile(
    r'(?P<open><attachment\b(?>[^<>]{0,512}?\bfilePath=")(?P<path>[^"\n]{1,1024}+)"[^<>]{0,512}+>)'
    r"(?P<body>.*?)(?=<attachment\b[^<>]{0,512}?\bfilePath=|</attachments>|<userRequest>|\Z)",
    re.DOTALL,
)
_CLOSE: Final = "</attachment>"
_SNIPPET: Final = re.compile(
    r"^(?P<mark>[ \t]*(?:#|//|--|;|%|\"|'|/\*|<!--))[ \t]*Compare this snippet from "
    r"(?P<path>[^\n]{1,1024}?):[ \t]*(?:\*/|-->)?\n"
    r"(?:(?P=mark)(?![ \t]*Compare this snippet from )[^\n]*(?:\n|\Z))*",
    re.MULTILINE,
)
_ARGUMENTS: Final = frozenset({"tool_arguments", "tool_input"})
_FILE_TYPES: Final = frozenset(
    {"image", "image_url", "document", "input_image", "input_file", "file"}
)


def take_out(
    document: dict[str, Any],
    texts: list[Text],
    file_paths: tuple[str, ...],
    excluded: Callable[[str], bool],
) -> tuple[str, ...]:
    """Replace excluded files in a prompt's texts; return their paths, each once.

    Args:
        document: the parsed body that the texts stand in.
        texts: the prompt's.
        file_paths: files that the prompt names; the first is an inline prompt's own.
        excluded: tells whether policy excludes a path.
    """
    taken: dict[str, None] = {}
    called = _called(document, excluded)
    inline = file_paths[0] if file_paths and excluded(file_paths[0]) else None
    for text in texts:
        place = next((each for each in _places(text.location) if each in called), None)
        if place is not None:
            _replace_called(text, called[place])
            taken[called[place]] = None
        elif text.kind in {"prefix", "suffix"} and inline is not None:
            text.replace(_MARKER.format(path=inline))
            taken[inline] = None
        elif text.kind == "prefix" and "Compare this snippet" in text.value:
            _cut(text, _SNIPPET, _snippet, excluded, taken)
        elif "<attachment" in text.value and not isinstance(text, Nested):
            _cut(text, _ATTACHMENT, _attachment, excluded, taken)
    return tuple(taken)


def _cut(
    text: Text,
    pattern: re.Pattern[str],
    instead: Callable[[re.Match[str]], str],
    excluded: Callable[[str], bool],
    taken: dict[str, None],
) -> None:
    def replaced(found: re.Match[str]) -> str:
        if not excluded(found["path"]):
            return found[0]
        taken[found["path"]] = None
        return instead(found)

    left = pattern.sub(replaced, text.value)
    if left != text.value:
        text.replace(left)


def _attachment(found: re.Match[str]) -> str:
    # A file may say "</attachment>" itself: the last one before the next attachment is the end.
    _, _, after = found["body"].rpartition(_CLOSE)
    kept = after if _CLOSE in found["body"] else ""
    return f"{found['open']}{_MARKER.format(path=found['path'])}{_CLOSE}{kept}"


def _snippet(found: re.Match[str]) -> str:
    return f"{found['mark']} {_MARKER.format(path=found['path'])}\n"


def _replace_called(text: Text, path: str) -> None:
    """Replace what a call on an excluded file said or brought back, in the form it has."""
    marker = _MARKER.format(path=path)
    if text.kind in _ARGUMENTS:
        try:
            text.replace(orjson.dumps(_emptied(orjson.loads(text.value), marker)).decode())
        except orjson.JSONDecodeError:
            text.replace(marker)
    elif not isinstance(text, Nested):
        text.replace(marker)
    elif text.key is not None:
        text.replace(orjson.dumps(marker).decode())
    elif orjson.loads(text.value).get("type") in _FILE_TYPES:
        text.replace(orjson.dumps({"type": "text", "text": marker}).decode())


def _emptied(value: Any, marker: str, name: str = "") -> Any:
    """Return arguments with every text but their paths replaced."""
    if isinstance(value, dict):
        return {key: _emptied(each, marker, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_emptied(each, marker) for each in value]
    return marker if isinstance(value, str) and name not in PATH_MEMBERS else value


def _called(document: dict[str, Any], excluded: Callable[[str], bool]) -> dict[str, str]:
    """Return where calls on excluded files and their results stand, and which file it is."""
    by_call: dict[str, str] = {}
    found: dict[str, str] = {}
    for place, item in _items(document):
        call_id, arguments = _call(item)
        if arguments is None:
            result_of = item.get("tool_call_id") or item.get("tool_use_id") or item.get("call_id")
            if isinstance(result_of, str) and result_of in by_call:
                found[place] = by_call[result_of]
            continue
        path = next((each for each in named_paths(arguments) if excluded(each)), None)
        if path is not None:
            found[place] = by_call[call_id] = path
    return found


def _items(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every message or item of a prompt, and the blocks and calls within it."""
    for place, item in _listed(document, ("messages", "input"), ""):
        yield place, item
        yield from _listed(item, ("content", "tool_calls"), f"{place}.")


def _listed(
    holder: dict[str, Any], members: tuple[str, ...], prefix: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    for member in members:
        value = holder.get(member)
        for number, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, dict):
                yield f"{prefix}{member}[{number}]", item


def _call(item: dict[str, Any]) -> tuple[str, str | None]:
    """Return a tool call's id and its arguments as text; None for what is no call."""
    function = item.get("function")
    told = function.get("arguments") if isinstance(function, dict) else item.get("arguments")
    if told is None:
        told = item.get("input")
    if told is None:
        return "", None
    arguments = told if isinstance(told, str) else orjson.dumps(told).decode()
    return str(item.get("call_id") or item.get("id") or ""), arguments


def _places(location: str) -> Iterator[str]:
    """Yield the places that a location is within, the widest first, and itself."""
    for place, character in enumerate(location):
        if character in ".[":
            yield location[:place]
    yield location
