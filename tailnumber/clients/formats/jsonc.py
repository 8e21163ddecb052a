"""JSON with comments and trailing commas, as VS Code and Claude Code keep their settings.

A text is read into nodes that know where they stand; a change cuts out one value, or adds one
member or item at the end of its object or list. Comments and layout around it stay.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Final

from tailnumber.clients.formats.base import MISSING, BrokenFile, Item, Path, Value

_DEPTH_MAX: Final = 100
_BLANK: Final = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
# What stands on the rest of a value's line and belongs to it.
_SAME_LINE: Final = re.compile(r"(?:[ \t]*(?://[^\n]*|/\*[^\n]*?\*/))*")
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR: Final = re.compile(r"-?[0-9][0-9.eE+-]*|true|false|null")
_INDENTED: Final = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_DEFAULT_INDENT: Final = "    "


@dataclass(slots=True)
class _Node:
    """A value and where it stands; ``children`` are the members of an object, items of a list.

    Args:
        comma_end: of the last child: where the comma after it ends; None: there is none.
    """

    start: int
    end: int
    value: Value
    children: list["_Child"] = field(default_factory=list)
    comma_end: int | None = None


@dataclass(slots=True)
class _Child:
    start: int
    name: str | None
    node: _Node


class Jsonc:
    """See ``Format``; of a member that stands twice the last counts, as in the clients."""

    def get(self, text: str, path: Path) -> Value:
        """Return the value."""
        node = _read(text)
        for step in path:
            child = None if node is None else _find(node, step)
            if child is None:
                return MISSING
            node = child.node
        return MISSING if node is None else node.value

    def put(self, text: str, path: Path, value: Value) -> str:
        """Replace the value, or add what is missing on the way to it."""
        node = _read(text)
        if node is None:
            return json.dumps(_around(path, value), indent=4, ensure_ascii=False) + "\n"
        for number, step in enumerate(path):
            _check_kind(text, node, step)
            child = _find(node, step)
            if child is None:
                return _add(text, node, step, _around(path[number + 1 :], value))
            node = child.node
        if node.value == value:
            return text
        return text[: node.start] + _written(text, node.start, value) + text[node.end :]

    def drop(self, text: str, path: Path) -> str:
        """Remove the value, and objects and lists that are empty without it."""
        node = _read(text)
        trail: list[tuple[_Node, _Child]] = []
        for step in path:
            child = None if node is None else _find(node, step)
            if node is None or child is None:
                return text
            trail.append((node, child))
            node = child.node
        while len(trail) > 1 and len(trail[-1][0].children) == 1:
            trail.pop()
        return _without(text, *trail[-1])


def _read(text: str) -> _Node | None:
    """Return the top of a text; None: there is nothing but comments."""
    at = _skip(text, 0)
    if at == len(text):
        return None
    node = _value(text, at, 0)
    if _skip(text, node.end) != len(text):
        raise _broken(text, _skip(text, node.end), "something stands after its end")
    return node


def _value(text: str, at: int, depth: int) -> _Node:
    if depth > _DEPTH_MAX:
        raise _broken(text, at, "it is nested too deep")
    if text[at : at + 1] in {"{", "["}:
        return _container(text, at, depth)
    found = _STRING.match(text, at) or _SCALAR.match(text, at)
    if found is None:
        raise _broken(text, at, "a value is expected")
    try:
        return _Node(at, found.end(), json.loads(found[0]))
    except ValueError:
        raise _broken(text, at, "this value is not JSON") from None


def _container(text: str, start: int, depth: int) -> _Node:
    is_object = text[start] == "{"
    close = "}" if is_object else "]"
    node = _Node(start, start, None)
    at = _skip(text, start + 1)
    while text[at : at + 1] != close:
        if node.children and node.comma_end is None:
            raise _broken(text, at, f"a comma or {close} is expected")
        child = _child(text, at, depth, is_object=is_object)
        node.children.append(child)
        at = _skip(text, child.node.end)
        node.comma_end = None
        if text[at : at + 1] == ",":
            node.comma_end = at + 1
            at = _skip(text, at + 1)
    node.end = at + 1
    values = [child.node.value for child in node.children]
    names = [child.name for child in node.children]
    node.value = dict(zip(names, values, strict=True)) if is_object else values
    return node


def _child(text: str, at: int, depth: int, *, is_object: bool) -> _Child:
    if not is_object:
        return _Child(at, None, _value(text, at, depth + 1))
    name = _STRING.match(text, at)
    if name is None:
        raise _broken(text, at, "a name in double quotes is expected")
    colon = _skip(text, name.end())
    if text[colon : colon + 1] != ":":
        raise _broken(text, colon, "a colon is expected")
    node = _value(text, _skip(text, colon + 1), depth + 1)
    return _Child(at, _value(text, at, depth).value, node)


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _find(node: _Node, step: str | Item) -> _Child | None:
    for child in reversed(node.children):
        if isinstance(step, Item):
            member, wanted = step
            if isinstance(child.node.value, dict) and child.node.value.get(member) == wanted:
                return child
        elif child.name == step:
            return child
    return None


def _check_kind(text: str, node: _Node, step: str | Item) -> None:
    wanted = list if isinstance(step, Item) else dict
    if not isinstance(node.value, wanted):
        kind = "a list" if wanted is list else "an object"
        raise _broken(text, node.start, f"{kind} is expected here")


def _around(path: Path, value: Value) -> Value:
    for step in reversed(path):
        value = [value] if isinstance(step, Item) else {step: value}
    return value


def _add(text: str, node: _Node, step: str | Item, value: Value) -> str:
    """Add a member or item behind the last one and the comment on its line."""
    indent = _indent_of(text, node.children[0].start if node.children else None, node)
    name = "" if isinstance(step, Item) else f"{json.dumps(step, ensure_ascii=False)}: "
    written = name + _dump(value, indent, _unit(text))
    if not node.children:
        inner = text[node.start + 1 : node.end - 1].rstrip()
        closing = _line_indent(text, node.start)
        added = f"{inner}\n{indent}{written}\n{closing}"
        return text[: node.start + 1] + added + text[node.end - 1 :]
    last = node.children[-1].node.end
    comma_end = node.comma_end
    head = text[: comma_end or last] + ("" if comma_end else ",")
    rest = text[comma_end or last :]
    kept = _SAME_LINE.match(rest)
    cut = kept.end() if kept else 0
    tail = "" if _ends_line(rest[cut:]) else f"\n{_line_indent(text, node.start)}"
    after = rest[cut:] if not tail else rest[cut:].lstrip(" \t")
    return f"{head}{rest[:cut]}\n{indent}{written}{tail}{after}"


def _ends_line(rest: str) -> bool:
    return rest.lstrip(" \t\r").startswith("\n")


def _without(text: str, node: _Node, child: _Child) -> str:
    """Cut a member or item with its comma and, if it has them to itself, its lines."""
    start, end = child.start, child.node.end
    is_last = child is node.children[-1]
    after = _skip(text, end)
    if text[after : after + 1] == ",":
        end = after + 1
    elif is_last and len(node.children) > 1:
        before = node.children[-2].node.end
        comma = _skip(text, before)
        text = text[:comma] + text[comma + 1 :]
        start, end = start - 1, end - 1
    line = text.rfind("\n", 0, start) + 1
    if not text[line:start].strip() and _ends_line(text[end:]):
        start, end = line, text.index("\n", end) + 1
    return text[:start] + text[end:]


def _written(text: str, at: int, value: Value) -> str:
    return _dump(value, _line_indent(text, at), _unit(text))


def _dump(value: Value, indent: str, unit: str) -> str:
    written = json.dumps(value, indent=unit, ensure_ascii=False)
    return written.replace("\n", f"\n{indent}")


def _indent_of(text: str, at: int | None, node: _Node) -> str:
    if at is not None and not text[text.rfind("\n", 0, at) + 1 : at].strip():
        return _line_indent(text, at)
    return _line_indent(text, node.start) + _unit(text)


def _line_indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str) -> str:
    found = _INDENTED.search(text)
    return found[1] if found else _DEFAULT_INDENT


def _broken(text: str, at: int, what: str) -> BrokenFile:
    return BrokenFile(text.count("\n", 0, at) + 1, what)
