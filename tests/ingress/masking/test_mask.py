import re

import pytest

from ingress.masking.detect import Detector
from ingress.masking.mask import Masker, Tier2
from ingress.masking.rules import builtin_rules

KEY = b"a tenant's fingerprint key"
GITHUB = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3hJ6"
LITERAL = 'password = "Tr0ub4dor&3-horse"'
DETECTOR = Detector(builtin_rules())


def masker(tier2: Tier2 = "audit", key: bytes = KEY) -> Masker:
    return Masker(DETECTOR, key, tier2=tier2)


def test_clean_text_comes_back_as_the_same_object() -> None:
    text = "def f(x):\n    return x + 1\n" * 100

    masked, findings = masker().mask(text)

    assert masked is text
    assert findings == ()


def test_secret_is_replaced_by_a_placeholder_of_plain_characters() -> None:
    masked, (finding,) = masker().mask(f"export GH={GITHUB}\n")

    assert re.fullmatch(r"export GH=REDACTED_GITHUB_PAT_[A-Z2-7]{10}\n", masked)
    assert finding.placeholder in masked
    assert (finding.rule_id, finding.tier) == ("github-pat", 1)
    assert (finding.start, finding.end) == (10, 50)
    assert re.fullmatch("[0-9a-f]{64}", finding.fingerprint)


def test_finding_never_holds_the_value() -> None:
    _, (finding,) = masker().mask(GITHUB)

    assert GITHUB not in repr(finding)


def test_equal_secrets_get_equal_placeholders_under_one_key_only() -> None:
    one, other = masker().mask(f"a {GITHUB}")[0][2:], masker().mask(f"b: {GITHUB}")[0][3:]
    foreign = masker(key=b"another tenant's own key").mask(f"a {GITHUB}")[0][2:]

    assert one == other
    assert one != foreign


def test_masking_twice_changes_nothing() -> None:
    text = f'api_key = "{GITHUB}"\n{LITERAL}\nhttps://bob:s3cr3tPa55@db.test/x'

    once, _ = masker("mask").mask(text)

    assert masker("mask").mask(once)[0] is once


def test_every_other_occurrence_is_masked_before_and_after() -> None:
    text = "s3cr3tPa55word x\nhttps://bob:s3cr3tPa55word@db.test/\ny s3cr3tPa55word"

    masked, findings = masker().mask(text)

    assert "s3cr3tPa55word" not in masked
    assert len({finding.fingerprint for finding in findings}) == 1
    assert len(findings) == 3


@pytest.mark.parametrize(
    ("tier2", "masked", "count"), [("mask", True, 1), ("audit", False, 1), ("off", False, 0)]
)
def test_generic_finding_is_masked_recorded_or_ignored(
    tier2: Tier2, masked: bool, count: int
) -> None:
    text, findings = masker(tier2).mask(LITERAL)

    assert ("Tr0ub4dor" not in text) is masked
    assert len(findings) == count
    assert all(bool(finding.placeholder) is masked for finding in findings)


def test_audited_text_is_untouched() -> None:
    assert masker("audit").mask(LITERAL)[0] is LITERAL


def test_specific_rule_names_what_a_generic_one_also_finds() -> None:
    _, findings = masker("mask").mask(f'api_token = "{GITHUB}"')

    assert [finding.rule_id for finding in findings] == ["github-pat"]


@pytest.mark.parametrize("ending", ["", "\n-----END RSA PRIVATE KEY-----"])
def test_private_key_is_masked_as_one_block(ending: str) -> None:
    body = "\n".join("MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn" + "x9Y2k" * 6 + str(n) for n in range(20))
    text = f"before\n-----BEGIN RSA PRIVATE KEY-----\n{body}{ending}\nafter it"

    masked, findings = masker().mask(text)

    assert re.fullmatch(r"before\nREDACTED_PRIVATE_KEY_[A-Z2-7]{10}\nafter it", masked)
    assert len(findings) == 1


def test_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Masker(DETECTOR, b"short")
