import pytest
from operations import operation

from ingress.policy.conditions import (
    NONE,
    VARIABLE_NAMES,
    Chain,
    ConditionError,
    EvaluationError,
    Expression,
    bind,
    check_condition,
)


def first(*conditions):
    expressions = {number * 10: Expression(text) for number, text in enumerate(conditions)}
    return Chain(expressions).first(bind(operation(), VARIABLE_NAMES))


def test_every_variable_is_declared_with_its_type():
    for name in VARIABLE_NAMES:
        check_condition(f"type({name}) == type({name})")


def test_error_has_line_and_column_within_the_condition():
    with pytest.raises(ConditionError) as caught:
        check_condition("stream &&\n  nope")

    assert (caught.value.line, caught.value.column) == (2, 3)


def test_a_wrong_pattern_is_found_although_it_would_not_be_reached():
    with pytest.raises(ConditionError, match="invalid regular expression") as caught:
        check_condition("stream &&\n  model.matches('[')")

    assert (caught.value.line, caught.value.column) == (2, 18)


def test_a_wrong_time_zone_is_found():
    with pytest.raises(ConditionError, match="timezone"):
        check_condition("time.getHours('Mars/Olympus') > 1")


def test_chain_names_the_first_that_holds():
    assert first() == NONE
    assert first(*["stream"] * 40) == NONE
    assert first(*["stream"] * 40, "model == 'gpt-4o'", "true") == 400


def test_chain_names_the_first_without_a_value():
    assert first("stream", "size / 0 == 1", "true") == 10


def test_expression_without_a_value_raises():
    with pytest.raises(EvaluationError) as caught:
        Expression("size / 0 == 1").holds(bind(operation(), ("size",)), 7)

    assert caught.value.index == 7


def test_expression_that_cannot_be_compiled_is_refused():
    with pytest.raises(ConditionError):
        Expression("nope")
