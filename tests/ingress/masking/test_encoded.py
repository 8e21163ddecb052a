import base64
import hashlib
import json

import pytest

from ingress.masking.detect import Detector
from ingress.masking.encoded import decoded_runs
from ingress.masking.mask import Masker
from ingress.masking.rules import load_rules

RULES = load_rules('[[rules]]\nid = "k"\nregex = "key-([a-z]{8})"\nkeywords = ["key-"]', "own.toml")
MASKER = Masker(Detector(RULES, engine="portable"), b"a tenant's fingerprint key")
PLAIN = "user: me\nvalue: key-abcdefgh\n"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def runs(text: str) -> list[str]:
    return [inner for _, _, inner in decoded_runs(text, text.encode())]


@pytest.mark.parametrize("before", ["", "data: ", "é ", "日本語=", 'x = "'])
def test_run_with_a_secret_is_masked_whole(before: str) -> None:
    masked, (finding,) = MASKER.mask(f"{before}{encoded(PLAIN)}\nrest")

    assert masked == f"{before}{finding.placeholder}\nrest"
    assert finding.rule_id == "k"


def test_base64_inside_base64_is_decoded_twice_and_no_further() -> None:
    twice = encoded(encoded(PLAIN))

    assert len(MASKER.mask(twice)[1]) == 1
    assert MASKER.mask(encoded(twice))[1] == ()


def test_run_behind_an_escape_leaves_the_escape() -> None:
    text = json.dumps({"content": f"first\n{encoded(PLAIN)}\n"})

    masked, (finding,) = MASKER.mask(text)

    assert json.loads(masked) == {"content": f"first\n{finding.placeholder}\n"}


def test_url_alphabet_is_read() -> None:
    text = base64.urlsafe_b64encode((PLAIN + "ü?>~" * 3).encode()).decode()

    assert len(MASKER.mask(text)[1]) == 1


@pytest.mark.parametrize(
    "text",
    [
        "aVeryLongNameOfAFunctionInSomeCode_thatGoesOnAndOn",
        "d41d8cd98f00b204e9800998ecf8427ed41d8cd98f00b204e9800998ecf8427e",
        base64.b64encode(hashlib.sha512(b"an image").digest()).decode(),
    ],
)
def test_names_digests_and_binary_are_not_decoded(text: str) -> None:
    assert runs(text) == []


def test_whole_text_without_looking_into_base64_equals_the_stream() -> None:
    text = encoded(PLAIN)
    stream = MASKER.stream()

    assert stream.feed(text) + stream.finish() == MASKER.mask(text, encoded=False)[0] == text
