"""Measure the masker on clean code: block MB/s, microseconds a delta, milliseconds a 100 KiB prompt.

Run: python tests/bench/masking_bench.py [--rules FILE]. Texts are the sources of this Python's
standard library, 8 KiB a message for the block figure, 4 to 60 characters a delta for streams.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ingress.masking.detect import Detector
from ingress.masking.mask import Masker
from ingress.masking.rules import builtin_rules, load_rules

KEY = b"benchmark-key-of-32-bytes-------"
MESSAGE_CHARACTERS = 8192
TEXT_CHARACTERS = 4_000_000


def say(text: str = "", end: str = "\n") -> None:
    sys.stdout.write(text + end)


def clean_text() -> str:
    pieces: list[str] = []
    size = 0
    for path in sorted(Path(statistics.__file__).parent.rglob("*.py")):
        if "test" in path.parts or "site-packages" in path.parts:
            continue
        text = path.read_text("utf-8", "ignore")
        pieces.append(text)
        size += len(text)
        if size > TEXT_CHARACTERS:
            break
    return "".join(pieces)


def deltas(text: str, sizes: tuple[int, ...]) -> list[str]:
    found, at, turn = [], 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        found.append(text[at : at + size])
        at, turn = at + size, turn + 1
    return found


def measure(name: str, masker: Masker, text: str) -> None:
    messages = deltas(text, (MESSAGE_CHARACTERS,))
    started = time.perf_counter()
    findings = sum(len(masker.mask(message)[1]) for message in messages)
    block = len(text) / (time.perf_counter() - started) / 1e6

    prompts = deltas(text, (102_400,))[:-1]
    times = []
    for prompt in prompts:
        started = time.perf_counter()
        masker.mask(prompt)
        times.append((time.perf_counter() - started) * 1e3)

    say(f"{name}: block {block:.0f} MB/s, {findings} findings; 100 KiB prompt", end=" ")
    say(f"p50 {statistics.median(times):.2f} ms, worst {max(times):.2f} ms", end="; ")
    for label, sizes in (("20-60 characters", (20, 33, 47, 60)), ("tokens", (4, 2, 6, 1, 5))):
        stream = masker.stream()
        costs, held, feeds = [], 0, 0
        for delta in deltas(text[:400_000], sizes):
            started = time.perf_counter()
            stream.feed(delta)
            costs.append((time.perf_counter() - started) * 1e6)
            held += stream.held
            feeds += 1
        stream.finish()
        costs.sort()
        p99 = costs[len(costs) * 99 // 100]
        mean = sum(costs) / len(costs)
        say(f"delta of {label} {mean:.1f} us (p99 {p99:.1f}), held {held / feeds:.1f}", end="; ")
    say()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=Path)
    parser.add_argument("--tier2", default="audit", choices=("mask", "audit", "off"))
    options = parser.parse_args()
    if options.rules:
        rules = load_rules(options.rules.read_text("utf-8"), options.rules.name)
    else:
        rules = builtin_rules()
    text = clean_text()
    say(
        f"{len(rules.rules)} rules, {len(text) / 1e6:.1f} MB of clean code, tier 2 {options.tier2}"
    )
    for engine in ("vectorscan", "portable"):
        started = time.perf_counter()
        detector = Detector(rules, engine=engine)  # type: ignore[arg-type]  # both are engines
        build = time.perf_counter() - started
        say(f"  built in {build:.2f} s")
        measure(engine, Masker(detector, KEY, tier2=options.tier2), text)


if __name__ == "__main__":
    main()
