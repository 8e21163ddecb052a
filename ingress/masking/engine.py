"""Find, in one pass over a text, the few rules that deserve a closer look.

Two engines with the same contract: *vectorscan* (the `hyperscan` package, optional) runs every
rule's own expression at once; *portable* looks for the rules' keywords with an Aho-Corasick
automaton. Either may name too many rules, never too few: RE2 confirms. Used by
`ingress.masking.detect`; not safe to share between threads (vectorscan's scratch).

Source: https://intel.github.io/hyperscan/dev-reference/compilation.html
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from ahocorasick_rs import BytesAhoCorasick, Implementation

from ingress.masking.errors import MaskingError
from ingress.masking.rules import Rule, RuleSet

Engine = Literal["auto", "vectorscan", "portable"]

LONG_RUN = "[A-Za-z0-9+/_-]{20}"
"""What every run of base64 that is worth decoding holds (`ingress.masking.encoded`). Code hardly
ever does, and this look is six times as fast as the exact one."""

_LONG_RUN_ID = 1_000_000  # beyond every rule's index
_DIGEST_BYTES = hashlib.sha256().digest_size
_databases: dict[tuple[str, ...], Any] = {}
"""Compiled databases of this process by rule digest; compiling 200 rules takes half a second."""


class Prefilter(Protocol):
    """Names the rules that may match a text."""

    name: str
    long_run: bool
    """Whether a run of letters that base64 could be may have stood in the text looked at last."""

    def fired(self, data: bytes) -> Sequence[int]:
        """Return the indexes of the rules that may match, each once, ascending."""


class Keywords:
    """Knows which rules have a keyword in a text.

    Args:
        words: for each rule's index, its words in lower case; a rule without words is always named.
    """

    def __init__(self, words: Iterable[tuple[int, Sequence[str]]]) -> None:
        by_word: dict[bytes, set[int]] = {}
        always: set[int] = set()
        for index, own in words:
            if not own:
                always.add(index)
            for word in own:
                by_word.setdefault(word.encode(), set()).add(index)
        self._always = frozenset(always)
        self.longest = max(map(len, by_word), default=0)
        self._rules = [frozenset(rules) for rules in by_word.values()]
        # The DFA scans 401 MB/s of clean code here, the default automaton 155 (masking_bench.py).
        self._automaton = (
            BytesAhoCorasick(list(by_word), implementation=Implementation.DFA) if by_word else None
        )

    def named(self, lowered: bytes) -> frozenset[int]:
        """Return the rules with a keyword in a text that is lower case already."""
        if self._automaton is None:
            return self._always
        hits = self._automaton.find_matches_as_indexes(lowered, overlapping=True)
        if not hits:
            return self._always
        return self._always.union(*(self._rules[word] for word in {hit[0] for hit in hits}))


class PortablePrefilter:
    """Names the rules whose keyword is in the text."""

    name = "portable"
    long_run = True  # it does not look

    def __init__(self, rule_set: RuleSet) -> None:
        self._keywords = Keywords((rule.index, rule.keywords) for rule in rule_set.rules)

    def fired(self, data: bytes) -> Sequence[int]:
        """Return the indexes of the rules that may match, each once, ascending."""
        return sorted(self._keywords.named(data.lower()))


class VectorscanPrefilter:
    """Names the rules whose expression matches somewhere, by one block scan.

    Offsets are not asked for: start-of-match tracking makes 69 of 221 published rules too large.

    Args:
        cache_dir: directory for compiled databases; None = compile in each process.
    """

    name = "vectorscan"

    def __init__(self, rule_set: RuleSet, cache_dir: Path | None = None) -> None:
        self._hyperscan: Any = importlib.import_module("hyperscan")
        self._fired: list[int] = []
        self.long_run = True
        ids = (LONG_RUN, *(f"{rule.index}:{rule.regex}" for rule in rule_set.rules))
        digest = hashlib.sha256("\0".join(ids).encode()).hexdigest()
        key = (digest, str(self._hyperscan.__version__), str(cache_dir))
        if key not in _databases:
            _databases[key] = self._build(rule_set.rules, key, cache_dir)
        self._database, refused = _databases[key]
        self._scratch = self._hyperscan.Scratch(self._database) if self._database else None
        self._refused: frozenset[int] = frozenset(refused)
        self._keywords = Keywords(
            (rule.index, rule.keywords) for rule in rule_set.rules if rule.index in self._refused
        )

    def _build(
        self, rules: Sequence[Rule], key: tuple[str, ...], cache_dir: Path | None
    ) -> tuple[Any, tuple[int, ...]]:
        """Return the database and the rules that the engine does not take."""
        path = cache_dir / f"masking-{key[0][:32]}-{key[1]}.vectorscan" if cache_dir else None
        kept = self._load(path) if path else None
        if kept is not None:
            return kept, ()
        refused: tuple[int, ...] = ()
        try:
            database = self._compile(rules)
        except self._hyperscan.error:
            refused = tuple(rule.index for rule in rules if not self._takes(rule))
            taken = [rule for rule in rules if rule.index not in refused]
            database = self._compile(taken) if taken else None
        if path and not refused and database is not None:
            self._keep(path, self._hyperscan.dumpb(database))
        return database, refused

    @staticmethod
    def _keep(path: Path, data: bytes) -> None:
        """Write a compiled database behind its hash; without the file the next start compiles."""
        partial = path.with_suffix(".partial")
        # Two processes may write it at once: what they garble fails its hash and is made anew.
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(hashlib.sha256(data).digest() + data)
            partial.replace(path)

    def _load(self, path: Path) -> Any:
        """Return a compiled database from its file; None if there is none for this machine.

        A database is made for one processor's features: a data directory that moved to another
        machine, or a damaged file, is compiled again.
        """
        if not path.is_file():
            return None
        # Its own hash stands first: a flipped bit loads, and would silently find less.
        kept = path.read_bytes()
        digest, data = kept[:_DIGEST_BYTES], kept[_DIGEST_BYTES:]
        if hashlib.sha256(data).digest() != digest:
            return None
        try:
            database = self._hyperscan.loadb(data, self._hyperscan.HS_MODE_BLOCK)
            self._hyperscan.Scratch(database)
        except self._hyperscan.error:
            return None
        return database

    def _takes(self, rule: Rule) -> bool:
        try:
            self._compile([rule])
        except self._hyperscan.error:
            return False
        return True

    def _compile(self, rules: Sequence[Rule]) -> Any:
        hyperscan = self._hyperscan
        flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[LONG_RUN.encode(), *(rule.regex.encode() for rule in rules)],
            ids=[_LONG_RUN_ID, *(rule.index for rule in rules)],
            elements=len(rules) + 1,
            flags=[flags] * (len(rules) + 1),
        )
        return database

    def _on_match(self, rule: int, *_: object) -> None:
        self._fired.append(rule)

    def fired(self, data: bytes) -> Sequence[int]:
        """Return the indexes of the rules that may match, each once, ascending.

        Raises:
            MaskingError: the engine failed.
        """
        self._fired.clear()
        try:
            if self._database is not None:
                handler = self._on_match  # the binding keeps no reference of its own
                self._database.scan(data, match_event_handler=handler, scratch=self._scratch)
        except self._hyperscan.error as error:
            raise MaskingError("the prefilter failed") from error
        if not (self._fired or self._refused):
            self.long_run = False
            return ()
        found = set(self._fired)
        self.long_run = _LONG_RUN_ID in found or self._database is None
        found.discard(_LONG_RUN_ID)
        if self._refused:
            found |= self._keywords.named(data.lower())
        return sorted(found)


def build_prefilter(
    rule_set: RuleSet, engine: Engine = "auto", cache_dir: Path | None = None
) -> Prefilter:
    """Return the engine that was asked for; "auto" = vectorscan where it is installed.

    Raises:
        MaskingError: vectorscan was asked for and is not installed.
    """
    installed = importlib.util.find_spec("hyperscan") is not None
    if engine == "vectorscan" and not installed:
        raise MaskingError("the hyperscan package is not installed")
    if engine == "portable" or not installed:
        return PortablePrefilter(rule_set)
    return VectorscanPrefilter(rule_set, cache_dir)
