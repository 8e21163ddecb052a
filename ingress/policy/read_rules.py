"""Read the rules of a policy file and say what is wrong with them; pure."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import yaml

from ingress.masking.pii import PII_KINDS
from ingress.policy.conditions import VARIABLE_TYPES as TYPES
from ingress.policy.conditions import ConditionError, check_condition, names_used
from ingress.policy.document import Reader
from ingress.policy.predicates import Split, split
from ingress.policy.rules import (
    ASSURANCES,
    CONTENT_MODES,
    DEFAULT_RULE_ID,
    EFFECTS,
    FREE_OPERATIONS,
    MODEL_OPERATIONS,
    OPERATIONS,
    TIER2_MODES,
    Limits,
    Review,
    Rule,
    StricterMasking,
)

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
NAME_FORM: Final = "a name: letters, digits, dot, hyphen and underscore, 128 at most"
_MODEL: Final = re.compile(r"[A-Za-z0-9*][A-Za-z0-9*._:/@-]{0,127}")
_MODEL_FORM: Final = "a model's name, in which * stands for anything, such as gpt-4.1 or claude-*"
_RULE_KEYS: Final = (
    "id",
    "on",
    "when",
    "effect",
    "message",
    "review",
    "assurance",
    "models",
    "limits",
    "masking",
    "content",
)
_REVIEW_KEYS: Final = ("reviewers", "quorum", "hold", "expires")
_LIMIT_KEYS: Final = ("requests_per_hour", "tokens_per_hour")
_MASKING_KEYS: Final = ("tier2", "pii")
_LIMIT_MAX: Final = 999_999_999
_STRING: Final = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")

# Variables that only some operations have a value of.
_KNOWN_ON: Final = {
    "ref": frozenset({"push", "fetch", "other"}),
    "ref_change": frozenset({"push", "other"}),
    "tool_name": frozenset({"tool_call", "other"}),
    "model": MODEL_OPERATIONS | {"tool_call", "other"},
    "languages": frozenset({"inline", "panel", "tool_call"}),
    "stream": MODEL_OPERATIONS | {"tool_call"},
}


def read_rules(reader: Reader, node: yaml.Node) -> tuple[Rule, ...]:
    """Return the rules in order; what is wrong with them is noted."""
    rules: list[Rule] = []
    ids: set[str] = set()
    for item in reader.sequence(node):
        rule = _rule(reader, item)
        if rule is None:
            continue
        if rule.id in ids:
            reader.note(item, f"duplicate rule id {rule.id!r}")
        ids.add(rule.id)
        cover = _cover(rule, rules)
        if cover is not None:
            reader.note(
                item, f"rule {rule.id!r} can never fire: rule {cover!r} above answers first"
            )
        _warn_of_unknown(reader, item, rule)
        rules.append(rule)
    return tuple(rules)


def read_models(reader: Reader, node: yaml.Node) -> tuple[str, ...]:
    """Return the names of models; none is a fault, since nothing could be asked."""
    names = [reader.matching(item, _MODEL, _MODEL_FORM) for item in reader.sequence(node)]
    if isinstance(node, yaml.SequenceNode) and not names:
        reader.note(node, "no model is named, so none could be asked; name one or drop the key")
    return tuple(name for name in names if name is not None)


def _rule(reader: Reader, node: yaml.Node) -> Rule | None:
    keys = reader.mapping(node, _RULE_KEYS, required=("id", "effect"))
    if not {"id", "effect"} <= keys.keys():
        return None
    rule_id = reader.matching(keys["id"], NAME, NAME_FORM)
    if rule_id == DEFAULT_RULE_ID:
        reader.note(keys["id"], f"the id {DEFAULT_RULE_ID!r} stands for no rule; choose another")
    effect = reader.choice(keys["effect"], EFFECTS)
    assurance = reader.choice(keys["assurance"], ASSURANCES) if "assurance" in keys else "strict"
    operations = frozenset(reader.choices(keys["on"], OPERATIONS)) if "on" in keys else frozenset()
    when = _condition(reader, keys["when"]) if "when" in keys else None
    message = reader.text(keys["message"]) if "message" in keys else ""
    review = _review(reader, keys["review"]) if "review" in keys else None
    models = read_models(reader, keys["models"]) if "models" in keys else None
    limits = _limits(reader, keys["limits"]) if "limits" in keys else None
    masking = _masking(reader, keys["masking"]) if "masking" in keys else None
    content = reader.choice(keys["content"], CONTENT_MODES) if "content" in keys else None
    _check_effect(reader, node, effect, keys)
    if "on" in keys and not operations:
        # An unreadable list must not turn into "every operation" for the checks that follow.
        reader.note(keys["on"], "the rule names no operation")
        return None
    if limits is not None and operations and operations <= FREE_OPERATIONS:
        reader.note(keys["limits"], "no limit counts the operations of this rule")
    if rule_id is None or effect is None:
        return None
    return Rule(
        id=rule_id,
        effect=effect,
        on=operations,
        when=when,
        message=message or "",
        review=review,
        assurance=assurance or "strict",
        models=models,
        limits=limits,
        masking=StricterMasking() if effect == "mask" and masking is None else masking,
        content=content,
    )


def _check_effect(
    reader: Reader, node: yaml.Node, effect: str | None, keys: dict[str, yaml.Node]
) -> None:
    """Note keys that say nothing, or are missing, under an effect."""
    if effect == "review" and "review" not in keys:
        reader.note(node, "a rule of effect review needs the key 'review'")
    if effect != "review" and "review" in keys:
        reader.note(keys["review"], "the key 'review' belongs to the effect review only")
    if effect != "mask" and "masking" in keys:
        reader.note(keys["masking"], "the key 'masking' belongs to the effect mask only")
    for key in ("models", "limits"):
        if effect == "deny" and key in keys:
            reader.note(keys[key], f"the key {key!r} says nothing under the effect deny")


def _condition(reader: Reader, node: yaml.Node) -> str | None:
    condition = reader.text(node)
    if condition is None or not isinstance(node, yaml.ScalarNode):
        return "false"  # noted; as None it would shadow every rule below
    if condition.strip() == "false":
        reader.note(node, "the rule can never fire: its condition is false")
        return condition
    try:
        check_condition(condition)
    except ConditionError as error:
        reader.note_within(node, error.line, error.column, f"condition: {error}")
    return None if condition.strip() == "true" else condition


def _review(reader: Reader, node: yaml.Node) -> Review | None:
    keys = reader.mapping(node, _REVIEW_KEYS, required=("reviewers",))
    if "reviewers" not in keys:
        return None
    reviewers = reader.matching(keys["reviewers"], NAME, NAME_FORM)
    quorum = reader.integer(keys["quorum"], 1, 20) if "quorum" in keys else None
    hold = reader.duration_seconds(keys["hold"]) if "hold" in keys else None
    expires = reader.duration_seconds(keys["expires"]) if "expires" in keys else None
    default = Review(reviewers or "")
    return Review(
        reviewers=default.reviewers,
        quorum=quorum or default.quorum,
        hold_seconds=hold or default.hold_seconds,
        expires_seconds=expires or default.expires_seconds,
    )


def _limits(reader: Reader, node: yaml.Node) -> Limits:
    keys = reader.mapping(node, _LIMIT_KEYS)
    if isinstance(node, yaml.MappingNode) and not keys:
        reader.note(node, f"no limit is set; name {' or '.join(_LIMIT_KEYS)}")
    return Limits(**{key: reader.integer(value, 1, _LIMIT_MAX) for key, value in keys.items()})


def _masking(reader: Reader, node: yaml.Node) -> StricterMasking:
    keys = reader.mapping(node, _MASKING_KEYS)
    tier2 = reader.choice(keys["tier2"], TIER2_MODES) if "tier2" in keys else "mask"
    pii = reader.choices(keys["pii"], PII_KINDS) if "pii" in keys else ()
    return StricterMasking(tier2 or "mask", pii)


def _cover(rule: Rule, earlier_rules: Sequence[Rule]) -> str | None:
    """Return the id of the earlier rule that takes every operation this one could match."""
    everything = frozenset(OPERATIONS)
    asked = rule.on or everything
    taken: frozenset[str] = frozenset()
    for earlier in earlier_rules:
        operations = earlier.on or everything
        if earlier.when is None:
            taken |= operations
        if asked <= taken or (asked <= operations and _follows(rule.when, earlier.when)):
            return earlier.id
    return None


def _follows(condition: str | None, earlier: str | None) -> bool:
    """Tell whether an earlier condition surely holds wherever this one does."""
    if condition is None or earlier is None:
        return False
    if condition == earlier:
        return True
    wanted = _split(earlier)
    return wanted.rest is None and set(wanted.terms) <= set(_split(condition).terms)


@lru_cache(maxsize=4096)  # each rule is held against each one above it
def _split(condition: str) -> Split:
    return split(condition, TYPES)


def _warn_of_unknown(reader: Reader, node: yaml.Node, rule: Rule) -> None:
    """Warn of a variable that none of the rule's operations ever has a value of."""
    if not rule.on or rule.when is None:
        return
    for name in names_used(_STRING.sub("", rule.when)):
        known = _KNOWN_ON.get(name)
        if known is not None and not rule.on & known:
            listed = ", ".join(sorted(rule.on))
            reader.warn(node, f"rule {rule.id!r} asks for `{name}`, which {listed} never has")
