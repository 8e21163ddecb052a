"""Decide what has several parts, or is not wholly known, and never too mildly; pure."""

import re
from collections.abc import Collection, Sequence
from typing import Final

from ingress.policy.decide import Policy
from ingress.policy.rules import Operation, PolicyDecision, Rule

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
    """Decide an operation; refuse it if a rule that was asked reads what is not known.

    Args:
        policy: decides.
        operation: what is asked.
        unknown: names of variables whose value could not be learned.

    A rule that would deny by a path cannot say so of a push whose paths nobody could read, and
    an allowing rule below it must not speak in its place.
    """
    decision = policy.decide(operation)
    if not decision.allowed or not unknown:
        return decision
    for rule in policy.document.rules:
        if rule.applies_to(operation.operation):
            unread = _read(rule, unknown)
            if unread is not None:
                return PolicyDecision(
                    effect="deny",
                    rule_id=rule.id,
                    reasons=("not_known",),
                    message=(
                        f"Your organization's policy ({rule.id}) asks for `{unread}`, "
                        "which the gateway could not learn of this request."
                    ),
                    assurance=rule.assurance,
                )
        if rule.id == decision.rule_id:
            break
    return decision


def _read(rule: Rule, names: Collection[str]) -> str | None:
    condition = rule.when or ""
    return next((name for name in names if re.search(rf"\b{name}\b", condition)), None)
