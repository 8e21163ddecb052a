from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from operations import operation

from ingress.policy.decide import Policy
from ingress.policy.explain import explain
from ingress.policy.load import load_policy
from ingress.policy.rules import Rule

POLICY = """\
version: 1
rules:
  - {id: embeddings, on: embeddings, effect: deny}
  - {id: contractors, when: "'contractors' in principal.groups", effect: deny}
  - {id: third-file, when: "paths[2] == 'x'", effect: deny}
  - {id: everyone, on: [chat, inline], effect: allow}
"""
CONDITIONS = ("", "stream", "model == 'o1'", "paths[0] == 'x'", "size > 10")


def says(policy, asked):
    return {each.rule.id: (each.says, each.decides) for each in explain(policy, asked)}


def test_every_rule_tells_what_it_says_and_one_decides():
    asked = operation(principal_groups=("contractors",), paths=("a", "b", "c"))

    assert says(load_policy(POLICY, "p"), asked) == {
        "embeddings": ("not_asked", False),
        "contractors": ("true", True),
        "third-file": ("false", False),
        "everyone": ("always", False),
    }


def test_a_condition_without_a_value_decides_and_tells_why():
    outcomes = explain(load_policy(POLICY, "p"), operation())

    (third,) = [each for each in outcomes if each.decides]
    assert (third.rule.id, third.says) == ("third-file", "error")
    assert "index" in third.error


def test_nothing_decides_where_no_rule_matches():
    asked = operation(operation="models", paths=("a", "b", "c"))

    assert not any(each.decides for each in explain(load_policy(POLICY, "p"), asked))


@settings(deadline=None, max_examples=60)
@given(
    rules=st.lists(
        st.tuples(st.sampled_from(CONDITIONS), st.sampled_from(("", "chat", "inline"))), max_size=8
    ),
    facts=st.fixed_dictionaries(
        {
            "operation": st.sampled_from(("chat", "inline", "push", "unheard of")),
            "model": st.sampled_from(("o1", "o2")),
            "paths": st.sampled_from(((), ("x",), ("y",))),
            "stream": st.booleans(),
            "size_bytes": st.sampled_from((0, 11)),
        }
    ),
)
def test_explanation_and_decision_name_the_same_rule(rules, facts):
    document = replace(
        load_policy("version: 1\nrules: []\n", "p").document,
        rules=tuple(
            Rule(f"r{number}", "deny", frozenset(filter(None, (on,))), when or None)
            for number, (when, on) in enumerate(rules)
        ),
    )
    policy = Policy(document)
    asked = operation(**facts)

    decision = policy.decide(asked)

    decides = [each for each in explain(policy, asked) if each.decides]
    assert [each.rule.id for each in decides] == (
        [] if decision.reasons == ("no_rule",) else [decision.rule_id]
    )
    assert (decision.reasons == ("condition_error",)) == any(
        each.says == "error" for each in decides
    )
