"""TOML, with its comments and layout kept by tomlkit."""

from collections.abc import Mapping, MutableMapping
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError

from tailnumber.clients.formats.base import MISSING, BrokenFile, Path, Value


class Toml:
    """See ``Format``; a path is names of tables and, at its end, of a value."""

    def get(self, text: str, path: Path) -> Value:
        """Return the value as plain lists, dicts and scalars."""
        node: Any = _parse(text)
        for step in path:
            if not isinstance(node, Mapping) or step not in node:
                return MISSING
            node = node[str(step)]
        return node.unwrap() if hasattr(node, "unwrap") else node

    def put(self, text: str, path: Path, value: Value) -> str:
        """Set the value; tables on the way are made."""
        document = _parse(text)
        node: MutableMapping[str, Any] = document
        for step in map(str, path[:-1]):
            if step not in node:
                node[step] = tomlkit.table(is_super_table=True)
            inner = node[step]
            if not isinstance(inner, MutableMapping):
                raise BrokenFile(1, f"{step} is not a table")
            node = inner
        node[str(path[-1])] = value
        return tomlkit.dumps(document)

    def drop(self, text: str, path: Path) -> str:
        """Remove the value, and tables that are empty without it."""
        document = _parse(text)
        nodes: list[MutableMapping[str, Any]] = [document]
        for step in map(str, path[:-1]):
            inner = nodes[-1].get(step)
            if not isinstance(inner, MutableMapping):
                return text
            nodes.append(inner)
        for node, step in zip(reversed(nodes), map(str, reversed(path)), strict=True):
            if step in node and (node is nodes[-1] or not node[step]):
                del node[step]
        return tomlkit.dumps(document)


def _parse(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except ParseError as error:
        raise BrokenFile(error.line, "it is not TOML") from None  # the cause quotes the file
    except TOMLKitError:
        raise BrokenFile(1, "it is not TOML: a name stands twice") from None
