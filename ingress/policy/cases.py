"""Read the cases that a policy is tested with, and try them; pure.

A case names an operation by the variables that conditions use, and what the policy must answer.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from ingress.policy.conditions import VARIABLE_TYPES
from ingress.policy.decide import Policy
from ingress.policy.document import Reader
from ingress.policy.rules import EFFECTS, OPERATIONS, Operation, PolicyDecision

_CASE_KEYS: Final = ("name", "operation", "expect")
_EXPECT_KEYS: Final = ("effect", "rule")
_PRINCIPAL_KINDS: Final = ("human", "service")
_SIZE_MAX: Final = 999_999_999
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "operation": OPERATIONS,
    "principal.kind": _PRINCIPAL_KINDS,
}
# Variables whose fact of an operation has another name than theirs with an underscore.
_RENAMED: Final = {"size": "size_bytes", "time": "at"}
# What a case or a person need not say.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "operation": "chat",
    "connection": "",
    "principal.id": "",
    "principal.issuer": "",
    "principal.subject": "",
    "principal.kind": "human",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One case; ``effect`` or ``rule`` None: whatever it is. ``line`` counts from 1."""

    name: str
    line: int
    operation: Operation
    effect: str | None
    rule: str | None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What the policy answered to a case."""

    case: Case
    decision: PolicyDecision

    @property
    def effect(self) -> str:
        """Return the effect as people compare it; no case can expect ``error``."""
        return shown_effect(self.decision.effect, self.decision.reasons)

    @property
    def passes(self) -> bool:
        """Tell whether it answered as the case says."""
        return (
            self.effect != "error"
            and self.case.effect in {None, self.effect}
            and self.case.rule in {None, self.decision.rule_id}
        )


def shown_effect(effect: str, reasons: Collection[str]) -> str:
    """Return the effect of a rule: ``review`` also while a review can only refuse.

    A condition without a value is ``error``.
    """
    if "condition_error" in reasons:
        return "error"
    return "review" if "review_unavailable" in reasons else effect


def make_operation(facts: Mapping[str, Any]) -> Operation:
    """Return an operation of facts by the names that conditions use, such as ``client.name``.

    What is not said is empty; the operation is then ``chat`` and the principal ``human``.
    """
    told = {**_DEFAULTS, **facts}
    return Operation(**{field_of(name): value for name, value in told.items()})


def field_of(variable: str) -> str:
    """Return the name that a condition's variable has as a fact of an operation."""
    return _RENAMED.get(variable, variable.replace(".", "_"))


def load_cases(text: str, source: str) -> tuple[Case, ...]:
    """Read a file of cases.

    Raises:
        PolicyError: with every problem found, each with its line and column.
    """
    reader = Reader(source, text)
    root = reader.root()
    items = reader.sequence(root)
    if isinstance(root, yaml.SequenceNode) and not items:
        reader.note(root, "the file has no case")
    cases = [_case(reader, item) for item in items]
    names: set[str] = set()
    for case, item in zip(cases, items, strict=True):
        if case.name and case.name in names:
            reader.note(item, f"duplicate name {case.name!r}")
        names.add(case.name)
    reader.finish()
    return tuple(cases)


def run_cases(policy: Policy, cases: tuple[Case, ...]) -> tuple[CaseResult, ...]:
    """Ask the policy about each case."""
    return tuple(CaseResult(case, policy.decide(case.operation)) for case in cases)


def _case(reader: Reader, node: yaml.Node) -> Case:
    keys = reader.mapping(node, _CASE_KEYS, required=_CASE_KEYS)
    name = reader.text(keys["name"]) if "name" in keys else None
    facts = _facts(reader, keys["operation"]) if "operation" in keys else {}
    expect = reader.mapping(keys["expect"], _EXPECT_KEYS) if "expect" in keys else {}
    if "expect" in keys and not expect:
        reader.note(keys["expect"], "nothing is expected; name an effect, a rule or both")
    return Case(
        name=name or "",
        line=node.start_mark.line + 1,
        operation=make_operation(facts),
        effect=reader.choice(expect["effect"], EFFECTS) if "effect" in expect else None,
        rule=reader.text(expect["rule"]) if "rule" in expect else None,
    )


def _facts(reader: Reader, node: yaml.Node) -> dict[str, Any]:
    keys = reader.mapping(node, tuple(VARIABLE_TYPES), required=("operation",))
    facts = {name: _fact(reader, name, value) for name, value in keys.items()}
    return {name: value for name, value in facts.items() if value is not None}


def _fact(reader: Reader, name: str, node: yaml.Node) -> object:
    kind = VARIABLE_TYPES[name]
    if name in _CHOICES:
        return reader.choice(node, _CHOICES[name])
    if kind == "bool":
        return reader.boolean(node)
    if kind == "int":
        return reader.integer(node, 0, _SIZE_MAX)
    if kind == "timestamp":
        return reader.time(node)
    if kind == "string":
        return reader.text(node)
    texts = [reader.text(item) for item in reader.sequence(node)]
    return tuple(text for text in texts if text is not None)
