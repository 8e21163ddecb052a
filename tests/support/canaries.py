"""Fabricate secrets that nobody ever had, and look for them wherever bytes can be.

A canary is made from a rule's own true example: its secret is written anew with random characters
of the same kind. What is looked for is the longest run of letters and digits in it, so that half
a secret is found too, and no escaping changes it.
"""

import base64
import json
import random
import re
import string
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick, Implementation

from ingress.masking.detect import Detector
from ingress.masking.mask import Masker
from ingress.masking.rules import builtin_rules

LEAST_RUN = 14
_RUN = re.compile(r"[A-Za-z0-9]+")
_CLASSES = ("0123456789abcdef", "0123456789ABCDEF")
_ROUNDS = 12
_BARE_SHARE = 0.5  # without the words around it, where it is known by itself


class Canary(NamedTuple):
    """A fabricated secret in its text, and the run of it that must be seen nowhere."""

    rule_id: str
    text: str
    run: str

    @property
    def is_token(self) -> bool:
        """Whether it can stand in a path or a header without any escape."""
        return bool(re.fullmatch(r"[A-Za-z0-9_.-]{16,200}", self.text))

    @property
    def is_line(self) -> bool:
        """Whether it can stand in a header: short, printable, one line."""
        text = self.text
        return len(text) <= 180 and text.isascii() and text.isprintable() and text.strip() == text


def fabricate(seed: int, count: int) -> list[Canary]:
    """Return canaries of as many kinds as tier 1 masks, the same for each seed.

    Each of them is one that the masker masks, alone and within JSON within JSON. How many secrets
    the rules know is tested elsewhere; here, that nothing gets around the masker.
    """
    chance = random.Random(seed)
    masker = Masker(Detector(builtin_rules(), engine="portable"), bytes(32))
    rules = [rule for rule in builtin_rules().rules if rule.tier == 1]
    found: dict[str, Canary] = {}
    for _ in range(_ROUNDS):
        for rule in rules:
            for example in rule.true_examples:
                canary = _vary(masker, rule.rule_id, example, chance)
                if canary:
                    found.setdefault(canary.run, canary)
                if len(found) == count:
                    return list(found.values())
    raise AssertionError(f"only {len(found)} canaries could be made")


def _vary(masker: Masker, rule_id: str, example: str, chance: random.Random) -> Canary | None:
    """Return the example with another secret, or None if that is no longer one."""
    _, findings = masker.mask(example)
    if not findings or not findings[0].placeholder:
        return None
    start, end = findings[0].start, findings[0].end
    runs = [(m.start() + start, m.end() + start) for m in _RUN.finditer(example[start:end])]
    first, last = max(runs, key=lambda run: run[1] - run[0], default=(0, 0))
    # The beginning of a run may be what the rule knows it by.
    first += min(6, max(last - first - LEAST_RUN, 0))
    if last - first < LEAST_RUN:
        return None
    fresh = _another(example[first:last], chance)
    whole = example[:first] + fresh + example[last:]
    bare = whole[start:end]
    texts = [bare, whole] if chance.random() < _BARE_SHARE else [whole]
    text = next((text for text in texts if _masked_everywhere(masker, text, fresh)), "")
    return Canary(rule_id, text, fresh) if text else None


def _masked_everywhere(masker: Masker, text: str, run: str) -> bool:
    inner = json.dumps({"text": text})
    outer = json.dumps({"in": inner})
    return not any(run in masker.mask(each)[0] for each in (text, inner, outer))


def _another(run: str, chance: random.Random) -> str:
    """Return a run of the same form: hexadecimal stays so, a letter's case too."""
    for alphabet in _CLASSES:
        if set(run) <= set(alphabet):
            return "".join(chance.choice(alphabet) for _ in run)
    classes = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
    return "".join(chance.choice(next(each for each in classes if c in each)) for c in run)


class Scanner:
    """Looks for texts in clear, in base64 at any offset, and in hexadecimal."""

    def __init__(self, runs: Iterable[str]) -> None:
        self._patterns: dict[bytes, str] = {}
        for run in runs:
            data = run.encode()
            for form in (data, data.hex().encode(), data.hex().upper().encode()):
                self._patterns[form] = run
            for offset in range(3):
                self._patterns[_base64_within(data, offset)] = run
        self._found_by = list(self._patterns.values())
        self._automaton = BytesAhoCorasick(
            list(self._patterns), implementation=Implementation.ContiguousNFA
        )

    def found(self, data: bytes) -> set[str]:
        """Return what stands in the data, in any of the forms."""
        hits = self._automaton.find_matches_as_indexes(data, overlapping=True)
        return {self._found_by[hit[0]] for hit in hits}

    def found_below(self, folder: Path) -> dict[str, set[str]]:
        """Return what stands in any file of a folder, by file; a file may vanish meanwhile."""
        return {
            str(path.relative_to(folder)): hits
            for path, data in _files(folder)
            if (hits := self.found(data))
        }


def _files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file():
                yield path, path.read_bytes()
        except FileNotFoundError:
            continue


def _base64_within(data: bytes, offset: int) -> bytes:
    """Return the characters that any base64 text has in it which holds the data at an offset."""
    # Characters that other bytes take part in are left out.
    whole = base64.b64encode(bytes(offset) + data)
    first = -(-offset * 8 // 6)
    return whole[first : (offset + len(data)) * 8 // 6]
