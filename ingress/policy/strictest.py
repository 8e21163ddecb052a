"""Decide what has several parts, or is not wholly known, and never too mildly; pure."""

from collections.abc import Collection, Sequence
from typing import Final

from ingress.policy.conditions import evaluate
from ingress.policy.decide import Policy
from ingress.policy.rules import Operation, PolicyDecision

_ASSURANCES: Final = ("strict", "bracket", "async")


def strictest(decisions: Sequence[PolicyDecision]) -> PolicyDecision:
    """Return the decision that counts for all: the first refusal, else the strictest assurance."""
    refused = next((each for each in decisions if not each.allowed), None)
    if refused is not None:
        return refused
    return min(decisions, key=lambda each: _ASSURANCES.index(each.assurance))


def decide_known(
    policy: Policy, operation: Operation, unknown: Collection[str] = ()
) -> PolicyDecision:
    """Decide an operation; refuse it where what is not known makes a difference.

    A rule that would deny by a path cannot say so of a push whose paths nobody could read, and
    an allowing rule below it must not speak in its place.

    Args:
        policy: decides.
        operation: what is asked.
        unknown: names of variables whose value could not be learned.
    """
    decision = policy.decide(operation)
    if not decision.allowed or not unknown:
        return decision
    for rule in policy.document.rules:
        if not rule.applies_to(operation.operation):
            continue
        if rule.when and evaluate(rule.when, operation, unknown).value is None:
            return PolicyDecision(
                effect="deny",
                rule_id=rule.id,
                reasons=("not_known",),
                message=(
                    f"Your organization's policy ({rule.id}) asks for something that the gateway "
                    f"could not learn of this request: {', '.join(unknown)}."
                ),
                assurance=rule.assurance,
            )
        if rule.id == decision.rule_id:
            break
    return decision
