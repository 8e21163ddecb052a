import pytest

from ingress.policy.changes import compare
from ingress.policy.load import load_policy

BEFORE = """\
version: 1
connections:
  copilot: {kind: copilot, upstream: "https://api.githubcopilot.com"}
rules:
  - {id: a, when: "model == 'o1'", effect: deny}
  - {id: b, when: "'x' in principal.groups", effect: deny}
  - {id: c, effect: allow}
"""


def change(after):
    return compare(*(load_policy(text, "p.yaml").document for text in (BEFORE, after)))


def test_a_comment_changes_the_digest_and_nothing_else():
    found = change("# reviewed\n" + BEFORE)

    assert found.digest != found.previous_digest
    assert found.rules_added + found.rules_removed + found.rules_changed == ()
    assert found.sections_changed == ()


def test_rules_are_named_by_what_became_of_them():
    after = BEFORE.replace("id: a", "id: new").replace("'x' in", "'y' in")

    found = change(after)

    assert found.rules_added == ("new",)
    assert found.rules_removed == ("a",)
    assert found.rules_changed == ("b",)
    assert found.sections_changed == ()


def test_another_order_of_the_same_rules_is_a_change():
    lines = BEFORE.splitlines(keepends=True)
    lines[4], lines[5] = lines[5], lines[4]

    assert change("".join(lines)).sections_changed == ("rule_order",)


@pytest.mark.parametrize(
    ("old", "new", "section"),
    [
        ("api.githubcopilot.com", "example.com", "connections"),
        ("rules:", "masking: {tier2: mask}\nrules:", "masking"),
        ("rules:", "models: [gpt-4o]\nrules:", "models"),
        ("rules:", "exclude: ['*.pem']\nrules:", "exclude"),
        ("rules:", "content: tagged\nrules:", "content"),
        ("rules:", "admins: [security]\nrules:", "admins"),
    ],
)
def test_other_sections_are_named(old, new, section):
    assert change(BEFORE.replace(old, new)).sections_changed == (section,)
