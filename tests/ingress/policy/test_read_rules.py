import pytest

from ingress.errors import PolicyError
from ingress.policy.load import load_policy
from ingress.policy.rules import Limits, StricterMasking

TOP = "version: 1\n"


def load(*rules, top=""):
    listed = "".join(f"\n  - {rule}" for rule in rules)
    return load_policy(f"{TOP}{top}rules:{listed or ' []'}\n", "p.yaml").document


def refusal(*rules, top=""):
    with pytest.raises(PolicyError) as caught:
        load(*rules, top=top)
    return str(caught.value)


def test_keys_of_a_rule_are_read():
    document = load(
        "{id: a, when: stream, effect: mask, masking: {pii: [email], tier2: audit}}",
        "{id: b, effect: allow, models: [gpt-4o, claude-*],"
        " limits: {requests_per_hour: 5, tokens_per_hour: 9}}",
        top="models: [gpt-*]\nexclude: ['**/secrets/**', '*.pem']\n",
    )

    masked, allowed = document.rules
    assert masked.masking == StricterMasking("audit", ("email",))
    assert masked.models is None
    assert allowed.models == ("gpt-4o", "claude-*")
    assert allowed.limits == Limits(5, 9)
    assert (document.models, document.exclude) == (("gpt-*",), ("**/secrets/**", "*.pem"))


def test_mask_without_more_masks_generic_findings():
    (rule,) = load("{id: a, effect: mask}").rules

    assert rule.masking == StricterMasking("mask", ())


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{id: a, effect: allow, masking: {pii: [email]}}", "belongs to the effect mask only"),
        ("{id: a, effect: deny, limits: {requests_per_hour: 1}}", "'limits' says nothing under"),
        ("{id: a, effect: deny, models: [x]}", "'models' says nothing under"),
        ("{id: a, effect: allow, models: []}", "no model is named"),
        ("{id: a, effect: allow, models: gpt}", "a list is expected"),
        ("{id: a, effect: allow, models: ['a b']}", "is not a model's name"),
        ("{id: a, effect: allow, limits: {}}", "no limit is set; name requests_per_hour or"),
        ("{id: a, effect: allow, limits: {requests_per_hour: 0}}", "a whole number from 1"),
        ("{id: a, on: push, effect: allow, limits: {requests_per_hour: 1}}", "no limit counts"),
        ("{id: a, effect: allow, limits: {per_day: 1}}", "unknown key 'per_day'"),
        ("{id: a, effect: mask, masking: {off: [x]}}", "unknown key 'off'"),
        ("{id: a, effect: mask, masking: {tier2: hard}}", "is not one of off, audit, mask"),
    ],
)
def test_what_a_rule_cannot_say_is_refused(rule, said):
    assert said in refusal(rule)


def test_exclude_takes_patterns_alone():
    assert "is not a pattern of paths" in refusal(top="exclude: ['']\n")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("stream", "stream && model == 'x'"),
        ("model == 'x'", "'x' == model && size + 1 > 3"),
        ("stream && model == 'x'", "model == 'x' && size > 1 && stream"),
    ],
)
def test_rule_that_follows_from_one_above_can_never_fire(first, second):
    said = refusal(
        f'{{id: a, when: "{first}", effect: deny}}', f'{{id: b, when: "{second}", effect: allow}}'
    )

    assert "3:" not in said.split(":")[1]
    assert "rule 'b' can never fire: rule 'a' above answers first" in said


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("stream && model == 'x'", "stream"),
        ("stream", "stream || model == 'x'"),
        ("size + 1 > 3", "size + 1 > 3 && stream && false"),
        ("!stream", "stream"),
    ],
)
def test_rule_that_may_still_fire_is_not_refused(first, second):
    load(f'{{id: a, when: "{first}", effect: deny}}', f'{{id: b, when: "{second}", effect: allow}}')


def test_variable_that_the_operations_never_have_is_warned_of():
    document = load(
        "{id: a, on: [chat, inline], when: \"ref == 'x'\", effect: deny}",
        "{id: b, on: [chat, push], when: \"ref == 'x'\", effect: deny}",
        "{id: c, when: \"ref == 'y'\", effect: deny}",
        "{id: d, on: chat, when: \"model == 'ref'\", effect: deny}",
        "{id: e, on: push, when: \"model == 'x'\", effect: deny}",
    )

    assert [str(each) for each in document.warnings] == [
        "p.yaml:3:5: rule 'a' asks for `ref`, which chat, inline never has",
        "p.yaml:7:5: rule 'e' asks for `model`, which push never has",
    ]
