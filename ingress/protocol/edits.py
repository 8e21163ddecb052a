"""Learn from a tool call which files it edits. Pure.

The tools and their arguments were recorded from the real clients; a shell command is not read,
because what it does to files cannot be told from its text.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import orjson

# Arguments that name the edited file.
PATH_MEMBERS: Final = ("filePath", "file_path", "path", "notebook_path")
_LIST_MEMBERS: Final = ("replacements", "edits")
_READING: Final = re.compile(
    r"(?:^|[_.])(?:read|list|ls|search|grep|glob|find|view|fetch|get)", re.IGNORECASE
)
_PATCH_LINE: Final = re.compile(
    r"^\*\*\* (?:Add File|Update File|Delete File|Move to): ([^\n]{1,1024})$", re.MULTILINE
)
_PATHS_MAX: Final = 64


def edited_paths(tool: str, arguments: str) -> tuple[str, ...]:
    """Return the files that a call edits, in order, each once; none for a tool that only reads.

    Args:
        tool: name of the tool.
        arguments: JSON, or the plain text of a patch.
    """
    if _READING.search(tool):
        return ()
    return tuple(dict.fromkeys(_paths(arguments)))[:_PATHS_MAX]


def named_paths(arguments: str) -> tuple[str, ...]:
    """Return the files that a call names, whatever it does with them."""
    return tuple(dict.fromkeys(_paths(arguments)))


def _paths(arguments: str) -> Iterator[str]:
    try:
        document = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        yield from _PATCH_LINE.findall(arguments)
        return
    if isinstance(document, dict):
        yield from _named(document)
        for member in _LIST_MEMBERS:
            listed = document.get(member)
            for one in listed if isinstance(listed, list) else ():
                if isinstance(one, dict):
                    yield from _named(one)
        for member in ("input", "patch"):
            if isinstance(document.get(member), str):
                yield from _PATCH_LINE.findall(document[member])


def _named(document: dict[str, Any]) -> Iterator[str]:
    for member in PATH_MEMBERS:
        value = document.get(member)
        if isinstance(value, str) and value:
            yield value[:1024]
