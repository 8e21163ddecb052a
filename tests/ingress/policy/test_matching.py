"""The fast first match answers as CEL does of each condition alone."""

import random
from datetime import UTC, datetime

import pytest
from operations import operation

from ingress.policy import matching
from ingress.policy.conditions import EvaluationError, check_condition, evaluate
from ingress.policy.matching import FirstMatch

CONDITIONS = (
    "'a' in principal.groups",
    "!('a' in principal.groups)",
    "model == 'a' && stream",
    "model != 'a' && !stream",
    "model in ['a', 'b'] || size > 10",
    "!(model in ['a', 'b'] || repository.startsWith('a'))",
    "!(model == 'a' && (stream || size <= 5))",
    "repository.matches('^a+/b') && paths.exists(p, p.matches('b$'))",
    "repository.contains('a/') || repository.endsWith('b')",
    "paths.exists(p, p.startsWith('a') || p == 'b')",
    "!paths.exists(p, p.endsWith('b'))",
    "paths.exists(p, p.startsWith('a') && p.endsWith('b'))",
    "paths.all(p, p.contains('a')) && model == 'b'",
    "paths[1] == 'b'",
    "stream && paths[0] == 'ab'",
    "findings.size() == 1",
    "size % 2 == 0 && size < 8",
    "10 >= size && languages.exists(l, l in ['a', 'b'])",
    "time.getHours('Europe/Berlin') == 13",
    "model == 'a' ? stream : size > 5",
    "principal.kind == 'human' && !(stream) && model != repository",
    r"repository.matches(r'\Aa') || repository == 'a\'b'",
)
TEXTS = ("", "a", "b", "ab", "a/b", "aa/bb", "b/a", "a'b")


def anything(dice):
    def some():
        return tuple(dice.choice(TEXTS) for _ in range(dice.randrange(3)))

    return operation(
        principal_groups=some(),
        model=dice.choice(TEXTS),
        repository=dice.choice(TEXTS),
        paths=some(),
        languages=some(),
        findings=some(),
        stream=dice.random() < 0.5,
        size_bytes=dice.randrange(15),
        at=datetime(2026, 11, 20, dice.randrange(24), tzinfo=UTC),
    )


def slowly(conditions, asked):
    for index, condition in enumerate(conditions):
        value = evaluate(condition, asked).value
        if value is not False:
            return index if value else ("error", index)
    return None


def quickly(match, asked):
    try:
        return match.first_match(asked)
    except EvaluationError as error:
        return ("error", error.index)


@pytest.mark.parametrize("seed", range(6))
def test_first_match_is_what_cel_says_of_each_condition_alone(seed):
    dice = random.Random(seed)
    conditions = dice.sample(CONDITIONS, k=dice.randrange(1, len(CONDITIONS)))
    match = FirstMatch(conditions)

    for _ in range(60):
        asked = anything(dice)
        assert quickly(match, asked) == slowly(conditions, asked), (conditions, asked)


def test_each_condition_alone_is_what_cel_says():
    dice = random.Random(7)
    for condition in CONDITIONS:
        check_condition(condition)
        match = FirstMatch([condition])
        for _ in range(25):
            asked = anything(dice)
            assert quickly(match, asked) == slowly([condition], asked), (condition, asked)


def test_no_condition_matches_nothing():
    assert FirstMatch([]).first_match(operation()) is None


def test_patterns_that_cannot_be_searched_are_no_mismatch(monkeypatch):
    class Full:
        def Add(self, _pattern):  # noqa: N802 - the name of RE2's set
            pass

        def Compile(self):  # noqa: N802
            pass

        def Match(self, _text):  # noqa: N802
            return []

    monkeypatch.setattr(matching.re2.Set, "SearchSet", Full)
    match = FirstMatch(["model.matches('a')"])

    with pytest.raises(EvaluationError):
        match.first_match(operation())
