"""Learn from a tool call which files it edits and which others it names. Pure.

The tools and their arguments were recorded from the real clients; what a shell command plainly
says is read by ``shell``. Nothing here raises: a model may write any arguments, and what cannot be
read as JSON is searched as text, because a client may be more lenient than a parser.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import orjson

from ingress.protocol.shell import COMMAND_CHARACTERS_MAX, ShellPaths, commands_of

# Arguments of the recorded clients that name a file and can hold nothing else, and those of others.
PATH_MEMBERS: Final = ("filePath", "file_path", "path", "notebook_path")
_PATH_MEMBERS: Final = (
    *PATH_MEMBERS,
    "relative_path",
    "target_file",
    "uri",
    "source",
    "destination",
    "old_path",
    "new_path",
)
_LIST_MEMBERS: Final = ("replacements", "edits", "files", "paths", "filePaths", "operations")
_PATCH_MEMBERS: Final = ("input", "patch", "diff")
_COMMAND_MEMBERS: Final = ("command", "cmd", "commands", "script")
_DIRECTORY_MEMBERS: Final = ("workdir", "working_directory", "cwd", "dirPath")
# A call inside a call: MCP's ``tools/call`` and the actions of built-in tools.
_INNER_MEMBERS: Final = ("arguments", "params", "action", "operation")
_NESTING_MAX: Final = 3
_READING: Final = re.compile(
    r"(?:^|[_.])(?:read|list|ls|search|grep|glob|find|view|fetch|get)", re.IGNORECASE
)
_PATCH_LINE: Final = re.compile(
    r"^\*\*\* (?:Add File|Update File|Delete File|Move to): ([^\r\n]{1,1024})", re.MULTILINE
)
_BROKEN_MEMBER: Final = re.compile(
    rf'"(?:{"|".join(_PATH_MEMBERS)})"\s*:\s*"((?:[^"\\]|\\.){{1,1024}}+)'
)
_BROKEN_COMMAND: Final = re.compile(
    rf'"(?:{"|".join(_COMMAND_MEMBERS)})"\s*:\s*"((?:[^"\\]|\\.){{1,65536}}+)'
)
_BROKEN_PATCH: Final = re.compile(
    r"\*\*\* (?:Add File|Update File|Delete File|Move to): ((?:[^\\\r\n\"]|\\[^nr]){1,1024}+)"
)
_FENCE: Final = re.compile(r"^[ ]{0,3}(`{3,}|~{3,})([^`\n]*)$", re.MULTILINE)
_PATHS_MAX: Final = 64
_PATH_CHARACTERS_MAX: Final = 1024


class CallPaths(NamedTuple):
    """The files of a tool call, normalised, each once: those it edits, and others it names.

    ``whole`` is False if there may be more of them: too many, too long, or in broken JSON, which
    a client may read in another way.
    """

    edited: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    whole: bool = True


def call_paths(tool: str, arguments: str) -> CallPaths:
    """Return the files that a call edits and names, in order; at most 64 of each.

    Args:
        tool: name of the tool; one that reads by its name edits nothing.
        arguments: JSON, or the plain text of a patch.
    """
    found = _Found()
    try:
        document = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        found.broken(arguments)
    else:
        found.arguments(document)
    edited, named = _Normal(found.edited), _Normal(found.named)
    whole = not (found.cut or edited.cut or named.cut)
    if _READING.search(tool):
        both = tuple(dict.fromkeys((*edited.paths, *named.paths)))
        return CallPaths((), both[:_PATHS_MAX], whole and len(both) <= _PATHS_MAX)
    others = tuple(path for path in named.paths if path not in edited.paths)
    return CallPaths(edited.paths, others, whole)


def edited_paths(tool: str, arguments: str) -> tuple[str, ...]:
    """Return the files that a call edits; none for a tool that only reads."""
    return call_paths(tool, arguments).edited


def named_paths(arguments: str) -> tuple[str, ...]:
    """Return the files that a call names, whatever it does with them."""
    paths = call_paths("", arguments)
    return (*paths.edited, *paths.named)


def code_blocks(text: str) -> list[str]:
    """Return the language of each fenced block of a text, empty where the fence names none.

    Source: CommonMark 0.31, section 4.5 "Fenced code blocks". A fence inside a longer one counts
    as text; an unfinished last block counts.
    """
    if "```" not in text and "~~~" not in text:
        return []
    languages: list[str] = []
    fence = ""
    for mark, info in _FENCE.findall(text):
        if not fence:
            fence = mark
            languages.append(info.split(maxsplit=1)[0].lower()[:64] if info.strip() else "")
        elif mark[0] == fence[0] and len(mark) >= len(fence) and not info.strip():
            fence = ""
    return languages


class _Found:
    """Paths as they are written, gathered over the places of a call."""

    def __init__(self) -> None:
        self.edited: list[str] = []
        self.named: list[str] = []
        self.cut = False

    def broken(self, text: str) -> None:
        """Search a text that is no JSON: a patch, or arguments that were cut."""
        if text.lstrip()[:1] not in {"{", "["}:
            self.edited += _PATCH_LINE.findall(text)
            return
        self.cut = True
        for pattern in (_BROKEN_MEMBER, _BROKEN_PATCH):
            self.edited += map(_unescaped, pattern.findall(text))
        for command in _BROKEN_COMMAND.findall(text):
            self._command(_unescaped(command), "")

    def arguments(self, document: object, nesting: int = 0) -> None:
        """Take in parsed arguments, whatever they are."""
        if not isinstance(document, dict) or nesting > _NESTING_MAX:
            return
        self.edited += _named(document)
        for member in _LIST_MEMBERS:
            listed = document.get(member)
            for one in listed if isinstance(listed, list) else ():
                if isinstance(one, dict):
                    self.edited += _named(one)
                elif isinstance(one, str):
                    self.edited.append(one)
        for member in _PATCH_MEMBERS:
            if isinstance(document.get(member), str):
                self.edited += _PATCH_LINE.findall(document[member])
        self._commands(document)
        for member in _INNER_MEMBERS:
            self.arguments(document.get(member), nesting + 1)

    def _commands(self, document: dict[str, Any]) -> None:
        directory = next(
            (d for m in _DIRECTORY_MEMBERS if isinstance(d := document.get(m), str)), ""
        )
        for member in _COMMAND_MEMBERS:
            for command in commands_of(document.get(member)):
                self._command(command, directory)

    def _command(self, command: str, directory: str) -> None:
        self.cut = self.cut or len(command) > COMMAND_CHARACTERS_MAX
        shell = ShellPaths(directory)
        shell.read(command)
        self.edited += shell.edited
        self.edited += _PATCH_LINE.findall(command)
        self.named += shell.named


def _named(document: dict[str, Any]) -> Iterator[str]:
    for member in _PATH_MEMBERS:
        value = document.get(member)
        if isinstance(value, str) and "\n" not in value:
            yield value


def _unescaped(written: str) -> str:
    try:
        return str(orjson.loads(f'"{written}"'))
    except orjson.JSONDecodeError:
        return written


class _Normal:
    """Paths in the one form that rules can be written for, each once, bounded."""

    def __init__(self, paths: Iterable[str]) -> None:
        kept: dict[str, None] = {}
        self.cut = False
        for path in paths:
            normal = _normalised(path)
            if normal and len(kept) == _PATHS_MAX and normal not in kept:
                self.cut = True
                break
            if normal:
                self.cut = self.cut or len(normal) > _PATH_CHARACTERS_MAX
                kept[normal[:_PATH_CHARACTERS_MAX]] = None
        self.paths = tuple(kept)


def normal_path(path: str) -> str:
    """Return a path with slashes, without ``.``, ``..`` and doubled slashes; empty for none.

    A ``file:`` URI becomes its path. What is not printable becomes ``?``; a long one is cut.
    """
    return _normalised(path)[:_PATH_CHARACTERS_MAX]


def _normalised(path: str) -> str:
    path = path.strip().strip("'\"`")
    if path[:7].lower() == "file://":
        path = unquote(path[7:])
    elif "://" in path:
        return ""
    path = path.replace("\\", "/")
    if not path.isprintable():
        path = "".join(c if c.isprintable() else "?" for c in path)
    if not path:
        return ""
    normal = posixpath.normpath(path)
    return "" if normal == "." else normal.replace("//", "/", 1) if normal[:2] == "//" else normal
