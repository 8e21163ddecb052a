"""Decide an operation by the first rule that matches; pure, and without an upper layer's types."""

from typing import Final

from ingress.policy.conditions import Chain, EvaluationError
from ingress.policy.rules import (
    DEFAULT_RULE_ID,
    OPERATIONS,
    Operation,
    PolicyDecision,
    PolicyDocument,
    Rule,
)

_NO_RULE: Final = PolicyDecision(
    effect="deny",
    rule_id=DEFAULT_RULE_ID,
    reasons=("no_rule",),
    message="No rule of your organization's policy allows this request.",
    assurance="strict",
)


class Policy:
    """A policy ready to decide; immutable, so a reload swaps the whole object."""

    def __init__(self, document: PolicyDocument) -> None:
        """Compile the document's conditions; ``load_policy`` has checked each of them."""
        self.document = document
        self.digest = document.digest
        # Most operations meet the same rules, and compiling is the slow part: share equal chains.
        made: dict[tuple[Rule, ...], _RuleChain] = {}

        def chain_for(operation: str) -> _RuleChain:
            met = tuple(rule for rule in document.rules if rule.applies_to(operation))
            if met not in made:
                made[met] = _RuleChain(met)
            return made[met]

        self._chains = {operation: chain_for(operation) for operation in OPERATIONS}
        self._unnamed = chain_for("")

    def decide(self, operation: Operation) -> PolicyDecision:
        """Return what the first matching rule says; deny if none matches or one cannot tell."""
        return self._chains.get(operation.operation, self._unnamed).decide(operation)


class _RuleChain:
    """The rules that one kind of operation meets, with their answers made ready."""

    def __init__(self, met: tuple[Rule, ...]) -> None:
        # Nothing follows an unconditional rule: it is the answer when no condition holds.
        last = next((i for i, rule in enumerate(met) if rule.when is None), len(met))
        conditional = [(rule, rule.when) for rule in met[:last] if rule.when is not None]
        self._rules = [rule for rule, _ in conditional]
        self._answers = [_answer(rule) for rule in self._rules]
        self._otherwise = _answer(met[last]) if last < len(met) else _NO_RULE
        self._chain = Chain([when for _, when in conditional])

    def decide(self, operation: Operation) -> PolicyDecision:
        if not self._rules:
            return self._otherwise
        try:
            index = self._chain.first_match(operation)
        except EvaluationError as error:
            return _condition_error(self._rules[error.index])
        return self._otherwise if index is None else self._answers[index]


def _answer(rule: Rule) -> PolicyDecision:
    effect = rule.effect
    reasons: tuple[str, ...] = ("rule",)
    message = ""
    if rule.effect == "deny":
        message = rule.message or f"Your organization's policy denies this request ({rule.id})."
    elif rule.effect == "review":
        effect, reasons = "deny", ("rule", "review_unavailable")
        message = (
            f"{rule.message} This request needs a review ({rule.id}); "
            "holding it for one is not available yet."
        ).lstrip()
    return PolicyDecision(
        effect=effect,
        rule_id=rule.id,
        reasons=reasons,
        message=message,
        assurance=rule.assurance,
    )


def _condition_error(rule: Rule) -> PolicyDecision:
    return PolicyDecision(
        effect="deny",
        rule_id=rule.id,
        reasons=("condition_error",),
        message=f"Your organization's policy could not be evaluated ({rule.id}).",
        assurance=rule.assurance,
    )
