import pytest

from ingress.errors import PolicyError
from ingress.policy.document import Reader, hint


def read(text):
    reader = Reader("f.yaml", text)
    return reader, reader.root()


def test_reader_without_problems_raises_nothing():
    reader, root = read("a: 1\n")

    assert reader.integer(reader.mapping(root, ["a"])["a"], 1, 9) == 1
    reader.finish()


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("2m", 120), ("24h", 86_400), ("7d", 604_800)]
)
def test_duration_is_read_in_seconds(text, seconds):
    reader, root = read(text)

    assert reader.duration_seconds(root) == seconds


@pytest.mark.parametrize("text", ["0s", "90", "1.5h", "-1s", "1w", "99999999s"])
def test_other_durations_are_problems(text):
    reader, root = read(text)
    reader.duration_seconds(root)

    with pytest.raises(PolicyError, match="is not a duration"):
        reader.finish()


def test_words_that_yaml_takes_for_truths_stay_words():
    reader, root = read("on: off\n")

    assert reader.choice(reader.mapping(root, ["on"])["on"], ("off", "audit")) == "off"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("value", "1:3"),
        ("'value'", "1:4"),
        ("|\n  value\n", "2:5"),
        ("'va''e'", "1:1"),
        (">\n  value\n  more\n", "1:1"),
    ],
    ids=["plain", "quoted", "block", "escaped", "folded"],
)
def test_place_within_a_value_is_that_of_the_file(text, place):
    reader, root = read(text)
    reader.note_within(root, 1, 3, "here")

    with pytest.raises(PolicyError, match=f"^f.yaml:{place}: here$"):
        reader.finish()


def test_hint_is_given_for_near_misses_only():
    assert hint("efect", ("effect", "on")) == " (did you mean 'effect'?)"
    assert hint("xyz", ("effect", "on")) == ""
