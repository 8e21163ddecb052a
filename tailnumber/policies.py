"""Ask a policy file what it would answer, and why: about an operation, and about cases."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ingress.errors import PolicyError
from ingress.policy.cases import CaseResult, field_of, load_cases, make_operation, run_cases
from ingress.policy.conditions import VARIABLE_NAMES
from ingress.policy.decide import Policy
from ingress.policy.explain import RuleOutcome, explain
from ingress.policy.load import load_policy
from ingress.policy.rules import Operation, PolicyDecision
from tailnumber.errors import CheckFailed, CommandError, StackNotRunning
from tailnumber.masking import read_text
from tailnumber.stack.layout import Layout

_TESTS: Final = ".tests"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a policy answers an operation as it does; ``recorded`` is the row, if it was one."""

    policy: Policy
    operation: Operation
    outcomes: tuple[RuleOutcome, ...]
    decision: PolicyDecision
    recorded: Mapping[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """Return it as scripts get it."""
        return {
            "policy": {"file": self.policy.document.source, "digest": self.policy.digest},
            "operation": {name: getattr(self.operation, field_of(name)) for name in VARIABLE_NAMES},
            "rules": [
                {
                    "rule": each.rule.id,
                    "effect": each.rule.effect,
                    "applies": each.says != "not_asked",
                    "condition": each.rule.when,
                    "says": each.says,
                    "error": each.error,
                    "decides": each.decides,
                }
                for each in self.outcomes
            ],
            "decision": decision_document(self.decision),
            "recorded": self.recorded,
        }


def decision_document(decision: PolicyDecision) -> dict[str, Any]:
    """Return a decision as scripts get it."""
    return {
        "effect": decision.effect,
        "rule": decision.rule_id,
        "reasons": decision.reasons,
        "message": decision.message,
        "assurance": decision.assurance,
    }


def read_policy(file: Path) -> Policy:
    """Return a policy file, checked.

    Raises:
        CommandError: it cannot be read.
        CheckFailed: it is refused; the message has every problem with its place.
    """
    try:
        return load_policy(read_text(file), str(file))
    except PolicyError as error:
        raise CheckFailed(f"The policy is refused:\n{error}") from None


def policy_of(layout: Layout) -> Path:
    """Return the policy that a stack on the data directory made: of the one that runs, if one does.

    Raises:
        CommandError: there is none.
    """
    try:
        demo_runs = layout.read_endpoints().upstream_demo is not None
    except StackNotRunning:
        demo_runs = False
    for demo in (demo_runs, not demo_runs):
        file = layout.policy_file(demo=demo)
        if file.exists():
            return file
    raise CommandError(f"There is no policy in {layout.root}; name one with --policy.")


def made_up(policy: Policy, facts: Mapping[str, Any]) -> Operation:
    """Return an operation of the facts that are given; by the policy's first connection, now."""
    given = {name: value for name, value in facts.items() if value not in (None, "", (), False)}
    first = next(iter(policy.document.connections), "")
    return make_operation({"connection": first, "time": datetime.now(UTC), **given})


def explained(
    policy: Policy, operation: Operation, recorded: Mapping[str, Any] | None = None
) -> Explanation:
    """Return why the policy answers as it does."""
    outcomes = explain(policy, operation)
    return Explanation(policy, operation, outcomes, policy.decide(operation), recorded)


def tested(file: Path, policy_file: Path | None) -> tuple[CaseResult, ...]:
    """Try the cases of a file on the policy beside it, or on another.

    Args:
        file: ``policy.tests.yaml``, whose policy is ``policy.yaml``.
        policy_file: another policy; None: the one beside it.

    Raises:
        CommandError: a file cannot be read, or the name tells of no policy.
        CheckFailed: the cases or the policy are refused.
    """
    policy = read_policy(policy_file or _beside(file))
    try:
        return run_cases(policy, load_cases(read_text(file), str(file)))
    except PolicyError as error:
        raise CheckFailed(f"The cases are refused:\n{error}") from None


def _beside(file: Path) -> Path:
    if not file.stem.endswith(_TESTS):
        raise CommandError(
            f"{file} does not say which policy it tests: call it policy{_TESTS}.yaml beside "
            "policy.yaml, or name one with --policy."
        )
    return file.with_name(file.stem.removesuffix(_TESTS) + file.suffix)
