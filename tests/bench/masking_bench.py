"""Measure the masker on clean code: block MB/s, microseconds a delta, milliseconds a 100 KiB prompt.

Run: python tests/bench/masking_bench.py [--rules FILE]. Texts are the sources of this Python's
standard library, 8 KiB a message for the block figure, 4 to 60 characters a delta for streams.
Times are CPU time and the best of three rounds, as other programs run on the machine too.
"""

from __future__ import annotations

import argparse
import random
import statistics
import string
import sys
import time
from collections.abc import Callable
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


ROUNDS = 3


def best(run: Callable[[], object]) -> float:
    """Return the least CPU time of some rounds, in seconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    return min(times)


def many_secrets() -> str:
    """Return 110 KB with 1,000 different tokens, made from a fixed seed."""
    rng = random.Random(1)  # test data
    alphabet = string.ascii_letters + string.digits
    lines = []
    for number in range(1000):
        token = "".join(rng.choices(alphabet, k=36))
        lines.append(f'GITHUB_{number} = "ghp_{token}"  # {"x" * 45}\n')
    return "".join(lines)


def stream_all(masker: Masker, pieces: list[str]) -> None:
    stream = masker.stream()
    for piece in pieces:
        stream.feed(piece)
    stream.finish()


def measure(name: str, masker: Masker, text: str) -> None:
    messages = deltas(text, (MESSAGE_CHARACTERS,))
    block = len(text) / best(lambda: [masker.mask(message) for message in messages]) / 1e6
    prompts = deltas(text, (102_400,))[:-1]
    times = [best(lambda prompt=prompt: masker.mask(prompt)) * 1e3 for prompt in prompts]  # type: ignore[misc]
    say(
        f"{name}: block {block:.0f} MB/s; 100 KiB prompt p50 {statistics.median(times):.2f} ms,",
        " ",
    )
    say(f"worst {max(times):.2f} ms;", " ")
    for label, sizes in (("20-60 characters", (20, 33, 47, 60)), ("tokens", (4, 2, 6, 1, 5))):
        pieces = deltas(text[:400_000], sizes)
        cost = best(lambda pieces=pieces: stream_all(masker, pieces)) / len(pieces) * 1e6  # type: ignore[misc]
        held, arrived = 0, 0
        stream = masker.stream()
        for piece in pieces:
            stream.feed(piece)
            held += stream.held
            arrived += len(piece)
        delay = held / (arrived / len(pieces)) / len(pieces)
        say(f"delta of {label} {cost:.1f} us, delay {delay:.2f} deltas;", " ")
    secrets = many_secrets()
    say(
        f"1,000 secrets in {len(secrets) / 1e3:.0f} KB {best(lambda: masker.mask(secrets)) * 1e3:.0f} ms"
    )


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
    say(f"{len(rules.rules)} rules, {len(text) / 1e6:.1f} MB of clean code, tier 2 {options.tier2}")
    for engine in ("vectorscan", "portable"):
        started = time.process_time()
        detector = Detector(rules, engine=engine)
        build = time.process_time() - started
        say(f"  built in {build:.2f} s")
        measure(engine, Masker(detector, KEY, tier2=options.tier2), text)


if __name__ == "__main__":
    main()
