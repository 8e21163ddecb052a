from datetime import UTC, datetime

import pytest

from ingress.errors import PolicyError
from ingress.policy.cases import field_of, load_cases, make_operation, run_cases
from ingress.policy.conditions import VARIABLE_NAMES, VARIABLE_TYPES
from ingress.policy.load import load_policy
from ingress.policy.rules import Operation

POLICY = """\
version: 1
rules:
  - {id: contractors, when: "'contractors' in principal.groups", effect: deny}
  - {id: careful, when: "paths[0] == 'x'", on: push, effect: deny}
  - {id: big, when: "size > 10 && stream", effect: review, review: {reviewers: leads}}
  - {id: everyone, effect: allow}
"""


def results(cases):
    return run_cases(load_policy(POLICY, "p.yaml"), load_cases(cases, "p.tests.yaml"))


def case(operation, expect, name="n"):
    return f"- {{name: {name}, operation: {operation}, expect: {expect}}}\n"


@pytest.mark.parametrize(
    ("operation", "expect", "passes"),
    [
        ("{operation: chat}", "{effect: allow, rule: everyone}", True),
        ("{operation: chat}", "{effect: allow}", True),
        ("{operation: chat}", "{rule: everyone}", True),
        ("{operation: chat}", "{effect: deny}", False),
        ("{operation: chat}", "{rule: contractors}", False),
        ("{operation: chat, principal.groups: [contractors]}", "{effect: deny}", True),
        ("{operation: chat, size: 11, stream: true}", "{effect: review, rule: big}", True),
        ("{operation: chat, size: 11, stream: true}", "{effect: deny, rule: big}", False),
        ("{operation: push, paths: [x]}", "{effect: deny, rule: careful}", True),
        # Without a value it denies too, but no case may rely on a fault.
        ("{operation: push}", "{effect: deny, rule: careful}", False),
    ],
)
def test_a_case_passes_if_the_policy_answers_as_it_says(operation, expect, passes):
    (result,) = results(case(operation, expect))

    assert result.passes is passes


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]\n", "1:1: the file has no case"),
        ("{}\n", "1:1: a list is expected here"),
        ("- {name: a, expect: {effect: deny}}\n", "1:3: key 'operation' is missing"),
        (case("{}", "{effect: deny}"), "1:24: key 'operation' is missing"),
        (case("{operation: chta}", "{effect: deny}"), "did you mean 'chat'?"),
        (case("{operation: chat, principal.group: [a]}", "{effect: deny}"), "'principal.groups'?"),
        (case("{operation: chat, paths: a}", "{effect: deny}"), "a list is expected here"),
        (case("{operation: chat, size: big}", "{effect: deny}"), "a whole number"),
        (case("{operation: chat, stream: 1}", "{effect: deny}"), "'1' is not one of true, false"),
        (case("{operation: chat, principal.kind: bot}", "{effect: deny}"), "human, service"),
        (case("{operation: chat, time: noon}", "{effect: deny}"), "a time such as"),
        (case("{operation: chat, time: 2026-11-20}", "{effect: deny}"), "a time such as"),
        (case("{operation: chat}", "{}"), "nothing is expected"),
        (case("{operation: chat}", "{effect: refuse}"), "is not one of allow, mask"),
        (case("{operation: chat}", "{effekt: deny}"), "did you mean 'effect'?"),
        (case("{operation: chat}", "{rule: a}") * 2, "2:3: duplicate name 'n'"),
    ],
)
def test_what_is_no_case_is_refused_with_its_place(text, problem):
    with pytest.raises(PolicyError) as refusal:
        load_cases(text, "p.tests.yaml")

    assert problem in str(refusal.value)
    assert str(refusal.value).startswith("p.tests.yaml:")


def test_every_variable_of_conditions_is_a_fact_of_an_operation_of_its_type():
    at = datetime(2026, 11, 20, tzinfo=UTC)
    empty = {"string": "", "bool": False, "int": 0, "list<string>": (), "timestamp": at}
    facts = {name: empty[kind] for name, kind in VARIABLE_TYPES.items()}

    made = make_operation(facts)

    assert {field_of(name) for name in VARIABLE_NAMES} == set(Operation.__dataclass_fields__)
    assert all(getattr(made, field_of(name)) == facts[name] for name in VARIABLE_NAMES)
