"""Tell rule by rule why a policy decides as it does; pure, slow, for a person who asks."""

from dataclasses import dataclass
from typing import Literal

from ingress.policy.conditions import Evaluation, evaluate
from ingress.policy.decide import Policy
from ingress.policy.rules import Operation, Rule

Says = Literal["true", "false", "error", "always", "not_asked"]


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What one rule says of an operation.

    ``says`` is ``always`` of a rule without a condition, ``not_asked`` of one for other
    operations, ``error`` where the condition has no value, such as ``paths[3]`` of two paths.
    ``decides`` is true of one rule at most: the first that matches or fails.
    """

    rule: Rule
    says: Says
    error: str
    decides: bool


def explain(policy: Policy, operation: Operation) -> tuple[RuleOutcome, ...]:
    """Return every rule's outcome in order, also of those after the one that decides.

    The rule with ``decides`` is the one that ``policy.decide`` names; if there is none, no rule
    matched, which is a denial.
    """
    outcomes: list[RuleOutcome] = []
    decided = False
    for rule in policy.document.rules:
        says, error = _says(rule, operation)
        decides = not decided and says in {"true", "always", "error"}
        decided = decided or decides
        outcomes.append(RuleOutcome(rule, says, error, decides))
    return tuple(outcomes)


def _says(rule: Rule, operation: Operation) -> tuple[Says, str]:
    if not rule.applies_to(operation.operation):
        return "not_asked", ""
    if rule.when is None:
        return "always", ""
    match evaluate(rule.when, operation):
        case Evaluation(True):
            return "true", ""
        case Evaluation(False):
            return "false", ""
        case Evaluation(_, error):
            return "error", error
