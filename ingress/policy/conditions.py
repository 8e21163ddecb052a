"""Compile the conditions of rules, which are CEL, and say what their variables are; pure.

CEL is Google's expression language, known from IAM conditions; the library is Google's C++
implementation. Every variable is declared with its type, so a misspelt name or a comparison of
unlike types is refused when the file is loaded and not when somebody's request arrives.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

import re2  # type: ignore[import-untyped]  # ships no types
from cel_expr_python import cel  # type: ignore[import-untyped]  # stubs without a py.typed marker

from ingress.policy.predicates import predicates_of, split
from ingress.policy.rules import Operation

_STRINGS: Final = cel.Type.List(cel.Type.STRING)

# CEL name -> type and how to read it from an operation. Lists, because the library refuses tuples.
_VARIABLES: Final[Mapping[str, tuple[cel.Type, Callable[[Operation], object]]]] = {
    "principal.id": (cel.Type.STRING, lambda o: o.principal_id),
    "principal.issuer": (cel.Type.STRING, lambda o: o.principal_issuer),
    "principal.subject": (cel.Type.STRING, lambda o: o.principal_subject),
    "principal.email": (cel.Type.STRING, lambda o: o.principal_email),
    "principal.groups": (_STRINGS, lambda o: list(o.principal_groups)),
    "principal.kind": (cel.Type.STRING, lambda o: o.principal_kind),
    "client.name": (cel.Type.STRING, lambda o: o.client_name),
    "client.version": (cel.Type.STRING, lambda o: o.client_version),
    "connection": (cel.Type.STRING, lambda o: o.connection),
    "protocol": (cel.Type.STRING, lambda o: o.protocol),
    "operation": (cel.Type.STRING, lambda o: o.operation),
    "model": (cel.Type.STRING, lambda o: o.model),
    "repository": (cel.Type.STRING, lambda o: o.repository),
    "paths": (_STRINGS, lambda o: list(o.paths)),
    "languages": (_STRINGS, lambda o: list(o.languages)),
    "ref": (cel.Type.STRING, lambda o: o.ref),
    "ref_change": (cel.Type.STRING, lambda o: o.ref_change),
    "tool_name": (cel.Type.STRING, lambda o: o.tool_name),
    "findings": (_STRINGS, lambda o: list(o.findings)),
    "stream": (cel.Type.BOOL, lambda o: o.stream),
    "size": (cel.Type.INT, lambda o: o.size_bytes),
    "method": (cel.Type.STRING, lambda o: o.method),
    "path": (cel.Type.STRING, lambda o: o.path),
    "time": (cel.Type.TIMESTAMP, lambda o: o.at),
    "requests_last_hour": (cel.Type.INT, lambda o: o.requests_last_hour),
    "tokens_last_hour": (cel.Type.INT, lambda o: o.tokens_last_hour),
}
VARIABLE_NAMES: Final = tuple(_VARIABLES)
# CEL name -> its type in CEL's words: string, bool, int, timestamp or list<string>.
VARIABLE_TYPES: Final[Mapping[str, str]] = {
    name: str(kind).lower() for name, (kind, _) in _VARIABLES.items()
}

_ENVIRONMENT: Final = cel.NewEnv(variables={name: kind for name, (kind, _) in _VARIABLES.items()})

# A chain of n conditions costs one call into the library instead of n (measured: 20 conditions
# 4.1 us as one chain, 29 us apart). The library parses at most 32 levels, and a condition needs
# some of its own, so longer chains are tried from here downwards.
_CHAIN_LENGTHS: Final = (24, 16, 8, 4, 1)
# What a chain says when all its conditions are false.
NONE: Final = -1

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMPILE_ERROR: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")

_BAD_ARGUMENT: Final = "INVALID_ARGUMENT: "
_CONSTANT_ERRORS: Final = (
    _BAD_ARGUMENT + "invalid regular expression",
    _BAD_ARGUMENT + "Invalid timezone",
)

# Evaluated once at load, so that a wrong constant regular expression is found then: the compiler
# does not look into it. One element per list, so that macros reach their bodies.
_SAMPLE: Final = Operation(
    operation="other",
    connection="",
    principal_id="",
    principal_issuer="",
    principal_subject="",
    principal_kind="human",
    principal_groups=("",),
    paths=("",),
    languages=("",),
    findings=("",),
)


class ConditionError(Exception):
    """A condition does not compile; line and column count from 1 within the condition."""

    def __init__(self, text: str, line: int = 1, column: int = 1) -> None:
        super().__init__(text)
        self.line = line
        self.column = column


class EvaluationError(Exception):
    """A condition has no value for this operation; ``index`` is the rule's place in the chain."""

    def __init__(self, index: int) -> None:
        super().__init__(f"condition {index} cannot be evaluated")
        self.index = index


class Evaluation(NamedTuple):
    """What one condition says of an operation; ``value`` None: it has none, for ``error``."""

    value: bool | None
    error: str = ""


def check_condition(condition: str) -> None:
    """Compile one condition on its own.

    Raises:
        ConditionError: it does not parse, does not type-check, or is no truth value.
    """
    expression = _compile(condition)
    if expression.return_type() != cel.Type.BOOL:
        raise ConditionError(f"a condition must be true or false, not {expression.return_type()}")
    for each in predicates_of(split(condition, VARIABLE_TYPES).terms):
        if each.test == "matches":
            _check_pattern(condition, str(each.operand[0]))
    value = expression.eval(bind(_SAMPLE, VARIABLE_NAMES))
    if value.type() == cel.Type.ERROR and (said := str(value.value())).startswith(_CONSTANT_ERRORS):
        raise ConditionError(said.removeprefix(_BAD_ARGUMENT))


def _check_pattern(condition: str, pattern: str) -> None:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        before = condition[: max(condition.find(pattern), 0)]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        text = f"invalid regular expression: {_decoded(error)}"
        raise ConditionError(text, line, column) from error


def _decoded(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def evaluate(condition: str, operation: Operation, unknown: Collection[str] = ()) -> Evaluation:
    """Evaluate one condition on its own, slowly, to tell a person what it says.

    With ``unknown`` variables it has a value only if they make no difference: CEL's ``false && x``
    is false and ``true || x`` is true also where x has no value.

    Raises:
        ConditionError: it does not compile; ``check_condition`` would have said so.
    """
    names = tuple(name for name in names_used(condition) if name not in unknown)
    result = _compile(condition).eval(bind(operation, names))
    value = result.value()
    if isinstance(value, bool):
        return Evaluation(value)
    # The library begins with a status code in capitals.
    return Evaluation(None, str(value).partition(": ")[2] or str(value))


class Expression:
    """A condition, or a part of one, ready to be asked often."""

    def __init__(self, text: str) -> None:
        """Compile it; a condition that passed ``check_condition`` does."""
        self.text = text
        self._compiled = _compile(text)

    def is_false(self, bound: cel.Activation) -> bool:
        """Tell whether it does not hold; one without a value is not false."""
        return self._compiled.eval(bound).value() is False

    def holds(self, bound: cel.Activation, index: int) -> bool:
        """Tell whether it holds of an operation that ``bind`` has bound to its variables.

        Raises:
            EvaluationError: it has no value; ``index`` is handed on.
        """
        value = self._compiled.eval(bound).value()
        if not isinstance(value, bool):
            raise EvaluationError(index)
        return value


class Chain:
    """Expressions that are asked one after the other, in few calls into the library."""

    def __init__(self, expressions: Mapping[int, Expression]) -> None:
        """Compile them; the keys, in order, are how they are named."""
        self._expressions = expressions
        self._blocks = _compile_blocks(expressions)

    def first(self, bound: cel.Activation) -> int:
        """Return the key of the first that holds or has no value; ``NONE`` if all are false."""
        for keys, compiled in self._blocks:
            found = compiled.eval(bound).value()
            if not isinstance(found, int):
                return next(key for key in keys if not self._expressions[key].is_false(bound))
            if found != NONE:
                return found
        return NONE


def _compile_blocks(
    expressions: Mapping[int, Expression],
) -> list[tuple[Sequence[int], cel.Expression]]:
    keys = list(expressions)
    blocks: list[tuple[Sequence[int], cel.Expression]] = []
    while keys:
        for length in _CHAIN_LENGTHS:
            # The line break ends a comment that a condition may close with.
            links = [f"({expressions[key].text}\n) ? {key} : " for key in keys[:length]]
            try:
                compiled = _compile("".join(links) + str(NONE))
            except ConditionError:
                if length == 1:
                    raise
                continue
            blocks.append((keys[:length], compiled))
            del keys[:length]
            break
    return blocks


def read_variable(name: str) -> Callable[[Operation], object]:
    """Return how a variable's value is read from an operation."""
    return _VARIABLES[name][1]


def _compile(expression: str) -> cel.Expression:
    try:
        return _ENVIRONMENT.compile(expression)
    except RuntimeError as error:
        found = _COMPILE_ERROR.search(str(error))
        if found is None:
            raise ConditionError("the condition is too deeply nested or not CEL") from error
        line, column, text = found.groups()
        raise ConditionError(text, max(int(line), 1), max(int(column), 1)) from error


def names_used(condition: str) -> tuple[str, ...]:
    """Return the variables that a condition may name: one too many at times, never one too few.

    Binding a variable costs 0.2 us. The last word of a name is looked for, since CEL allows space
    around the dot.
    """
    words = frozenset(_WORD.findall(condition))
    return tuple(name for name in VARIABLE_NAMES if name.rpartition(".")[2] in words)


def bind(operation: Operation, names: tuple[str, ...]) -> cel.Activation:
    """Return an operation's values for the expressions that name these variables."""
    return _ENVIRONMENT.Activation({name: _VARIABLES[name][1](operation) for name in names})
