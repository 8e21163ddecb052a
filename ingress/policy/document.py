"""Read a YAML file as nodes, so that every fault is reported with its line and column; pure.

Nothing is guessed: duplicate keys, unknown keys, wrong types and aliases are faults, and reading
goes on after one so that the author sees all of them at once.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final, NoReturn, Protocol, TypeVar

import yaml

from ingress.errors import PolicyError, PolicyProblem

_DURATION: Final = re.compile(r"([1-9][0-9]{0,6})(s|m|h|d)")
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# A policy needs five levels; composing nodes recurses, so far more must be refused before.
_MAXIMUM_DEPTH: Final = 20
_TAG: Final = "tag:yaml.org,2002:"

OptionT = TypeVar("OptionT", bound=str)


class _Mark(Protocol):
    """A place in the text, counted from 0; PyYAML has two classes of them."""

    line: int
    column: int


class Reader:
    """Turn nodes into values and collect what is wrong with them.

    A method that meets a fault notes it and returns None (or what could be read): the caller goes
    on, and ``finish`` raises in the end.
    """

    def __init__(self, source: str, text: str) -> None:
        self._source = source
        self._text = text
        self._problems: list[PolicyProblem] = []
        self._warnings: list[PolicyProblem] = []

    def root(self) -> yaml.Node:
        """Parse the text into its root node.

        Raises:
            PolicyError: the text is not one YAML document.
        """
        node = self._compose()
        if node is None:
            self._fail(None, "the file is empty")
        return node

    def _compose(self) -> yaml.Node | None:
        try:
            depth = 0
            for event in yaml.parse(self._text, Loader=yaml.SafeLoader):
                depth += isinstance(event, yaml.CollectionStartEvent)
                depth -= isinstance(event, yaml.CollectionEndEvent)
                if depth > _MAXIMUM_DEPTH:
                    self._fail(event.start_mark, "nested too deeply")
                if isinstance(event, yaml.AliasEvent):
                    self._fail(event.start_mark, "aliases are not supported; write the value out")
            node: yaml.Node | None = yaml.compose(self._text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            self._fail(error.problem_mark or error.context_mark, f"not YAML: {error.problem}")
        except yaml.YAMLError:
            self._fail(None, "not YAML: the file has a forbidden character")
        return node

    def finish(self) -> None:
        """Raise what was found.

        Raises:
            PolicyError: at least one problem was noted.
        """
        if self._problems:
            ordered = sorted(self._problems, key=lambda problem: (problem.line, problem.column))
            raise PolicyError(tuple(dict.fromkeys(ordered)))

    def note(self, node: yaml.Node, text: str) -> None:
        """Note a problem at the beginning of a node."""
        self._note(node.start_mark, text)

    def warn(self, node: yaml.Node, text: str) -> None:
        """Note what is allowed but surely not meant."""
        self._warnings.append(self._problem(node.start_mark, text))

    @property
    def warnings(self) -> tuple[PolicyProblem, ...]:
        """Return what was warned of so far, in the order of the file."""
        return tuple(self._warnings)

    def note_within(self, node: yaml.ScalarNode, line: int, column: int, text: str) -> None:
        """Note a problem at a place (from 1) within a scalar's value."""
        at_line, at_column = self._place(node, line, column)
        self._problems.append(PolicyProblem(self._source, at_line, at_column, text))

    def mapping(
        self, node: yaml.Node, allowed: Collection[str] | None, required: Iterable[str] = ()
    ) -> dict[str, yaml.Node]:
        """Return the values by key; ``allowed`` None lets every key pass."""
        if not isinstance(node, yaml.MappingNode):
            self.note(node, "a mapping (key: value) is expected here")
            return {}
        found: dict[str, yaml.Node] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.note(key_node, "a key must be plain text")
            elif key_node.value in found:
                self.note(key_node, f"duplicate key {key_node.value!r}")
            elif allowed is not None and key_node.value not in allowed:
                self.note(
                    key_node, f"unknown key {key_node.value!r}{hint(key_node.value, allowed)}"
                )
            else:
                found[key_node.value] = value_node
        for key in required:
            if key not in found:
                self.note(node, f"key {key!r} is missing")
        return found

    def sequence(self, node: yaml.Node) -> Sequence[yaml.Node]:
        """Return the items of a list."""
        if isinstance(node, yaml.SequenceNode):
            items: list[yaml.Node] = node.value
            return items
        self.note(node, "a list is expected here")
        return ()

    def text(self, node: yaml.Node) -> str | None:
        """Return a scalar's text as it is written, also if YAML would read a number or truth."""
        if isinstance(node, yaml.ScalarNode) and node.tag != _TAG + "null":
            value: str = node.value
            return value
        self.note(node, "text is expected here")
        return None

    def matching(self, node: yaml.Node, pattern: re.Pattern[str], form: str) -> str | None:
        """Return a text that the whole pattern matches; ``form`` says in words what it wants."""
        value = self.text(node)
        if value is None or pattern.fullmatch(value):
            return value
        self.note(node, f"{value!r} is not {form}")
        return None

    def choice(self, node: yaml.Node, options: Sequence[OptionT]) -> OptionT | None:
        """Return one of the options."""
        value = self.text(node)
        if value is None:
            return None
        for option in options:
            if value == option:
                return option
        expected = ", ".join(options)
        self.note(node, f"{value!r} is not one of {expected}{hint(value, options)}")
        return None

    def choices(self, node: yaml.Node, options: Sequence[OptionT]) -> tuple[OptionT, ...]:
        """Return several of the options, or one written without a list."""
        nodes = self.sequence(node) if not isinstance(node, yaml.ScalarNode) else (node,)
        found = [self.choice(item, options) for item in nodes]
        return tuple(option for option in found if option is not None)

    def integer(self, node: yaml.Node, minimum: int, maximum: int) -> int | None:
        """Return a whole number within bounds."""
        if isinstance(node, yaml.ScalarNode) and re.fullmatch("[0-9]{1,9}", node.value):
            value = int(node.value)
            if minimum <= value <= maximum:
                return value
        self.note(node, f"a whole number from {minimum} to {maximum} is expected here")
        return None

    def boolean(self, node: yaml.Node) -> bool | None:
        """Return true or false."""
        value = self.choice(node, ("true", "false"))
        return None if value is None else value == "true"

    def time(self, node: yaml.Node) -> datetime | None:
        """Return a time with its zone, such as 2026-11-20T18:30:00Z."""
        try:
            at = datetime.fromisoformat(self.text(node) or "")
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            self.note(node, "a time such as 2026-11-20T18:30:00Z is expected here")
            return None
        return at

    def duration_seconds(self, node: yaml.Node) -> int | None:
        """Return a duration such as 120s, 30m, 24h or 7d, in seconds."""
        value = self.matching(node, _DURATION, "a duration such as 120s, 30m, 24h or 7d")
        return None if value is None else int(value[:-1]) * _UNIT_SECONDS[value[-1]]

    def _problem(self, mark: _Mark | None, text: str) -> PolicyProblem:
        line, column = (0, 0) if mark is None else (mark.line, mark.column)
        return PolicyProblem(self._source, line + 1, column + 1, text)

    def _note(self, mark: _Mark | None, text: str) -> None:
        self._problems.append(self._problem(mark, text))

    def _fail(self, mark: _Mark | None, text: str) -> NoReturn:
        raise PolicyError((self._problem(mark, text),)) from None

    def _place(self, node: yaml.ScalarNode, line: int, column: int) -> tuple[int, int]:
        # The value of a block (|) is its raw lines without their indentation; a value on one line
        # stands somewhere in its raw text, unless escapes changed it. Else the scalar's begin.
        raw = self._text[node.start_mark.index : node.end_mark.index]
        value_lines = node.value.split("\n")
        if node.style == "|" and line <= len(value_lines):
            raw_line = raw.split("\n")[line]
            indentation = max(raw_line.find(value_lines[line - 1]), 0)
            return node.start_mark.line + 1 + line, indentation + column
        offset = raw.find(node.value) if len(value_lines) == 1 else -1
        if offset < 0:
            return node.start_mark.line + 1, node.start_mark.column + 1
        return node.start_mark.line + 1, node.start_mark.column + offset + column


def hint(value: str, options: Collection[str]) -> str:
    """Return a suggestion to append to a message, empty if nothing is close."""
    close = difflib.get_close_matches(value, options, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
