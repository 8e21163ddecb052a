"""Find the first of many conditions that holds, fast; pure.

Every distinct plain test (see ``predicates``) is answered once per operation, whichever rules
share it: equalities by a dictionary, regular expressions of one variable all together by one set.
What is then left is asked of CEL, in order, and only of rules whose plain part holds.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from operator import itemgetter
from typing import Any, Final, NamedTuple, cast

import re2  # type: ignore[import-untyped]  # ships no types

from ingress.policy.conditions import (
    VARIABLE_TYPES,
    Chain,
    EvaluationError,
    Expression,
    bind,
    names_used,
    read_variable,
)
from ingress.policy.predicates import Either, Every, Negated, Predicate, Term, split
from ingress.policy.rules import Operation

# The answers begin with one that is always true, for conditions that begin with no plain test.
_ALWAYS: Final = 0
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": operator.contains,
}

_Answers = bytearray
_Check = Callable[[_Answers], int]


class _Condition(NamedTuple):
    """One condition: further checks of answers after its first, and the rest in CEL."""

    place: int
    checks: tuple[_Check, ...]
    rest: Expression | None


class FirstMatch:
    """Conditions in order, all of which passed ``check_condition``."""

    def __init__(self, conditions: Sequence[str]) -> None:
        """Compile them; CEL compiles what is not plain."""
        slots = _Slots()
        splits = [split(text, VARIABLE_TYPES) for text in conditions]
        firsts: list[int] = []
        self._conditions: list[_Condition] = []
        for index, (terms, rest) in enumerate(splits):
            single = [slot for term in terms if (slot := slots.of(term)) is not None]
            checks = [_is_set(slot) for slot in single[1:]]
            checks += [_check(term, slots) for term in terms if slots.of(term) is None]
            expression = None if rest is None else Expression(rest)
            firsts.append(single[0] if single else _ALWAYS)
            self._conditions.append(_Condition(index, tuple(checks), expression))
        # Two places more make the getter return a tuple whatever their number.
        self._firsts = itemgetter(*firsts, _ALWAYS, _ALWAYS)
        self._variables = slots.variables()
        self._start = slots.start()
        self._names = names_used(" ".join(rest for _, rest in splits if rest))
        # Those with no plain part are asked together, since each of them is always asked.
        self._chained = {
            each.place: each.rest
            for each, (terms, _) in zip(self._conditions, splits, strict=True)
            if each.rest is not None and not terms
        }
        self._chain = Chain(self._chained)

    def first_match(self, operation: Operation) -> int | None:
        """Return the index of the first condition that holds, None if none does.

        Raises:
            EvaluationError: a condition before any match has no value, such as ``paths[3]`` of
                two paths; what it would have said is unknown, so nothing after it counts.
        """
        answers = self._start[:]
        for variable in self._variables:
            variable.answer(operation, answers)
        bound, unplain = None, None
        for index, checks, rest in compress(self._conditions, self._firsts(answers)):
            for check in checks:
                if not check(answers):
                    break
            else:
                if rest is None:
                    return index
                bound = bound or bind(operation, self._names)
                if index in self._chained:
                    if unplain is None:
                        unplain = self._chain.first(bound)
                    if index != unplain:
                        continue
                if rest.holds(bound, index):
                    return index
        return None


class _Slots:
    """Where the answers of tests stand among all answers."""

    def __init__(self) -> None:
        self._slots: dict[Term, int] = {}
        # Of a test: what is set and what is cleared once it passes.
        self._sets: dict[Predicate, list[int]] = {}
        self._clears: dict[Predicate, list[int]] = {}

    def of(self, term: Term) -> int | None:
        """Return the place of a test, of tests one of which must pass, or of their negation.

        Anything deeper has none: None.
        """
        negated = isinstance(term, Negated)
        inner = term.part if isinstance(term, Negated) else term
        tests = inner.parts if isinstance(inner, Either) else (inner,)
        if not all(isinstance(test, Predicate) for test in tests):
            return None
        if term not in self._slots:
            slot = self._slots[term] = len(self._slots) + _ALWAYS + 1
            for test in tests:
                where = self._clears if negated else self._sets
                where.setdefault(cast("Predicate", test), []).append(slot)
        return self._slots[term]

    def start(self) -> _Answers:
        """Return the answers as they are before any test passed."""
        answers = bytearray(len(self._slots) + _ALWAYS + 1)
        answers[_ALWAYS] = True
        for slots in self._clears.values():
            for slot in slots:
                answers[slot] = True
        return answers

    def variables(self) -> list["_Variable"]:
        """Return the tests by their variable."""
        tests: dict[str, list[_Test]] = {}
        for each in {**self._sets, **self._clears}:
            effect = _Test(each, self._sets.get(each, []), self._clears.get(each, []))
            tests.setdefault(each.variable, []).append(effect)
        return [_Variable(name, each) for name, each in tests.items()]


class _Test(NamedTuple):
    """A test, and the answers that it sets and clears once it passes."""

    predicate: Predicate
    sets: list[int]
    clears: list[int]

    def passes(self, answers: _Answers) -> None:
        for slot in self.sets:
            answers[slot] = True
        for slot in self.clears:
            answers[slot] = False


def _check(term: Term, slots: _Slots) -> _Check:
    """Return the check of a term; of what is not one slot, by its parts."""
    slot = slots.of(term)
    if slot is not None:
        return _is_set(slot)
    if isinstance(term, Negated):
        part = _check(term.part, slots)
        return lambda answers: not part(answers)
    parts = [_check(each, slots) for each in cast("Either | Every", term).parts]
    if isinstance(term, Either):
        return lambda answers: any(part(answers) for part in parts)
    return lambda answers: all(part(answers) for part in parts)


def _is_set(slot: int) -> _Check:
    return itemgetter(slot)


class _Variable:
    """All tests of one variable."""

    def __init__(self, name: str, tests: Sequence[_Test]) -> None:
        self._read = read_variable(name)
        self._is_list = VARIABLE_TYPES[name] == "list<string>"
        self._equal: dict[object, list[_Test]] = {}
        self._others: list[tuple[Callable[[Any, Any], bool], str | int, _Test]] = []
        self._patterns: list[_Test] = []
        for test in tests:
            _, kind, operand = test.predicate
            if kind == "matches":
                self._patterns.append(test)
            elif kind in _COMPARE:
                self._others.append((_COMPARE[kind], operand[0], test))
            else:
                for value in operand or (True,):
                    self._equal.setdefault(value, []).append(test)
        self._search = _pattern_set([str(each.predicate.operand[0]) for each in self._patterns])

    def answer(self, operation: Operation, answers: _Answers) -> None:
        """Note which tests the operation's value passes."""
        value = self._read(operation)
        for each in cast("list[object]", value) if self._is_list else (value,):
            for test in self._equal.get(each, ()):
                test.passes(answers)
            for compare, operand, test in self._others:
                if compare(each, operand):
                    test.passes(answers)
            if self._search is not None:
                for place in self._search(cast("str", each)):
                    self._patterns[place].passes(answers)


def _pattern_set(patterns: Sequence[str]) -> Callable[[str], list[int]] | None:
    """Return a search for all patterns at once; CEL's ``matches`` is the same RE2."""
    if not patterns:
        return None
    found = re2.Set.SearchSet()
    for pattern in (*patterns, ""):
        found.Add(pattern)
    found.Compile()
    last = len(patterns)

    def search(text: str) -> list[int]:
        places: list[int] = found.Match(text)
        # The empty pattern is in every text: without it the set had no memory left to search.
        if last not in places:
            raise EvaluationError(0)
        places.remove(last)
        return places

    return search
