"""What docs/policy.md shows is what the gateway reads."""

import re
from pathlib import Path

import pytest
from operations import operation

from ingress.masking.pii import PII_KINDS
from ingress.masking.rules import builtin_rules
from ingress.policy.cases import load_cases, run_cases
from ingress.policy.conditions import VARIABLE_TYPES
from ingress.policy.connections import CONNECTION_KINDS, UNKNOWN_PATHS
from ingress.policy.load import load_policy
from ingress.policy.rules import (
    ASSURANCES,
    CONTENT_MODES,
    EFFECTS,
    OPERATIONS,
    TIER2_MODES,
    Limits,
    StricterMasking,
)

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "policy.md").read_text()
POLICY, BUDGETS, EXCLUDED, TOOL_RULES, CASES = re.findall(
    r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL
)
# A replay needs a running stack.
COMMANDS = re.findall(r"^tailnumber (policy (?!replay).*)$", PAGE, re.MULTILINE)


def test_policy_of_the_page_is_good_and_every_rule_can_fire():
    document = load_policy(POLICY, "docs/policy.md").document

    assert [rule.id for rule in document.rules][-1] == "everyone"
    assert document.masking.allow
    assert set(document.connections) == {"copilot", "openai", "builds"}


def test_models_and_limits_of_the_page_say_what_it_tells():
    policy = load_policy(f"version: 1\n{BUDGETS}", "docs/policy.md")

    everyone = policy.decide(operation(model="claude-sonnet-4"))
    desk = policy.decide(operation(model="gpt-4.1", principal_groups=("claims",)))

    assert everyone.limits == Limits(300, 500_000)
    assert policy.decide(operation(model="o1")).reasons[-1] == "model_not_allowed"
    assert policy.decide(operation(model="o1", principal_groups=("research",))).allowed
    assert desk.masking == StricterMasking("mask", ("email", "iban"))


def test_excluded_files_of_the_page_are_what_it_tells():
    policy = load_policy(f"version: 1\n{EXCLUDED}", "docs/policy.md")

    matched = [policy.excluded.match(path) for path in ("/w/secrets/a", "b/C.PEM", "etc/a", "a")]
    assert matched == [True, True, False, False]


def test_tool_rules_of_the_page_hold_a_call_that_names_auth_code():
    policy = load_policy(f"version: 1\n{TOOL_RULES}", "docs/policy.md")
    asked = operation(operation="tool_call", tool_name="Write", paths=("src/auth/login.py",))

    assert policy.watches_tool_calls
    assert policy.decide(asked).rule_id == "auth-code-needs-a-look"
    assert policy.decide(operation(operation="tool_call", tool_name="Write")).allowed


def test_cases_of_the_page_pass_on_the_policy_of_the_page():
    results = run_cases(load_policy(POLICY, "p.yaml"), load_cases(CASES, "p.tests.yaml"))

    assert len(results) == 5
    assert [result.case.name for result in results if not result.passes] == []


def test_masking_rules_that_the_page_names_exist():
    known = {rule.rule_id for rule in builtin_rules().rules}
    allowed = {allow.rule for allow in load_policy(POLICY, "p").document.masking.allow}
    found = {name for case in load_cases(CASES, "p") for name in case.operation.findings}

    assert allowed | found <= known


@pytest.mark.parametrize("command", COMMANDS)
def test_command_of_the_page_succeeds(tailnumber, tmp_path, monkeypatch, command):
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "policy.tests.yaml").write_text(CASES)
    monkeypatch.chdir(tmp_path)

    result = tailnumber(*command.split())

    assert (result.code, result.err) == (0, "")
    assert result.out


def test_every_variable_is_listed_with_its_type_and_no_other():
    rows = re.findall(
        r"^\| `([\w.]+)` \| (string|bool|int|timestamp|list<string>) \|", PAGE, re.MULTILINE
    )

    assert dict(rows) == dict(VARIABLE_TYPES)


@pytest.mark.parametrize(
    "word",
    [
        *ASSURANCES,
        *CONNECTION_KINDS,
        *CONTENT_MODES,
        *EFFECTS,
        *OPERATIONS,
        *PII_KINDS,
        *TIER2_MODES,
        *UNKNOWN_PATHS,
    ],
)
def test_every_word_that_the_file_knows_is_explained(word):
    assert f"`{word}`" in PAGE


def test_documents_that_it_links_exist():
    for path in re.findall(r"\]\(([\w./]+\.md)\)", PAGE):
        assert (ROOT / "docs" / path).exists(), path
