r"""Find secrets in a text: prefilter, confirm by RE2, entropy, allowances.

A text is scanned as a copy of the same length in which escapes are undone (``\"`` becomes a space
and a quote), so that a secret inside JSON inside JSON is found and its offsets hold. Nothing is
changed here; `ingress.masking.mask` does that. `StreamMasker` uses the same parts.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ingress.masking.encoded import decoded_runs
from ingress.masking.engine import Engine, Keywords, build_prefilter
from ingress.masking.errors import MaskingError
from ingress.masking.rules import Allowance, Match, Pattern, Rule, RuleSet, compile_pattern, merge

KEYWORD_REACH_BYTES = 128
"""A keyword counts when it stands in the match or at most this far before it."""

LINE_REACH_BYTES = 256
"""How much of its line before and after a match an allowance for lines may see."""

_ESCAPES = (("\\n", " \n"), ('\\"', ' "'), ("\\r", " \r"), ("\\t", " \t"), ("\\/", " /"))
_UNICODE_ESCAPES = tuple(
    (f"\\u00{code}", f"     {chr(int(code, 16))}")
    for code in ("22", "26", "27", "3c", "3d", "3e", "3C", "3D", "3E")
)
_PLAIN = {"n": "\n", '"': '"', "r": "\r", "t": "\t", "/": "/", " ": " "}
_ESCAPE = re.compile(r"""\\\\*(?:([nrt"/ ])|u00(2[267]|3[c-eC-E]))""")
_DEEP_ESCAPE = re.compile(r"\\+( )")
_FEW_ESCAPES = 300  # as many cost one pass of a pattern as much as six of str.replace
_PLACEHOLDER = re.compile(rb"REDACTED_[A-Z0-9_]{1,48}_[A-Z2-7]{10}")
_LEAST_BESIDE_PLACEHOLDER = 8  # fewer characters around our own placeholder are no secret


class Span(NamedTuple):
    """Where a secret stands in a text, in code points.

    `rule_index` is the place of its rule in the rule set; of two rules the earlier one names it.
    """

    rule_id: str
    tier: int
    start: int
    end: int
    rule_index: int = 0


def unescape(text: str) -> str:
    """Return a copy of the same length in which backslash escapes are undone."""
    escapes = text.count("\\")
    if not escapes:
        return text
    if escapes < _FEW_ESCAPES:
        return _ESCAPE.sub(_undo, text)
    for escape, plain in _ESCAPES:
        text = text.replace(escape, plain)
    if "\\u00" in text:
        for escape, plain in _UNICODE_ESCAPES:
            text = text.replace(escape, plain)
    if "\\ " in text:
        text = text.replace("\\ ", "  ")
    return _DEEP_ESCAPE.sub(_undo, text) if "\\ " in text else text


def _undo(found: re.Match[str]) -> str:
    escape = found[0]
    if found[1]:
        return _PLAIN[found[1]].rjust(len(escape))
    return chr(int(found[2], 16)).rjust(len(escape))


def encode(text: str) -> bytes:
    """Return UTF-8; a lone surrogate becomes one byte, so that offsets can be told back."""
    return text.encode("utf-8", "replace")


def entropy(secret: bytes) -> float:
    """Return the Shannon entropy in bits per byte."""
    size = len(secret)
    return -sum(n / size * math.log2(n / size) for n in Counter(secret).values())


class Characters:
    """Tells code point offsets from byte offsets of one text, counting from the last one asked."""

    def __init__(self, data: bytes, length: int) -> None:
        self._data = None if len(data) == length else data
        self._byte = 0
        self._character = 0

    def start(self, offset: int) -> int:
        """Return the character that a byte belongs to."""
        if self._data is None:
            return offset
        while 0 < offset < len(self._data) and self._data[offset] & 0xC0 == 0x80:
            offset -= 1
        return self._count(self._data, offset)

    def end(self, offset: int) -> int:
        """Return the end of the character before which a byte offset stands, or in which."""
        if self._data is None:
            return offset
        while offset < len(self._data) and self._data[offset] & 0xC0 == 0x80:
            offset += 1
        return self._count(self._data, offset)

    def _count(self, data: bytes, offset: int) -> int:
        if offset >= self._byte:
            self._character += len(data[self._byte : offset].decode())
        else:
            self._character -= len(data[offset : self._byte].decode())
        self._byte = offset
        return self._character


class Tails:
    """Knows with which endings of a text a secret may have begun."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        bounded: set[bytes] = set()
        loose: dict[bytes, set[int]] = {}
        for rule in rules:
            for tail in rule.tails:
                if rule.bounded:
                    bounded.add(tail.encode())
                else:
                    loose.setdefault(tail.encode(), set()).add(rule.index)
        self.longest = max(map(len, [*bounded, *loose]), default=0)
        begun = rf"(?:^|[^\w])({_either(bounded)})"
        self._bounded = _ending(begun, bounded)
        self._any = _ending(f"(?:{begun}|{_either(loose)})", [*bounded, *loose])
        self._by_last: dict[int, list[tuple[bytes, set[int]]]] = {}
        for ending, indexes in loose.items():
            self._by_last.setdefault(ending[-1], []).append((ending, indexes))

    def begun(self, lowered: bytes) -> tuple[int, frozenset[int]]:
        """Return what may have begun at the end of a text.

        That is: how many bytes may be the start of a secret that begins a word, and the rules of
        which another secret may have begun.
        """
        if not lowered or not self._any or not self._any.search(lowered):
            return 0, frozenset()
        found = self._bounded and self._bounded.search(lowered)
        ending = self._by_last.get(lowered[-1], ())
        named = [rules for tail, rules in ending if lowered.endswith(tail)]
        return len(lowered) - found.start(1) if found else 0, frozenset().union(*named)


def _ending(expression: str, tails: Collection[bytes]) -> Pattern | None:
    return compile_pattern(rf"{expression}\z") if tails else None


def _either(tails: Iterable[bytes]) -> str:
    return "|".join(re.escape(tail.decode()) for tail in sorted(tails, key=len, reverse=True))


class Detector:
    """Finds secrets by a set of rules. Used from one thread.

    Args:
        rules: see `ingress.masking.rules.load_rules`.
        engine: the prefilter; both find the same.
        cache_dir: directory that only this user may write, for compiled databases.
    """

    def __init__(
        self, rules: RuleSet, *, engine: Engine = "auto", cache_dir: Path | None = None
    ) -> None:
        self.rules = rules
        self._how: tuple[Engine, Path | None] = (engine, cache_dir)
        self._prefilter = build_prefilter(rules, engine, cache_dir)
        self.engine = self._prefilter.name
        streamed = [rule for rule in rules.rules if rule.path is None]
        self._announce = Keywords(
            (rule.index, () if rule.late or not rule.keywords else rule.keywords + rule.starts)
            for rule in streamed
        )
        self.tails = Tails(streamed)
        self.longest_word = max(self._announce.longest, self.tails.longest) + 1

    def extended(self, rules: RuleSet) -> Detector:
        """Return a detector that knows these rules too."""
        engine, cache_dir = self._how
        return Detector(merge(self.rules, rules), engine=engine, cache_dir=cache_dir)

    def scan(self, text: str, *, path: str | None = None) -> list[Span]:
        """Return the secrets of a text by place, those of several rules overlapping perhaps.

        Args:
            text: decoded text, or JSON whose strings may be secrets.
            path: where the text comes from, if known, for rules and allowances about paths.

        Raises:
            MaskingError: the engine failed; the text must not pass.
        """
        return self._scan(encode(unescape(text)), len(text), path)

    def scan_deep(self, text: str, *, path: str | None = None, depth: int = 2) -> list[Span]:
        """Return what `scan` does, and the runs of base64 in which a secret stands, whole.

        Args:
            text: as for `scan`.
            path: as for `scan`.
            depth: how often what was decoded is decoded again.

        Raises:
            MaskingError: as `scan`.
        """
        plain = unescape(text)
        data = encode(plain)
        spans = self._scan(data, len(text), path)
        if depth and self._prefilter.long_run:
            for start, end, inner in decoded_runs(plain, data):
                found = self.scan_deep(inner, path=path, depth=depth - 1)
                runs = [span._replace(start=start, end=end) for span in found]
                spans += [run for run in runs if not any(_covers(span, run) for span in spans)]
        return spans

    def _scan(self, data: bytes, length: int, path: str | None) -> list[Span]:
        fired = self._prefilter.fired(data)
        if not fired:
            return []
        spans: list[Span] = []
        characters = Characters(data, length)
        where = path.encode("utf-8", "replace") if path is not None else None
        for index in fired:
            rule = self.rules.rules[index]
            if rule.path and (where is None or not rule.path.search(where)):
                continue
            for found in self.matches(rule, data, 0):
                start, end = secret_span(rule, found)
                if self.accepts(rule, data, found, where):
                    first, last = characters.start(start), characters.end(end)
                    spans.append(Span(rule.rule_id, rule.tier, first, last, rule.index))
        spans.sort(key=lambda span: (span.start, span.end, span.rule_index))
        return spans

    def announced(self, lowered: bytes) -> frozenset[int]:
        """Return the rules of which a word that announces a secret stands in a stream's text."""
        return self._announce.named(lowered)

    def fired(self, data: bytes) -> Collection[int]:
        """Return the rules that may match, by the prefilter.

        Raises:
            MaskingError: the engine failed.
        """
        return self._prefilter.fired(data)

    @staticmethod
    def matches(rule: Rule, data: bytes, position: int) -> Iterator[Match]:
        """Yield a rule's matches whose secrets do not overlap, from a byte offset on.

        Raises:
            MaskingError: RE2 failed.
        """
        try:
            while found := rule.pattern.search(data, position):
                yield found
                position = goes_on_at(rule, found)
        except (ValueError, OverflowError, MemoryError) as error:
            raise MaskingError(f"rule {rule.rule_id} failed") from error

    @staticmethod
    def accepts(rule: Rule, data: bytes, found: Match, path: bytes | None) -> bool:
        """Tell whether a match is a secret: keyword near, entropy, no allowance."""
        start, end = secret_span(rule, found)
        if start >= end:
            return False
        if rule.keywords and not _keyword_near(rule, data, found):
            return False
        secret = data[start:end]
        if rule.entropy and entropy(secret) <= rule.entropy:
            return False
        if rule.check and not rule.check(secret):
            return False
        if _is_placeholder(data, start, end):
            return False
        return not any(_allows(item, data, found, secret, path) for item in rule.allowances)


def _covers(one: Span, other: Span) -> bool:
    return one.tier <= other.tier and one.start <= other.start and other.end <= one.end


def secret_span(rule: Rule, found: Match) -> tuple[int, int]:
    """Return where the secret of a match stands, in bytes."""
    if rule.secret_group:
        return found.start(rule.secret_group), found.end(rule.secret_group)
    for group in range(1, rule.pattern.groups + 1):
        if found.end(group) > found.start(group):
            return found.start(group), found.end(group)
    return found.start(), found.end()


def goes_on_at(rule: Rule, found: Match) -> int:
    """Return the byte from which a rule is looked for after a match.

    It is the end of the secret: what the match took behind it may stand before the next one.
    """
    return max(secret_span(rule, found)[1], found.start() + 1)


def begun_at(found: Match, groups: int) -> int:
    """Return where the secret of an unfinished match begins, in bytes."""
    starts = [found.start(group) for group in range(1, groups + 1)]
    return min((start for start in starts if start >= 0), default=found.start())


def sees_lines(rule: Rule) -> bool:
    """Tell whether the rest of the line decides about a match."""
    return any(item.regex_target == "line" for item in rule.allowances)


def line_known(data: bytes, found: Match) -> bool:
    """Tell whether the rest of a match's line, as far as it counts, has been received."""
    end = found.end()
    return len(data) - end >= LINE_REACH_BYTES or b"\n" in data[end:]


def _keyword_near(rule: Rule, data: bytes, found: Match) -> bool:
    near = data[max(0, found.start() - KEYWORD_REACH_BYTES) : found.end()].lower()
    return any(word.encode() in near for word in rule.keywords)


def _is_placeholder(data: bytes, start: int, end: int) -> bool:
    """Tell whether nothing but our own placeholders stands in a span."""
    first = max(0, start - 64)
    area = data[first : end + 64]
    if b"REDACTED_" not in area:
        return False
    kept = bytearray(area)
    for found in _PLACEHOLDER.finditer(area):
        kept[found.start() : found.end()] = b" " * (found.end() - found.start())
    rest = kept[start - first : end - first]
    if rest == data[start:end]:
        return False
    return sum(char in _ALPHANUMERIC for char in rest) < _LEAST_BESIDE_PLACEHOLDER


_ALPHANUMERIC = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def _line(data: bytes, found: Match) -> bytes:
    before = data[max(0, found.start() - LINE_REACH_BYTES) : found.start()]
    after = data[found.end() : found.end() + LINE_REACH_BYTES]
    matched = data[found.start() : found.end()]
    return before.rpartition(b"\n")[2] + matched + after.partition(b"\n")[0]


def _allows(item: Allowance, data: bytes, found: Match, secret: bytes, path: bytes | None) -> bool:
    checks: list[bool] = []
    if item.regexes:
        if item.regex_target == "secret":
            target = secret
        elif item.regex_target == "match":
            target = data[found.start() : found.end()]
        else:
            target = _line(data, found)
        checks.append(any(pattern.search(target) for pattern in item.regexes))
    if item.stopwords:
        lowered = secret.lower()
        checks.append(any(word.encode() in lowered for word in item.stopwords))
    if item.paths:
        checks.append(path is not None and any(p.search(path) for p in item.paths))
    return bool(checks) and (all(checks) if item.every else any(checks))
