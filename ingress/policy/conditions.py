"""Compile the conditions of rules, which are CEL, and chain them for a fast first match; pure.

CEL is Google's expression language, known from IAM conditions; the library is Google's C++
implementation. Every variable is declared with its type, so a misspelt name or a comparison of
unlike types is refused when the file is loaded and not when somebody's request arrives.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from cel_expr_python import cel  # type: ignore[import-untyped]  # stubs without a py.typed marker

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
    "tool_name": (cel.Type.STRING, lambda o: o.tool_name),
    "findings": (_STRINGS, lambda o: list(o.findings)),
    "stream": (cel.Type.BOOL, lambda o: o.stream),
    "size": (cel.Type.INT, lambda o: o.size_bytes),
}
VARIABLE_NAMES: Final = tuple(_VARIABLES)
# CEL name -> its type in CEL's words: string, bool, int or list<string>.
VARIABLE_TYPES: Final[Mapping[str, str]] = {
    name: str(kind).lower() for name, (kind, _) in _VARIABLES.items()
}

_ENVIRONMENT: Final = cel.NewEnv(variables={name: kind for name, (kind, _) in _VARIABLES.items()})

# A chain of n conditions costs one call into the library instead of n (measured: 20 conditions
# 4.1 us as one chain, 29 us apart). The library parses at most 32 levels, and a condition needs
# some of its own, so longer chains are tried from here downwards.
_CHAIN_LENGTHS: Final = (24, 16, 8, 4, 1)
_NO_MATCH: Final = -1
_COMPILE_ERROR: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")

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
    value = expression.eval(_ENVIRONMENT.Activation(_bindings(_SAMPLE, VARIABLE_NAMES)))
    if value.type() == cel.Type.ERROR and "invalid regular expression" in str(value.value()):
        raise ConditionError(str(value.value()).removeprefix("INVALID_ARGUMENT: "))


def evaluate(condition: str, operation: Operation) -> Evaluation:
    """Evaluate one condition on its own, slowly, to tell a person what it says.

    Raises:
        ConditionError: it does not compile; ``check_condition`` would have said so.
    """
    names = _names_used((condition,))
    activation = _ENVIRONMENT.Activation(_bindings(operation, names))
    result = _compile(condition).eval(activation)
    value = result.value()
    if isinstance(value, bool):
        return Evaluation(value)
    # The library begins with a status code in capitals.
    return Evaluation(None, str(value).partition(": ")[2] or str(value))


class Chain:
    """Conditions in order, evaluated until the first that holds. All passed ``check_condition``."""

    def __init__(self, conditions: Sequence[str]) -> None:
        self._conditions = tuple(conditions)
        self._names = _names_used(self._conditions)
        self._blocks = _compile_blocks(self._conditions)
        self._singles: dict[int, cel.Expression] = {}

    def first_match(self, operation: Operation) -> int | None:
        """Return the index of the first condition that holds, None if none does.

        Raises:
            EvaluationError: a condition before any match has no value, such as ``paths[3]`` of
                two paths; what it would have said is unknown, so nothing after it counts.
        """
        activation = _ENVIRONMENT.Activation(_bindings(operation, self._names))
        for start, expression in self._blocks:
            index = expression.eval(activation).value()
            if not isinstance(index, int):
                raise EvaluationError(self._failed_at(start, activation))
            if index != _NO_MATCH:
                return index
        return None

    def _failed_at(self, start: int, activation: cel.Activation) -> int:
        # A block just failed; evaluate its conditions one by one to find where.
        for index in range(start, len(self._conditions)):
            single = self._singles.get(index)
            if single is None:
                single = self._singles[index] = _compile(self._conditions[index])
            if single.eval(activation).value() is not False:
                return index
        return start


def _compile(expression: str) -> cel.Expression:
    try:
        return _ENVIRONMENT.compile(expression)
    except RuntimeError as error:
        found = _COMPILE_ERROR.search(str(error))
        if found is None:
            raise ConditionError("the condition is too deeply nested or not CEL") from error
        line, column, text = found.groups()
        raise ConditionError(text, max(int(line), 1), max(int(column), 1)) from error


def _compile_blocks(conditions: Sequence[str]) -> list[tuple[int, cel.Expression]]:
    blocks: list[tuple[int, cel.Expression]] = []
    start = 0
    while start < len(conditions):
        for length in _CHAIN_LENGTHS:
            text = _ternaries(conditions[start : start + length], start)
            try:
                expression = _compile(text)
            except ConditionError:
                if length == 1:
                    raise
                continue
            blocks.append((start, expression))
            start += length
            break
    return blocks


def _ternaries(conditions: Sequence[str], start: int) -> str:
    # The line break ends a comment that a condition may close with.
    chain = "".join(f"({text}\n) ? {start + i} : " for i, text in enumerate(conditions))
    return f"{chain}{_NO_MATCH}"


def _names_used(conditions: Sequence[str]) -> tuple[str, ...]:
    # Binding a variable costs 0.2 us. The last word of a name is looked for, since CEL allows
    # space around the dot: this may bind one too many, never one too few.
    text = "\n".join(conditions)
    return tuple(name for name in VARIABLE_NAMES if name.rpartition(".")[2] in text)


def _bindings(operation: Operation, names: Sequence[str]) -> dict[str, object]:
    return {name: _VARIABLES[name][1](operation) for name in names}
