"""Measure what the masker finds: recall, false findings and whole values, however the text comes.

Run: python tests/bench/masking_accuracy.py CORPUS.jsonl [--rules FILE]
     python tests/bench/masking_accuracy.py --clean DIRECTORY... (or nothing: this Python's library)

A corpus holds one record a line: ``text``, ``is_secret``, ``spans`` of values, perhaps ``path``. A
record counts as found when the text changes, as leaked when a value of 6 characters or more stands
in it still. Each line of the table is one way to feed the text: whole, in deltas, escaped as JSON
once and twice. Clean files are counted in findings per megabyte; files over 3 MB are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ingress.masking.detect import Detector
from ingress.masking.mask import Masker
from ingress.masking.rules import builtin_rules, load_rules

KEY = b"benchmark-key-of-32-bytes-------"
LEAST_VALUE = 6
LARGEST_FILE = 3_000_000
KINDS = (".py", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".json", ".md")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def whole(masker: Masker, text: str, _: str | None) -> str:
    return masker.mask(text)[0]


def deltas(size: int) -> Callable[[Masker, str, str | None], str]:
    def feed(masker: Masker, text: str, _: str | None) -> str:
        stream = masker.stream()
        out = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]
        return "".join([*out, stream.finish()])

    return feed


def escaped(text: str, times: int) -> str:
    for _ in range(times):
        text = json.dumps(text, ensure_ascii=False)[1:-1]
    return text


WAYS: tuple[tuple[str, int, Callable[[Masker, str, str | None], str]], ...] = (
    ("whole", 0, whole),
    ("1-character deltas", 0, deltas(1)),
    ("4-character deltas", 0, deltas(4)),
    ("13-character deltas", 0, deltas(13)),
    ("JSON", 1, whole),
    ("JSON in JSON", 2, whole),
)


def measure_corpus(path: Path, maskers: dict[str, Masker]) -> None:
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    say("| fed | tiers masked | recall | found, yet a value leaks | false findings |")
    say("|---|---|---|---|---|")
    for name, times, mask in WAYS:
        for tiers, masker in maskers.items():
            counts: Counter[str] = Counter()
            for record in records:
                text = escaped(record["text"], times)
                out = mask(masker, text, record.get("path"))
                kind = "secret" if record["is_secret"] else "clean"
                counts[kind] += 1
                counts[f"{kind} found"] += out != text
                values = [escaped(record["text"][s:e], times) for s, e in record["spans"]]
                leaks = any(len(value) >= LEAST_VALUE and value in out for value in values)
                counts["leaks"] += record["is_secret"] and out != text and leaks
            recall = counts["secret found"] / max(counts["secret"], 1)
            false = counts["clean found"] / max(counts["clean"], 1)
            say(f"| {name} | {tiers} | {recall:.4f} | {counts['leaks']} | {false:.4f} |")


def measure_clean(roots: Iterable[Path], detector: Detector) -> None:
    for root in roots:
        size = 0
        found: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        for path in root.rglob("*"):
            if path.suffix not in KINDS or not path.is_file() or "test" in path.parts:
                continue
            text = path.read_text("utf-8", "ignore")
            if "site-packages" in path.parts or len(text) > LARGEST_FILE:
                continue
            size += len(text)
            for span in detector.scan(text):
                found[span.tier - 1][span.rule_id] += 1
        one, two = (sum(counter.values()) * 1e6 / max(size, 1) for counter in found)
        say(f"{root.name}: {size / 1e6:.1f} MB, tier 1 {one:.2f}, tier 2 {two:.2f} findings a MB")
        say(f"  {dict(found[0].most_common(5))} {dict(found[1].most_common(5))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--rules", type=Path)
    parser.add_argument("--clean", type=Path, nargs="*")
    options = parser.parse_args()
    rules = builtin_rules()
    if options.rules:
        rules = load_rules(options.rules.read_text("utf-8"), options.rules.name)
    detector = Detector(rules)
    if options.corpus:
        maskers = {
            "1": Masker(detector, KEY),
            "1 and 2": Masker(detector, KEY, tier2="mask"),
        }
        measure_corpus(options.corpus, maskers)
    else:
        measure_clean(options.clean or [Path(sysconfig.get_path("stdlib"))], detector)


if __name__ == "__main__":
    main()
