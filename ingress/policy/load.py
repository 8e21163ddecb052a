"""Load a policy file: strict, complete about what is wrong, and all or nothing; pure."""

import hashlib
import re
from datetime import date
from types import MappingProxyType
from typing import Final

import yaml

from ingress.masking.allow import Allow
from ingress.masking.pii import PII_KINDS
from ingress.policy.conditions import ConditionError, check_condition
from ingress.policy.connections import read_connections
from ingress.policy.decide import Policy
from ingress.policy.document import Reader
from ingress.policy.rules import (
    ASSURANCES,
    CONTENT_MODES,
    DEFAULT_RULE_ID,
    EFFECTS,
    OPERATIONS,
    TIER2_MODES,
    Masking,
    PolicyDocument,
    Review,
    Rule,
)

VERSION: Final = "1"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_NAME_FORM: Final = "a name: letters, digits, dot, hyphen and underscore, 128 at most"
_MASKING_RULES: Final = re.compile(r"builtin|[^\s]+\.toml")
_MASKING_RULES_FORM: Final = "'builtin' or the path of a gitleaks file (*.toml)"
_TOP_KEYS: Final = ("version", "admins", "connections", "masking", "content", "rules")
_MASKING_KEYS: Final = ("rules", "tier2", "pii", "restore", "allow")
_ALLOW_KEYS: Final = ("fingerprint", "rule", "path", "reason", "expires")
_RULE_KEYS: Final = ("id", "on", "when", "effect", "message", "review", "assurance")
_REVIEW_KEYS: Final = ("reviewers", "quorum", "hold", "expires")


def load_policy(text: str, source: str) -> Policy:
    """Check a policy file and make it ready to decide.

    Args:
        text: the file's bytes decoded as UTF-8, line ends untouched: they are hashed.
        source: name of the file, for messages.

    Raises:
        PolicyError: with every problem found, each with its line and column.
    """
    reader = Reader(source, text)
    document = _document(reader, reader.root(), text, source)
    reader.finish()
    return Policy(document)


def _document(reader: Reader, root: yaml.Node, text: str, source: str) -> PolicyDocument:
    top = reader.mapping(root, _TOP_KEYS, required=("version", "rules"))
    if "version" in top:
        reader.choice(top["version"], (VERSION,))
    content = reader.choice(top["content"], CONTENT_MODES) if "content" in top else "sealed"
    return PolicyDocument(
        source=source,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        connections=MappingProxyType(
            read_connections(reader, top["connections"]) if "connections" in top else {}
        ),
        masking=_masking(reader, top["masking"]) if "masking" in top else Masking(),
        content=content or "sealed",
        rules=_rules(reader, top["rules"]) if "rules" in top else (),
        admins=_groups(reader, top["admins"]) if "admins" in top else frozenset(),
    )


def _masking(reader: Reader, node: yaml.Node) -> Masking:
    keys = reader.mapping(node, _MASKING_KEYS)
    default = Masking()
    rules = default.rules
    if "rules" in keys:
        read = [
            reader.matching(item, _MASKING_RULES, _MASKING_RULES_FORM)
            for item in reader.sequence(keys["rules"])
        ]
        rules = tuple(rule for rule in read if rule is not None)
    tier2 = reader.choice(keys["tier2"], TIER2_MODES) if "tier2" in keys else default.tier2
    restore = reader.boolean(keys["restore"]) if "restore" in keys else default.restore
    return Masking(
        rules=rules,
        tier2=tier2 or default.tier2,
        pii=reader.choices(keys["pii"], PII_KINDS) if "pii" in keys else default.pii,
        restore=default.restore if restore is None else restore,
        allow=_allowances(reader, keys["allow"]) if "allow" in keys else (),
    )


def _allowances(reader: Reader, node: yaml.Node) -> tuple[Allow, ...]:
    allowances: list[Allow] = []
    for item in reader.sequence(node):
        keys = reader.mapping(item, _ALLOW_KEYS, required=("reason", "expires"))
        texts = {name: reader.text(value) or "" for name, value in keys.items()}
        try:
            expires = date.fromisoformat(texts.pop("expires", ""))
            allowances.append(Allow(expires=expires, **{"reason": "", **texts}))
        except ValueError as error:
            told = str(error) if "allowance" in str(error) or "fingerprint" in str(error) else ""
            reader.note(item, told or "expires must be a date such as 2026-12-31")
    return tuple(allowances)


def _groups(reader: Reader, node: yaml.Node) -> frozenset[str]:
    read = (reader.text(item) for item in reader.sequence(node))
    return frozenset(name for name in read if name)


def _rules(reader: Reader, node: yaml.Node) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for item in reader.sequence(node):
        rule = _rule(reader, item)
        if rule is None:
            continue
        if any(rule.id == earlier.id for earlier in rules):
            reader.note(item, f"duplicate rule id {rule.id!r}")
        cover = _cover(rule, rules)
        if cover is not None:
            reader.note(
                item, f"rule {rule.id!r} can never fire: rule {cover!r} above answers first"
            )
        rules.append(rule)
    return tuple(rules)


def _rule(reader: Reader, node: yaml.Node) -> Rule | None:
    keys = reader.mapping(node, _RULE_KEYS, required=("id", "effect"))
    if not {"id", "effect"} <= keys.keys():
        return None
    rule_id = reader.matching(keys["id"], _NAME, _NAME_FORM)
    if rule_id == DEFAULT_RULE_ID:
        reader.note(keys["id"], f"the id {DEFAULT_RULE_ID!r} stands for no rule; choose another")
    effect = reader.choice(keys["effect"], EFFECTS)
    assurance = reader.choice(keys["assurance"], ASSURANCES) if "assurance" in keys else "strict"
    operations = frozenset(reader.choices(keys["on"], OPERATIONS)) if "on" in keys else frozenset()
    when = _condition(reader, keys["when"]) if "when" in keys else None
    message = reader.text(keys["message"]) if "message" in keys else ""
    review = _review(reader, keys["review"]) if "review" in keys else None
    if effect == "review" and "review" not in keys:
        reader.note(node, "a rule of effect review needs the key 'review'")
    if effect != "review" and "review" in keys:
        reader.note(keys["review"], "the key 'review' belongs to the effect review only")
    if "on" in keys and not operations:
        # An unreadable list must not turn into "every operation" for the checks that follow.
        reader.note(keys["on"], "the rule names no operation")
        return None
    if rule_id is None or effect is None:
        return None
    return Rule(rule_id, effect, operations, when, message or "", review, assurance or "strict")


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
    reviewers = reader.matching(keys["reviewers"], _NAME, _NAME_FORM)
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


def _cover(rule: Rule, earlier_rules: list[Rule]) -> str | None:
    # Id of the earlier rule that takes every operation this one could match.
    everything = frozenset(OPERATIONS)
    asked = rule.on or everything
    taken: frozenset[str] = frozenset()
    for earlier in earlier_rules:
        operations = earlier.on or everything
        same = earlier.when is not None and earlier.when == rule.when
        if earlier.when is None:
            taken |= operations
        if asked <= taken or (same and asked <= operations):
            return earlier.id
    return None
