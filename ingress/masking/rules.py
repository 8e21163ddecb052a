"""Read masking rules in gitleaks' TOML format, with extensions, and refuse what cannot work.

Extensions, unknown to gitleaks and ignored by it: ``tier = 2`` marks a generic rule that policy may
only audit; ``[rules.tests] true = [...] false = [...]`` holds the rule's own examples;
``max_length`` raises the longest secret of a rule, in UTF-8 bytes; ``exceptRules`` in a general
allowance names rules it is not for. `extend` is refused except for
``useDefault``, which the caller resolves by loading both rule sets.

A rule whose expression RE2 refuses is refused here with its reason: RE2 has no backtracking, so no
loaded rule can take exponential time. Pure: takes text, returns records. Called at policy load.

Source: https://github.com/gitleaks/gitleaks#configuration
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Literal, Protocol, cast

import re2  # type: ignore[import-untyped]  # ships no types

from ingress.masking.expression import ExpressionError, Unfinished, unfinished

DEFAULT_MAX_LENGTH = 4096
"""Longest secret that is told apart, in UTF-8 bytes; a longer one is masked without its end."""

MAX_EXPRESSION_LENGTH = 16_384
"""Longest expression, in characters; gitleaks' own stay below 3,000."""

MAX_PROGRAM_SIZE = 10_000
"""Largest expression, in RE2's instructions: the worst cost of each byte of a text. The largest of
gitleaks' own has 4,974, of ours 4,331."""

_ANY_TAIL = r"""([^\s"'`<>,;(){}\[\]|\\]*)\z"""
_RULE_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*rules[ \t]*\]\]", re.MULTILINE)
_LINE_OF_ERROR = re.compile(r"at line (\d+)")
_TARGETS = ("secret", "match", "line")


class RuleError(ValueError):
    """A rule file is refused. The message names file, line, rule and reason.

    Attributes:
        source: name of the file.
        rule_id: the rule, or "" for the file itself.
        reason: one sentence.
        line: where the rule begins, from 1; 0 = not known.
    """

    code = "rule_refused"

    def __init__(self, source: str, rule_id: str, reason: str, line: int = 0) -> None:
        place = f"{source}:{line}" if line else source
        super().__init__(f"{place}: {rule_id or 'file'}: {reason}")
        self.source, self.rule_id, self.reason, self.line = source, rule_id, reason, line


class Match(Protocol):
    """The part of a compiled expression's match that is used here; offsets in bytes."""

    def start(self, group: int = 0) -> int:
        """Return where a group starts, -1 when it took no part."""

    def end(self, group: int = 0) -> int:
        """Return where a group ends."""


class Pattern(Protocol):
    """The part of a compiled RE2 expression that is used here; over bytes."""

    @property
    def groups(self) -> int:
        """Return the number of capturing groups."""

    @property
    def programsize(self) -> int:
        """Return the number of RE2's instructions."""

    def search(self, text: bytes, pos: int = 0) -> Match | None:
        """Return the leftmost match from `pos` on."""

    def finditer(self, text: bytes, pos: int = 0) -> Iterable[Match]:
        """Return the matches from `pos` on that do not overlap."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is not a secret, although a rule matches.

    `targets` names the rules it is for (empty = all, of a file's own list) but for those `spared`.
    With `every`, each of the checks that are present must agree, else one suffices.
    """

    regexes: tuple[Pattern, ...] = ()
    regex_target: Literal["secret", "match", "line"] = "secret"
    stopwords: tuple[str, ...] = ()
    paths: tuple[Pattern, ...] = ()
    every: bool = False
    targets: frozenset[str] = frozenset()
    spared: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret.

    Attributes:
        index: position in its rule set.
        secret_group: group that is the secret; 0 = the first that takes part, else the match.
        entropy: least Shannon entropy of a secret, in bits per byte; 0 = not asked.
        keywords: lower case; one of them stands in or shortly before each match.
        tails, bounded, starts, late: see `ingress.masking.expression.Unfinished`.
        check: whether a value is one, by its check digits; None = not asked.
    """

    index: int
    rule_id: str
    description: str
    tier: int
    regex: str
    pattern: Pattern
    unfinished: Pattern
    tails: frozenset[str]
    bounded: bool
    starts: tuple[str, ...]
    late: bool
    secret_group: int = 0
    entropy: float = 0.0
    keywords: tuple[str, ...] = ()
    path: Pattern | None = None
    max_length: int = DEFAULT_MAX_LENGTH
    allowances: tuple[Allowance, ...] = ()
    true_examples: tuple[str, ...] = ()
    false_examples: tuple[str, ...] = ()
    check: Callable[[bytes], bool] | None = None


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules that are loaded together.

    Attributes:
        digest: SHA-256 of the files they came from, hex; keys compiled databases.
        path_only: ids of rules that only name paths; a gateway sees no such files.
    """

    rules: tuple[Rule, ...]
    digest: str
    path_only: tuple[str, ...] = ()
    source: str = field(default="", compare=False)


def compile_pattern(expression: str) -> Pattern:
    """Compile an expression over bytes, quietly.

    Raises:
        ValueError: RE2 refuses it; the message is RE2's reason.
    """
    options = re2.Options()
    options.log_errors = False
    options.encoding = re2.Options.Encoding.LATIN1
    try:
        return cast("Pattern", re2.compile(expression.encode(), options))
    except re2.error as error:
        reason = error.args[0] if error.args else "unknown"
        raise ValueError(reason.decode() if isinstance(reason, bytes) else str(reason)) from error


class _Reader:
    """Reads one file's tables; each getter refuses a value of another type."""

    def __init__(
        self, source: str, table: Mapping[str, object], rule_id: str, line: int = 0
    ) -> None:
        self.source, self.table, self.rule_id, self.line = source, table, rule_id, line

    def refuse(self, reason: str) -> RuleError:
        return RuleError(self.source, self.rule_id, reason, self.line)

    def inner(self, table: Mapping[str, object], rule_id: str = "") -> _Reader:
        return _Reader(self.source, table, self.rule_id or rule_id, self.line)

    def text(self, name: str) -> str:
        value = self.table.get(name, "")
        if not isinstance(value, str):
            raise self.refuse(f"{name} is not a string")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.table.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.refuse(f"{name} is not a list of strings")
        return tuple(value)

    def number(self, name: str, default: float) -> float:
        value = self.table.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self.refuse(f"{name} is not a number")
        return value

    def tables(self, *names: str) -> list[Mapping[str, object]]:
        found: list[Mapping[str, object]] = []
        for name in names:
            value = self.table.get(name, [])
            for item in value if isinstance(value, list) else [value]:
                if not isinstance(item, dict):
                    raise self.refuse(f"{name} is not a table")
                found.append(item)
        return found

    def patterns(self, name: str) -> tuple[Pattern, ...]:
        """Return a list of expressions as one where RE2 takes it: one look instead of many."""
        expressions = self.texts(name)
        each = tuple(self.pattern(name, expression) for expression in expressions)
        if len(each) < 2:  # nothing to join
            return each
        try:
            return (compile_pattern("|".join(f"(?:{one})" for one in expressions)),)
        except ValueError:
            return each

    def pattern(self, name: str, expression: str) -> Pattern:
        if len(expression) > MAX_EXPRESSION_LENGTH:
            raise self.refuse(f"{name} is longer than {MAX_EXPRESSION_LENGTH} characters")
        try:
            pattern = compile_pattern(expression)
        except ValueError as error:
            raise self.refuse(f"{name} does not compile: {error}") from error
        if pattern.programsize > MAX_PROGRAM_SIZE:
            size = f"{pattern.programsize} instructions of at most {MAX_PROGRAM_SIZE}"
            raise self.refuse(f"{name} repeats too much: {size}")
        return pattern


def load_rules(toml: str, source: str) -> RuleSet:
    """Read a rule file.

    Where one rule has tests, each must; gitleaks' own format knows none.

    Args:
        toml: the file's text, in gitleaks' format.
        source: its name, for messages.

    Raises:
        RuleError: the file or one of its rules cannot be used.
    """
    try:
        document = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        place = _LINE_OF_ERROR.search(str(error))
        raise RuleError(source, "", f"not TOML: {error}", int(place[1]) if place else 0) from error
    top = _Reader(source, document, "")
    tables = top.tables("rules")
    lines = _lines(toml, len(tables))
    tested = any("tests" in table for table in tables)
    rules: list[Rule] = []
    path_only: list[str] = []
    seen: set[str] = set()
    for table, line in zip(tables, lines, strict=True):
        rule_id = table.get("id")
        if not isinstance(rule_id, str) or not rule_id:
            raise RuleError(source, f"rule {len(seen) + 1}", "has no id", line)
        reader = _Reader(source, table, rule_id, line)
        if rule_id in seen:
            raise reader.refuse("the id is used twice")
        seen.add(rule_id)
        if not reader.text("regex"):
            if not reader.text("path"):
                raise reader.refuse("has neither regex nor path")
            path_only.append(rule_id)
            continue
        rule = _rule(reader, len(rules))
        if tested and not (rule.true_examples and rule.false_examples):
            raise reader.refuse("has no test: [rules.tests] needs true and false examples")
        rules.append(rule)
    if not seen:
        raise RuleError(source, "", "holds no rules")
    general = _allowances(top, "allowlist", "allowlists")
    digest = hashlib.sha256(toml.encode()).hexdigest()
    allowed = tuple(replace(rule, allowances=_for_rule(rule, general)) for rule in rules)
    return RuleSet(allowed, digest, tuple(path_only), source)


def _lines(toml: str, count: int) -> list[int]:
    """Return the line of each rule, from 1; 0 where the text does not tell them apart."""
    found = [toml.count("\n", 0, header.start()) + 1 for header in _RULE_HEADER.finditer(toml)]
    return found if len(found) == count else [0] * count


def _for_rule(rule: Rule, general: tuple[Allowance, ...]) -> tuple[Allowance, ...]:
    """Return a rule's own allowances and those of its file that are for it."""
    return rule.allowances + tuple(
        item
        for item in general
        if (not item.targets or rule.rule_id in item.targets) and rule.rule_id not in item.spared
    )


def _rule(reader: _Reader, index: int) -> Rule:
    regex = reader.text("regex")
    pattern = reader.pattern("regex", regex)
    group = int(reader.number("secretGroup", 0))
    if group > pattern.groups:
        raise reader.refuse(f"secretGroup {group} is not a group of the regex")
    keywords = tuple(word.lower() for word in reader.texts("keywords") if word)
    tests = reader.tables("tests")
    examples = reader.inner(tests[0] if tests else {})
    partial, partial_pattern = _unfinished(regex, group, keywords)
    tier = int(reader.number("tier", 1))
    if tier not in (1, 2):
        raise reader.refuse("tier is neither 1 nor 2")
    return Rule(
        index=index,
        rule_id=reader.rule_id,
        description=reader.text("description"),
        tier=tier,
        regex=regex,
        pattern=pattern,
        unfinished=partial_pattern,
        tails=partial.tails,
        bounded=partial.bounded,
        starts=partial.starts,
        late=partial.late,
        secret_group=group,
        entropy=reader.number("entropy", 0),
        keywords=keywords,
        path=reader.pattern("path", reader.text("path")) if reader.text("path") else None,
        max_length=int(reader.number("max_length", DEFAULT_MAX_LENGTH)),
        allowances=_allowances(reader, "allowlist", "allowlists"),
        true_examples=examples.texts("true"),
        false_examples=examples.texts("false"),
    )


def _unfinished(regex: str, group: int, keywords: tuple[str, ...]) -> tuple[Unfinished, Pattern]:
    """Return the rule's unfinished matches, or, where they cannot be told, any token's."""
    try:
        partial = unfinished(regex, group, keywords)
        return partial, compile_pattern(partial.source)
    except (ExpressionError, ValueError):  # valid, yet too large or too unusual to be split
        whole = Unfinished(_ANY_TAIL, frozenset(), bounded=False, starts=(), late=True)
        return whole, compile_pattern(_ANY_TAIL)


def _allowances(reader: _Reader, *names: str) -> tuple[Allowance, ...]:
    found: list[Allowance] = []
    for table in reader.tables(*names):
        own = reader.inner(table, "allowlist")
        target = own.text("regexTarget") or "secret"
        if target not in _TARGETS:
            raise own.refuse("regexTarget is neither secret, match nor line")
        found.append(
            Allowance(
                regexes=own.patterns("regexes"),
                regex_target=cast("Literal['secret', 'match', 'line']", target),
                stopwords=tuple(word.lower() for word in own.texts("stopwords")),
                paths=own.patterns("paths"),
                every=own.text("condition").upper() in ("AND", "&&"),
                targets=frozenset(own.texts("targetRules")),
                spared=frozenset(own.texts("exceptRules")),
            )
        )
    return tuple(found)


def merge(*sets: RuleSet) -> RuleSet:
    """Put rule sets together; the first rule of an id wins, so a company's file may override ours.

    A file's own allowances keep applying to its own rules only.
    """
    rules: dict[str, Rule] = {}
    for rule_set in sets:
        for rule in rule_set.rules:
            if rule.rule_id not in rules:
                rules[rule.rule_id] = replace(rule, index=len(rules))
    digest = hashlib.sha256("".join(rule_set.digest for rule_set in sets).encode()).hexdigest()
    paths = tuple(name for rule_set in sets for name in rule_set.path_only)
    return RuleSet(tuple(rules.values()), digest, paths, "+".join(s.source for s in sets))


@cache
def builtin_rules() -> RuleSet:
    """Return the rules that are shipped with the gateway.

    Raises:
        RuleError: the installation is damaged.
    """
    text = resources.files("ingress.masking").joinpath("builtin.toml").read_text("utf-8")
    return load_rules(text, "builtin.toml")
