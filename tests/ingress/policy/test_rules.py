from ingress.policy.rules import DEFAULT_RULE_ID, OPERATIONS, PolicyDecision, Rule


def test_rule_without_operations_applies_to_all():
    rule = Rule("a", "allow")

    assert all(rule.applies_to(operation) for operation in OPERATIONS)


def test_rule_with_operations_applies_to_them():
    rule = Rule("a", "allow", frozenset({"push"}))

    assert rule.applies_to("push")
    assert not rule.applies_to("chat")


def test_allow_and_mask_let_the_operation_go_on():
    allowed = {
        effect
        for effect in ("allow", "mask", "review", "deny")
        if PolicyDecision(effect, DEFAULT_RULE_ID, (), "", "strict").allowed
    }

    assert allowed == {"allow", "mask"}
