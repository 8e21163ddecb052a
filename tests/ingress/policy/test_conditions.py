import pytest
from operations import operation

from ingress.policy.conditions import (
    VARIABLE_NAMES,
    Chain,
    ConditionError,
    EvaluationError,
    check_condition,
)


def test_every_variable_is_declared_with_its_type():
    for name in VARIABLE_NAMES:
        check_condition(f"type({name}) == type({name})")


def test_error_has_line_and_column_within_the_condition():
    with pytest.raises(ConditionError) as caught:
        check_condition("stream &&\n  nope")

    assert (caught.value.line, caught.value.column) == (2, 3)


def test_chain_without_conditions_matches_nothing():
    assert Chain([]).first_match(operation()) is None


def test_failing_condition_is_named():
    chain = Chain(["stream", "size / 0 == 1", "true"])

    with pytest.raises(EvaluationError) as caught:
        chain.first_match(operation())

    assert caught.value.index == 1


def test_chain_that_cannot_be_compiled_is_refused():
    with pytest.raises(ConditionError):
        Chain(["stream", "nope"])
