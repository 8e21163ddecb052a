"""Decide an operation by the first rule that matches; pure, and without an upper layer's types."""

from collections.abc import Callable
from typing import Final, NamedTuple

import re2  # type: ignore[import-untyped]  # ships no types

from ingress.policy.conditions import EvaluationError, names_used
from ingress.policy.globs import PathGlobs
from ingress.policy.matching import FirstMatch
from ingress.policy.rules import (
    DEFAULT_RULE_ID,
    MODEL_OPERATIONS,
    OPERATIONS,
    WHOLE_FILE_OPERATIONS,
    Operation,
    PolicyDecision,
    PolicyDocument,
    Rule,
)

# Variables that tell what a principal used.
_USED: Final = frozenset({"requests_last_hour", "tokens_last_hour"})
# Variables that only a tool call has, or has anew.
_OF_A_CALL: Final = frozenset({"tool_name", "paths", "operation"})
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
        # Files that leave every prompt; an inline prompt is one file, and refused as a whole.
        self.excluded = PathGlobs(document.exclude)
        # Whether anything asks what a principal used: counting costs nothing otherwise.
        self.asks_usage = any(
            not _USED.isdisjoint(names_used(rule.when or "")) for rule in document.rules
        )
        self.counts = self.asks_usage or any(rule.limits for rule in document.rules)
        # Most operations meet the same rules, and compiling is the slow part: share equal chains.
        made: dict[tuple[Rule, ...], _RuleChain] = {}

        def chain_for(operation: str) -> _RuleChain:
            met = tuple(rule for rule in document.rules if rule.applies_to(operation))
            if met not in made:
                made[met] = _RuleChain(met, document.models)
            return made[met]

        self._chains = {operation: chain_for(operation) for operation in OPERATIONS}
        self._unnamed = chain_for("")
        self.watches_tool_calls = any(_watches_tool_calls(rule) for rule in document.rules)

    def decide(self, operation: Operation) -> PolicyDecision:
        """Return what the first matching rule says; deny if none matches or one cannot tell."""
        decision = self._chains.get(operation.operation, self._unnamed).decide(operation)
        if self.excluded and operation.operation in WHOLE_FILE_OPERATIONS and decision.allowed:
            for path in operation.paths:
                if self.excluded.match(path):
                    return _path_excluded(decision, path)
        return decision


class _Answer(NamedTuple):
    """What a rule answers, and which models it is about; None: any."""

    decision: PolicyDecision
    models: Callable[[str], object] | None = None
    refusal: PolicyDecision | None = None

    def to(self, operation: Operation) -> PolicyDecision:
        if self.models is None or self.refusal is None:
            return self.decision
        if operation.operation not in MODEL_OPERATIONS or self.models(operation.model):
            return self.decision
        return self.refusal


def _watches_tool_calls(rule: Rule) -> bool:
    """Say that a rule may answer otherwise for a tool call than for the request behind it.

    A rule for every operation does if its condition names what only a call has, or has anew.
    """
    if rule.on:
        return "tool_call" in rule.on
    return not _OF_A_CALL.isdisjoint(names_used(rule.when or ""))


class _RuleChain:
    """The rules that one kind of operation meets, with their answers made ready."""

    def __init__(self, met: tuple[Rule, ...], models: tuple[str, ...]) -> None:
        # Nothing follows an unconditional rule: it is the answer when no condition holds.
        last = next((i for i, rule in enumerate(met) if rule.when is None), len(met))
        conditional = [(rule, rule.when) for rule in met[:last] if rule.when is not None]
        self._rules = [rule for rule, _ in conditional]
        self._answers = [_answer(rule, models) for rule in self._rules]
        self._otherwise = _answer(met[last], models) if last < len(met) else _Answer(_NO_RULE)
        self._match = FirstMatch([when for _, when in conditional])

    def decide(self, operation: Operation) -> PolicyDecision:
        if not self._rules:
            return self._otherwise.to(operation)
        try:
            index = self._match.first_match(operation)
        except EvaluationError as error:
            return _condition_error(self._rules[error.index])
        return (self._otherwise if index is None else self._answers[index]).to(operation)


def _answer(rule: Rule, models: tuple[str, ...]) -> _Answer:
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
    decision = PolicyDecision(
        effect=effect,
        rule_id=rule.id,
        reasons=reasons,
        message=message,
        assurance=rule.assurance,
        limits=rule.limits,
        masking=rule.masking,
        content=rule.content,
    )
    allowed = rule.models if rule.models is not None else models
    if not allowed or rule.effect == "deny":
        return _Answer(decision)
    wanted = re2.compile("|".join(re2.escape(name).replace(r"\*", ".*") for name in allowed))
    return _Answer(decision, wanted.fullmatch, _model_not_allowed(decision, allowed))


def _model_not_allowed(decision: PolicyDecision, allowed: tuple[str, ...]) -> PolicyDecision:
    listed = ", ".join(allowed)
    return _refused(
        decision,
        "model_not_allowed",
        f"Your organization's policy ({decision.rule_id}) does not allow this model. "
        f"Choose one of: {listed}.",
    )


def _path_excluded(decision: PolicyDecision, path: str) -> PolicyDecision:
    return _refused(
        decision,
        "path_excluded",
        f"Your organization's policy keeps this file from AI assistants: {path}",
    )


def _refused(decision: PolicyDecision, reason: str, message: str) -> PolicyDecision:
    return PolicyDecision(
        effect="deny",
        rule_id=decision.rule_id,
        reasons=("rule", reason),
        message=message,
        assurance=decision.assurance,
        content=decision.content,
    )


def _condition_error(rule: Rule) -> PolicyDecision:
    return PolicyDecision(
        effect="deny",
        rule_id=rule.id,
        reasons=("condition_error",),
        message=f"Your organization's policy could not be evaluated ({rule.id}).",
        assurance=rule.assurance,
    )
