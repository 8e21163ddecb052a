"""What is not known refuses only where it makes a difference; of several decisions the strictest counts."""

import pytest

from ingress.policy.load import load_policy
from ingress.policy.rules import Operation, PolicyDecision
from ingress.policy.strictest import decide_known, strictest

POLICY = """\
version: 1
rules:
  - {id: watched, on: push, when: "repository == 'a/b' && paths.exists(p, p == 'x')", effect: deny}
  - {id: free, when: "ref == 'refs/heads/free' || paths.exists(p, p == 'y')", effect: allow}
  - {id: closed, on: push, when: "paths.exists(p, p == 'z')", effect: deny}
  - {id: rest, effect: allow}
"""


def decide(unknown=("paths",), **facts):
    operation = Operation(
        operation=facts.pop("operation", "push"),
        connection="c",
        principal_id="p",
        principal_issuer="i",
        principal_subject="s",
        principal_kind="human",
        **facts,
    )
    return decide_known(load_policy(POLICY, "p.yaml"), operation, unknown)


@pytest.mark.parametrize(
    ("facts", "rule", "reason"),
    [
        ({"repository": "a/b"}, "watched", "not_known"),
        ({"repository": "a/c", "ref": "refs/heads/free"}, "free", "rule"),
        ({"repository": "a/c"}, "free", "not_known"),
        ({"repository": "a/c", "unknown": ()}, "rest", "rule"),
        ({"repository": "a/c", "unknown": ("size",)}, "rest", "rule"),
    ],
)
def test_a_rule_is_asked_as_far_as_it_can_be_answered(facts, rule, reason):
    decision = decide(**facts)

    assert (decision.rule_id, decision.reasons[-1]) == (rule, reason)
    assert decision.allowed == (reason == "rule")


def test_one_refusal_counts_for_all_and_else_the_strictest_assurance():
    def made(effect, assurance):
        return PolicyDecision(effect, assurance, ("rule",), "", assurance)

    allowed = [made("allow", "async"), made("allow", "strict"), made("allow", "bracket")]

    assert strictest(allowed).assurance == "strict"
    assert strictest([*allowed, made("deny", "async")]).effect == "deny"
