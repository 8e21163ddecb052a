"""Tell what masking rules are and whether their own examples hold, as documents for scripts."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from ingress.masking.detect import Detector
from ingress.masking.mask import Masker
from ingress.masking.rules import Allowance, Pattern, Rule
from tailnumber.errors import CommandError
from tailnumber.masking import BUILTIN, DEMONSTRATION_KEY, read_rules, read_text

Watch = Callable[[Sequence[Rule]], Iterable[Rule]]


def listing(names: Sequence[str], family: str) -> dict[str, Any]:
    """Return the rules of a family, and those that only name paths and do nothing here.

    Args:
        names: see `tailnumber.masking.read_rules`; empty = builtin.
        family: a word of the id or the description; "" = all.

    Raises:
        CommandError: a rule file cannot be used.
    """
    rule_set = read_rules(names or [BUILTIN])
    chosen = [_summary(rule) for rule in rule_set.rules if _is_of(rule, family)]
    return {"rules": chosen, "path_only": rule_set.path_only}


def trial(file: Path | None, watch: Watch) -> dict[str, Any]:
    """Try each rule on its own true and false examples; return which do not hold, by number.

    An example is never repeated: it may be somebody's secret.

    Args:
        file: rule file; None = builtin.
        watch: passes the rules on, and may show how far it is.

    Raises:
        CommandError: the rule file cannot be used.
    """
    rule_set = read_rules([str(file) if file else BUILTIN])
    shipped = resources.files("ingress.masking").joinpath("builtin.toml")
    lines = _lines_of_rules(read_text(file) if file else shipped.read_text("utf-8"))
    detector = Detector(rule_set, engine="portable")
    failures: list[dict[str, Any]] = []
    for rule in watch(rule_set.rules):
        where = {"rule": rule.rule_id, "line": lines.get(rule.rule_id, 0)}
        failures += [where | reason for reason in _broken(detector, rule)]
    counts = {rule.rule_id: _example_count(rule) for rule in rule_set.rules}
    return {
        "rules": len(rule_set.rules),
        "examples": sum(counts.values()),
        "failures": failures,
        "untested": [rule_id for rule_id, count in counts.items() if not count],
    }


def explanation(names: Sequence[str], rule_id: str) -> dict[str, Any]:
    """Return everything about one rule, with its true examples masked.

    Raises:
        CommandError: there is no such rule, or a rule file cannot be used.
    """
    rule_set = read_rules(names or [BUILTIN])
    rule = next((each for each in rule_set.rules if each.rule_id == rule_id), None)
    if rule is None:
        raise CommandError(_unknown(rule_id, [each.rule_id for each in rule_set.rules]))
    detector = Detector(rule_set, engine="portable")
    masker = Masker(detector, DEMONSTRATION_KEY, tier2="mask")
    examples = []
    for text in rule.true_examples:
        start, end = _span(detector, rule, text) or (None, None)
        masked = masker.mask(text)[0]
        examples.append({"text": text, "start": start, "end": end, "masked": masked})
    return _summary(rule) | {
        "max_length": rule.max_length,
        "path": _expression(rule.path) if rule.path else None,
        "allowances": [_allowance(item) for item in rule.allowances],
        "true_examples": examples,
        "false_examples": rule.false_examples,
    }


def _is_of(rule: Rule, family: str) -> bool:
    words = rf"(?<![a-z0-9]){re.escape(family.lower())}"
    return bool(re.search(words, f"{rule.rule_id} {rule.description}".lower()))


def _summary(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.rule_id,
        "tier": rule.tier,
        "description": rule.description,
        "regex": rule.regex,
        "keywords": rule.keywords,
        "entropy": rule.entropy,
        "example_count": _example_count(rule),
    }


def _example_count(rule: Rule) -> int:
    return len(rule.true_examples) + len(rule.false_examples)


def _lines_of_rules(toml: str) -> dict[str, int]:
    """Return the line on which each rule's id stands."""
    found: dict[str, int] = {}
    for number, line in enumerate(toml.splitlines(), 1):
        named = re.match(r"""\s*id\s*=\s*["']([^"']+)["']""", line)
        if named:
            found.setdefault(named[1], number)
    return found


def _broken(detector: Detector, rule: Rule) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(rule.true_examples, 1):
        if _span(detector, rule, text) is None:
            yield {"example": "true example", "number": number, "result": "is not found"}
    for number, text in enumerate(rule.false_examples, 1):
        if _span(detector, rule, text):
            yield {"example": "false example", "number": number, "result": "is found"}


def _span(detector: Detector, rule: Rule, text: str) -> tuple[int, int] | None:
    spans = detector.scan(text)
    return next(((s.start, s.end) for s in spans if s.rule_id == rule.rule_id), None)


def _unknown(rule_id: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(rule_id, known, 3)
    hint = f" Did you mean {', '.join(near)}?" if near else " See: tailnumber rules list"
    return f"There is no rule {rule_id!r}.{hint}"


def _allowance(item: Allowance) -> dict[str, Any]:
    return {
        "every": item.every,
        "regex_target": item.regex_target,
        "regexes": [_expression(pattern) for pattern in item.regexes],
        "stopwords": item.stopwords,
        "paths": [_expression(pattern) for pattern in item.paths],
    }


def _expression(pattern: Pattern) -> str:
    """Return what a compiled expression was written as; RE2's wrapper keeps it as bytes."""
    written = getattr(pattern, "pattern", b"")
    return written.decode("utf-8", "replace") if isinstance(written, bytes) else str(written)
