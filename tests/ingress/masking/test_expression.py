import pytest
import re2  # type: ignore[import-untyped]

from ingress.masking.expression import ExpressionError, unfinished


def begins(source: str, text: str, keywords: tuple[str, ...] = ()) -> int | None:
    found = re2.search(unfinished(source, 0, keywords).source, text)
    if not found:
        return None
    groups = [found.start(i) for i in range(1, found.re.groups + 1)]
    return min((at for at in groups if at >= 0), default=found.start())


@pytest.mark.parametrize(
    ("source", "text", "at"),
    [
        ("ghp_[a-z]{4}", "see gh", 4),
        ("ghp_[a-z]{4}", "see ghp_ab", 4),
        ("ghp_[a-z]{4}", "see ghp_abcd", None),
        ("ghp_[a-z]{4,}", "see ghp_abcdef", 4),
        ("ghp_[a-z]{4}", "see ghq", None),
        ("key=([0-9]{4})(?:;|$)", "a key=12", 6),
        ("key=([0-9]{4})(?:;|$)", "a key=1234", 6),
        ("key=([0-9]{4})(?:;|$)", "a key=1234;", None),
        ("(?i)KEY=(a|bc)", "key=B", 4),
        ("x(?:a+b)*y", "xaabaa", 0),
        ("(?:https://)?hook[0-9]", "see https:", 4),
        ("(?:https://)?hook[0-9]", "see https://", 4),
        ("(?:https://)?hook[0-9]", "see ho", 4),
        (r"[\]\[^a]z(?:[[:digit:]]){2}", "]z1", 0),
        (r"(?P<n>\x41\.{2})b", "A.", 0),
        ('a="(?:([0-9]{2})"|([a-z]{2})")', 'a="xy', 3),
        ('a="(?:([0-9]{2})"|([a-z]{2})")', 'a="xy"', None),
    ],
)
def test_unfinished_match_is_seen_from_where_its_secret_begins(
    source: str, text: str, at: int | None
) -> None:
    found = begins(source, text)

    assert (found if found != len(text) else None) == at


def test_keyword_before_the_secret_needs_no_tails() -> None:
    derived = unfinished("(?i)[a-z]{0,9}acme=([0-9]{4})", 0, ("acme",))

    assert not derived.tails
    assert not derived.late


def test_beginnings_of_a_token_are_tails() -> None:
    derived = unfinished("(?:ghp|gho)_[a-z]{4}", 0, ("ghp_", "gho_"))

    assert {"g", "gh", "ghp", "gho", "ghp_"} <= derived.tails


def test_secret_that_may_begin_anywhere_is_late() -> None:
    assert unfinished("[a-z]{4}-acme", 0, ("acme",)).late


@pytest.mark.parametrize("source", ["(a", "a)", r"\Qa\E", "(?<!a)b"])
def test_unknown_syntax_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError):
        unfinished(source, 0, ())
