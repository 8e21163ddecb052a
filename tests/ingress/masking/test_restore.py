from hypothesis import given
from hypothesis import strategies as st

from ingress.masking.detect import Detector
from ingress.masking.mask import Masker
from ingress.masking.restore import Restorer
from ingress.masking.rules import load_rules

RULE = '[[rules]]\nid = "key"\nregex = "key-([a-z]{8})"\nkeywords = ["key-"]\nmax_length = 20\n'
MASKER = Masker(Detector(load_rules(RULE, "own.toml"), engine="portable"), b"a tenant's key of 16+")
ONE, TWO, LONGER = "REDACTED_KEY_AAAAAAAAAA", "REDACTED_KEY_BBBBBBBBBB", "REDACTED_KEY_AAAAAAAAAA_2"
VAULT = {ONE: "first", TWO: "", LONGER: f"says {TWO}"}
PARTS = [ONE, TWO, LONGER, "REDACTED_", "REDACTED_KEY_", "RE", "R", "_", "text ", "\n", "é"]


def restored(restorer: Restorer, pieces: list[str]) -> str:
    stream = restorer.stream()
    return "".join([*(stream.feed(piece) for piece in pieces), stream.finish()])


def test_masked_text_comes_back_as_it_was() -> None:
    text = "a key-abcdefgh, b key-hgfedcba, again abcdefgh"
    vault: dict[str, str] = {}

    masked, _ = MASKER.mask(text, vault=vault)

    assert "abcdefgh" not in masked
    assert sorted(vault.values()) == ["abcdefgh", "hgfedcba"]
    assert Restorer(vault).restore(masked) == text


def test_vaults_of_several_texts_are_one() -> None:
    vault: dict[str, str] = {}

    MASKER.mask("key-abcdefgh", vault=vault)
    MASKER.mask("key-hgfedcba key-abcdefgh", vault=vault)

    assert len(vault) == 2


def test_audited_value_does_not_enter_the_vault() -> None:
    rules = load_rules(RULE.replace("max_length", "tier = 2\nmax_length"), "own.toml")
    vault: dict[str, str] = {}

    Masker(Detector(rules), b"a tenant's key of 16+").mask("key-abcdefgh", vault=vault)

    assert vault == {}


def test_text_without_known_placeholders_is_the_same_object() -> None:
    text = "REDACTED_KEY_CCCCCCCCCC and more"

    assert Restorer(VAULT).restore(text) is text
    assert Restorer({}).restore(text) is text


def test_restored_value_is_not_restored_again() -> None:
    assert Restorer(VAULT).restore(f"{LONGER}.") == f"says {TWO}."


def test_only_a_possible_placeholder_is_held_back() -> None:
    stream = Restorer(VAULT).stream()

    assert stream.feed("plain text") == "plain text"
    assert stream.feed(" REDACTED_KEY_A") == " "
    assert stream.feed("AB") == "REDACTED_KEY_AAB"
    assert stream.held == 0


def test_hold_is_shorter_than_the_longest_placeholder() -> None:
    restorer = Restorer(VAULT)
    stream = restorer.stream()

    for char in f"{ONE}{LONGER}REDACTED_REDACTED_KEY_" * 20:
        stream.feed(char)
        assert stream.held < restorer.longest


def test_unfinished_placeholder_is_given_out_at_the_end() -> None:
    assert restored(Restorer(VAULT), ["so REDACTED_KEY_AAAAA"]) == "so REDACTED_KEY_AAAAA"


@given(
    parts=st.lists(st.sampled_from(PARTS), max_size=8),
    sizes=st.lists(st.integers(1, 9), max_size=6),
)
def test_any_split_restores_as_the_whole(parts: list[str], sizes: list[int]) -> None:
    text, pieces, at = "".join(parts), [], 0
    for turn in range(len(text)):
        size = sizes[turn % len(sizes)] if sizes else 1
        pieces.append(text[at : at + size])
        at += size

    assert restored(Restorer(VAULT), pieces) == Restorer(VAULT).restore(text)


@given(text=st.text("ab", max_size=14), names=st.sets(st.text("ab", min_size=1, max_size=4)))
def test_any_vault_restores_each_split_as_the_whole(text: str, names: set[str]) -> None:
    restorer = Restorer({name: f"<{name}>" for name in names})
    whole = restorer.restore(text)

    for at in range(len(text) + 1):
        assert restored(restorer, [text[:at], text[at:]]) == whole
