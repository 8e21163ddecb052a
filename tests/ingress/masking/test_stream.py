import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.masking.detect import Detector
from ingress.masking.mask import Finding, Masker
from ingress.masking.rules import builtin_rules, load_rules
from ingress.masking.stream import HOLD_CHARACTERS

KEY = b"a tenant's fingerprint key"
GITHUB = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3hJ6"
CORPUS = Path(__file__).resolve().parents[4] / "shared" / "secrets" / "gitleaks.jsonl"
MASKERS = {
    "mask": Masker(Detector(builtin_rules()), KEY, tier2="mask"),
    "audit": Masker(Detector(builtin_rules()), KEY),
}
EXAMPLES = [
    text for rule in builtin_rules().rules for text in rule.true_examples + rule.false_examples
]
FILLERS = [
    "\n", " ", "def f(x):\n    return x\n", "été ", "日本", "\\", '\\"', "-", "sk-", "ey", "://",
    "password = ", "key: ", "\\n", "AKIA", "-----BEGIN", "REDACTED_", "😀",
]  # fmt: skip


def streamed(masker: Masker, pieces: list[str]) -> tuple[str, list[Finding]]:
    stream = masker.stream()
    out = [stream.feed(piece) for piece in pieces]
    return "".join([*out, stream.finish()]), stream.findings


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize("mode", ["mask", pytest.param("audit", marks=pytest.mark.slow)])
@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.slow), 4, 13])
def test_every_rules_examples_stream_as_they_mask(mode: str, size: int) -> None:
    masker = MASKERS[mode]
    for text in EXAMPLES[:: 4 if size == 1 else 1]:  # one character at a time is slow
        masked, findings = masker.mask(text, encoded=False)

        assert streamed(masker, cut(text, size)) == (masked, list(findings)), text


@pytest.mark.parametrize("text", EXAMPLES[:: len(EXAMPLES) // 40])
def test_result_is_the_same_for_every_split_position(text: str) -> None:
    masker = MASKERS["mask"]
    whole = f"first {text} last\n"
    masked, _ = masker.mask(whole, encoded=False)

    for at in range(len(whole) + 1):
        assert streamed(masker, [whole[:at], whole[at:]])[0] == masked


@settings(max_examples=150, deadline=None)
@given(
    # Each but once: a value that shows itself only later cannot be masked where it stood before.
    parts=st.lists(
        st.one_of(st.sampled_from(EXAMPLES), st.sampled_from(FILLERS)), max_size=6, unique=True
    ),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8),
)
def test_result_is_the_same_for_any_split_of_any_mixture(
    parts: list[str], sizes: list[int]
) -> None:
    masker = MASKERS["mask"]
    text = "\n".join(parts)
    pieces, at, turn = [], 0, 0
    while at < len(text):
        pieces.append(text[at : at + sizes[turn % len(sizes)]])
        at, turn = at + len(pieces[-1]), turn + 1

    assert streamed(masker, pieces)[0] == masker.mask(text, encoded=False)[0]


def test_corpus_of_others_streams_as_it_masks() -> None:
    if not CORPUS.is_file():
        pytest.skip("../shared/secrets/gitleaks.jsonl is not here")
    masker = MASKERS["audit"]
    lines = CORPUS.read_text("utf-8").splitlines()[::40]

    for line in lines:
        text = json.loads(line)["text"]
        assert streamed(masker, cut(text, 4))[0] == masker.mask(text, encoded=False)[0]


def test_clean_text_is_released_at_once() -> None:
    stream = MASKERS["audit"].stream()
    text = "The quick brown fox jumps over the lazy dog.\n"

    assert stream.feed(text) == text
    assert stream.held == 0


def test_no_part_of_a_secret_is_released() -> None:
    stream = MASKERS["audit"].stream()

    out = [stream.feed(char) for char in f"see {GITHUB}"]

    assert "".join(out) == "see "
    assert stream.held == len(GITHUB)
    assert GITHUB not in stream.finish()


def test_value_that_was_found_is_masked_when_it_comes_again() -> None:
    text = "https://bob:s3cr3tPa55word@db.test/ then s3cr3tPa55word, s3cr3tPa55wor."

    out, findings = streamed(MASKERS["audit"], cut(text, 3))

    assert "s3cr3tPa55word" not in out
    assert out.endswith("s3cr3tPa55wor.")
    assert len(findings) == 2


def test_private_key_is_swallowed_while_it_arrives() -> None:
    body = "\\n".join("MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn" + "x9Y2k" * 6 + str(n) for n in range(50))
    text = f'{{"key": "-----BEGIN PRIVATE KEY-----\\n{body}\\n-----END PRIVATE KEY-----\\n"}}'

    out, findings = streamed(MASKERS["audit"], cut(text, 5))

    assert out == MASKERS["audit"].mask(text)[0]
    assert "MIIE" not in out
    assert len(findings) == 1


def test_secret_that_never_ends_is_held_within_bounds_and_masked() -> None:
    stream = MASKERS["audit"].stream()
    out, most = [], 0
    for _ in range(4000):
        out.append(
            stream.feed(
                "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0NTY3ODkw." if not out else "aB3dE6gH9j"
            )
        )
        most = max(most, stream.held)
    out.append(stream.finish())

    assert most <= HOLD_CHARACTERS + HOLD_CHARACTERS // 8
    assert "aB3dE6gH9j" not in "".join(out)


def test_users_rule_without_keywords_streams_as_it_masks() -> None:
    rules = load_rules('[[rules]]\nid = "k"\nregex = "(?i)[a-f]{4}(-[0-9]{6}\\\\b)"', "own.toml")
    masker = Masker(Detector(rules, engine="portable"), KEY)
    text = "abcd-123456 abcd-1234567 ABCD-654321"

    for size in (1, 2, 5):
        assert streamed(masker, cut(text, size))[0] == masker.mask(text, encoded=False)[0]
