import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.masking.detect import Detector
from ingress.masking.mask import Masker
from ingress.masking.pii import PII_KINDS, PiiKind, pii_rules
from ingress.masking.rules import load_rules

OWN = load_rules('[[rules]]\nid = "k"\nregex = "key-[a-z]{8}"\nkeywords = ["key-"]', "own.toml")
KEY = b"a tenant's fingerprint key"
MASKER = Masker(Detector(OWN), KEY, pii=PII_KINDS)

# Public samples: test cards of payment providers, IBANs of the registry's examples, BIP 173's and
# BIP 350's test vectors, Bitcoin's first block, documentation addresses of RFC 5737 and RFC 3849.
TRUE: list[tuple[PiiKind, str]] = [
    ("email", "jane.doe+list@mail.example.co.uk"),
    ("card", "4111 1111 1111 1111"),
    ("card", "378282246310005"),
    ("card", "5555-5555-5555-4444"),
    ("card", "6304000000000000000"),
    ("iban", "GB82 WEST 1234 5698 7654 32"),
    ("iban", "DE89370400440532013000"),
    ("iban", "NO9386011117947"),
    ("ssn", "536-90-4399"),
    ("ip", "192.0.2.44"),
    ("ip", "2001:db8::8a2e:370:7334"),
    ("crypto", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ("crypto", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
    ("crypto", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
]
FALSE: list[tuple[PiiKind, str]] = [
    ("email", "user@localhost"),
    ("email", "@decorator.name"),
    ("email", "a..b@mail.test"),
    ("card", "4111 1111 1111 1112"),
    ("card", "1111 1111 1111 1111"),
    ("card", "1700000000000"),
    ("iban", "GB82 WEST 1234 5698 7654 33"),
    ("iban", "DE8937040044053201300"),
    ("iban", "QQ89370400440532013000"),
    ("ssn", "000-12-3456"),
    ("ssn", "666-12-3456"),
    ("ssn", "078-05-1120"),
    ("ip", "127.0.0.1"),
    ("ip", "1.2.3.4.5"),
    ("ip", "999.1.1.1"),
    ("ip", "std::vector"),
    ("crypto", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"),
    ("crypto", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"),
    ("crypto", "bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
]


@pytest.mark.parametrize(("kind", "value"), TRUE)
def test_personal_datum_is_masked_whole(kind: PiiKind, value: str) -> None:
    masked, (finding,) = MASKER.mask(f"see {value}, thanks")

    assert masked == f"see {finding.placeholder}, thanks"
    assert finding.rule_id == f"pii-{kind}"
    assert finding.tier == 1


@pytest.mark.parametrize(("kind", "value"), FALSE)
def test_what_fails_its_check_stays(kind: PiiKind, value: str) -> None:
    text = f"see {value}, thanks"

    assert MASKER.mask(text) == (text, ())
    assert pii_rules((kind,)).rules


def test_number_after_a_card_hides_it_not() -> None:
    masked, _ = MASKER.mask("4111 1111 1111 1111 000-12-3456")

    assert "4111" not in masked


def test_only_the_kinds_that_are_asked_for_are_masked() -> None:
    text = "jane@mail.test pays with 4111111111111111"

    masked, (finding,) = Masker(Detector(OWN), KEY, pii=("card",)).mask(text)

    assert masked == f"jane@mail.test pays with {finding.placeholder}"


def test_without_being_asked_nothing_personal_is_masked() -> None:
    text = "jane@mail.test pays with 4111111111111111"

    assert Masker(Detector(OWN), KEY).mask(text)[0] is text


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="postcode"):
        pii_rules(("postcode",))


@pytest.mark.parametrize("size", [1, 4, 99])
def test_values_that_one_character_parts_are_all_masked(size: int) -> None:
    text = "192.0.2.1 192.0.2.2 192.0.2.3,192.0.2.4 2001:db8::8a2e:370:7334 192.0.2.5"
    stream = MASKER.stream()

    masked = "".join([*(stream.feed(text[a : a + size]) for a in range(0, len(text), size))])
    masked += stream.finish()

    assert masked == MASKER.mask(text)[0]
    assert "192" not in masked
    assert masked.count("REDACTED_PII_IP_") == 6


PARTS = [value for _, value in TRUE + FALSE] + [" ", ",", "key-abcdefgh", "x", "\n", "1", "."]


@settings(max_examples=100, deadline=None)
@given(parts=st.lists(st.sampled_from(PARTS), max_size=7), size=st.integers(1, 13))
def test_stream_masks_personal_data_as_the_whole(parts: list[str], size: int) -> None:
    text = " ".join(parts)
    stream = MASKER.stream()

    out = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]

    assert "".join([*out, stream.finish()]) == MASKER.mask(text, encoded=False)[0]
