from datetime import date

import pytest

from ingress.masking.allow import Allow
from ingress.masking.detect import Detector
from ingress.masking.mask import Masker
from ingress.masking.rules import load_rules

KEY = b"a tenant's fingerprint key"
RULES = load_rules(
    '[[rules]]\nid = "one"\nregex = "key-([a-z]{8})"\nkeywords = ["key-"]\n'
    '[[rules]]\nid = "two"\nregex = "key-(abc[a-z]{5})"\nkeywords = ["key-"]\n',
    "own.toml",
)
DETECTOR = Detector(RULES, engine="portable")
LAST_DAY = date(2027, 1, 31)
TEXT = "key-abcdefgh key-zyxwvuts"


def masker(*allow: Allow, today: date = LAST_DAY) -> Masker:
    return Masker(DETECTOR, KEY, allow=allow, today=lambda: today)


def fingerprint(text: str) -> str:
    return Masker(DETECTOR, KEY).mask(text)[1][0].fingerprint


def streamed(one: Masker, text: str) -> str:
    stream = one.stream()
    return "".join([*(stream.feed(char) for char in text), stream.finish()])


def test_value_passes_by_its_fingerprint_everywhere() -> None:
    allow = Allow("sample of the manual", LAST_DAY, fingerprint=fingerprint("key-abcdefgh"))

    masked, findings = masker(allow).mask(f"{TEXT} abcdefgh")

    assert masked.startswith("key-abcdefgh key-REDACTED_ONE_")
    assert masked.endswith(" abcdefgh")
    assert len(findings) == 1
    assert streamed(masker(allow), TEXT) == masker(allow).mask(TEXT)[0]


def test_rule_that_passes_leaves_the_other_rules() -> None:
    allow = Allow("known noise", LAST_DAY, rule="one")

    masked, findings = masker(allow).mask(TEXT)

    assert [finding.rule_id for finding in findings] == ["two"]
    assert masked.endswith("key-zyxwvuts")
    assert streamed(masker(allow), TEXT) == masked


@pytest.mark.parametrize(
    ("path", "passes"), [("tests/data/a.txt", True), ("src/a.txt", False), (None, False)]
)
def test_path_passes_where_it_is_known(path: str | None, passes: bool) -> None:
    allow = Allow("made-up data", LAST_DAY, path="tests/*")

    assert (masker(allow).mask(TEXT, path=path)[0] == TEXT) is passes


def test_all_that_is_given_must_agree() -> None:
    allow = Allow("sample", LAST_DAY, rule="two", path="tests/*")

    assert len(masker(allow).mask(TEXT, path="src/a")[1]) == 2
    assert len(masker(allow).mask(TEXT, path="tests/a")[1]) == 2  # rule "one" finds it as well
    assert [f.rule_id for f in masker(allow).mask(TEXT, path="tests/a")[1]] == ["one", "one"]


def test_allowance_counts_on_its_last_day_and_not_after() -> None:
    allow = Allow("until the rotation", LAST_DAY, rule="one")

    assert len(masker(allow, today=LAST_DAY).mask(TEXT)[1]) == 1
    assert len(masker(allow, today=date(2027, 2, 1)).mask(TEXT)[1]) == 2


@pytest.mark.parametrize(
    ("reason", "fields"),
    [(" ", {"rule": "one"}), ("why", {}), ("why", {"fingerprint": "the secret itself"})],
)
def test_useless_allowance_is_refused(reason: str, fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"needs|hex"):
        Allow(reason, LAST_DAY, **fields)


def test_allowances_need_a_day() -> None:
    with pytest.raises(ValueError, match="day"):
        Masker(DETECTOR, KEY, allow=[Allow("why", LAST_DAY, rule="one")])
