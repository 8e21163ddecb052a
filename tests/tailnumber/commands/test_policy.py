import pytest

from tailnumber.stack import policies


def test_good_policy_passes(tailnumber, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(policies.PLAIN)

    result = tailnumber("policy", "check", str(file))

    assert (result.code, result.err) == (0, "")
    assert "good. 1 rules, 1 connections" in result.out


def test_every_problem_is_named_with_its_line_and_column(tailnumber, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text("version: 1\nrules:\n  - {id: a, effect: maybe}\n  - {id: b, effekt: deny}\n")

    result = tailnumber("policy", "check", str(file))

    assert result.code == 1
    assert f"{file}:3:" in result.out
    assert f"{file}:4:" in result.out


def test_json_lists_the_problems(tailnumber, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text("version: 1\nrules:\n  - {id: a, effect: maybe}\n")

    result = tailnumber("policy", "check", str(file), "--json")

    assert result.code == 1
    assert result.document["valid"] is False
    assert result.document["problems"][0]["line"] == 3


def test_missing_file_is_a_usage_error(tailnumber, tmp_path):
    result = tailnumber("policy", "check", str(tmp_path / "none.yaml"))

    assert result.code == 2
    assert "cannot be read" in result.err


def test_shipped_demo_policy_passes(tailnumber, tmp_path):
    file = tmp_path / "policy.yaml"
    text = policies.DEMO.replace("@UPSTREAM@", "http://127.0.0.1:1")
    file.write_text(text.replace("@CREDENTIAL@", "demo-copilot"))

    assert tailnumber("policy", "check", str(file)).code == 0


RULES = """\
version: 1
connections:
  copilot: {kind: copilot, upstream: "https://api.githubcopilot.com"}
rules:
  - {id: embeddings, on: embeddings, effect: deny}
  - {id: contractors, when: "'contractors' in principal.groups", effect: deny, message: Not you.}
  - {id: everyone, effect: allow, assurance: bracket}
"""


@pytest.fixture
def rules(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(RULES)
    return file


def test_explain_marks_the_rule_that_decides(tailnumber, rules):
    result = tailnumber(
        "policy", "explain", "--policy", str(rules), "--as", "bob", "--group", "contractors"
    )

    assert result.code == 0
    marked = [line.split() for line in result.out.splitlines() if "=>" in line]
    assert [line[1] for line in marked] == ["contractors"]
    assert "deny by contractors (rule); assurance strict" in result.out
    assert "Not you." in result.out


def test_explain_tells_scripts_each_rule_the_decision_and_what_was_asked(tailnumber, rules):
    result = tailnumber(
        "policy", "explain", "--policy", str(rules), "--as", "ann", "--path", "a.py", "--json"
    )

    document = result.document
    assert document["operation"]["principal.subject"] == "ann"
    assert document["operation"]["paths"] == ["a.py"]
    assert document["operation"]["connection"] == "copilot"
    assert [(each["rule"], each["says"], each["decides"]) for each in document["rules"]] == [
        ("embeddings", "not_asked", False),
        ("contractors", "false", False),
        ("everyone", "always", True),
    ]
    assert document["decision"]["assurance"] == "bracket"


def test_explain_takes_the_policy_of_the_data_directory(tailnumber):
    assert "--policy" in tailnumber.on_data("policy", "explain").err
    tailnumber.data_dir.mkdir()
    (tailnumber.data_dir / "policy.demo.yaml").write_text(RULES)

    result = tailnumber.on_data("policy", "explain", "--json")

    assert result.document["policy"]["file"].endswith("policy.demo.yaml")


def test_explain_of_an_unknown_operation_offers_the_nearest(tailnumber, rules):
    result = tailnumber("policy", "explain", "--policy", str(rules), "--operation", "chta")

    assert result.code == 2
    assert "did you mean 'chat'?" in result.err


def test_explain_of_a_recorded_interaction_takes_no_facts_beside_it(tailnumber, rules):
    result = tailnumber(
        "policy", "explain", "--policy", str(rules), "--interaction", "019a", "--as", "bob"
    )

    assert result.code == 2
    assert "Choose one" in result.err


def test_explain_of_a_recorded_interaction_needs_a_stack(tailnumber, rules):
    result = tailnumber.on_data("policy", "explain", "--policy", str(rules), "--interaction", "0")

    assert result.code == 2
    assert "No stack runs" in result.err


def cases(file, *lines):
    tests = file.with_name("policy.tests.yaml")
    tests.write_text("".join(f"- {line}\n" for line in lines))
    return str(tests)


def test_cases_that_hold_pass(tailnumber, rules):
    tests = cases(rules, "{name: a, operation: {operation: chat}, expect: {effect: allow}}")

    result = tailnumber("policy", "test", tests)

    assert (result.code, result.out, result.err) == (0, "1 case pass.\n", "")


def test_cases_that_fail_are_told_with_what_was_expected_and_got(tailnumber, rules):
    tests = cases(
        rules,
        "{name: good, operation: {operation: chat}, expect: {effect: allow}}",
        "{name: no chat, operation: {operation: chat}, expect: {effect: deny, rule: contractors}}",
    )

    result = tailnumber("policy", "test", tests)
    document = tailnumber("policy", "test", tests, "--json").document

    assert result.code == 1
    assert f"{tests}:2" in result.out
    assert "deny by contractors" in result.out
    assert "allow by everyone" in result.out
    assert "1 of 2 cases fail." in result.err
    assert "good" not in result.out
    assert [failure["name"] for failure in document["failures"]] == ["no chat"]
    assert document["case_count"] == 2


def test_cases_are_tried_on_another_policy_if_one_is_named(tailnumber, rules, tmp_path):
    tests = cases(rules, "{name: a, operation: {operation: chat}, expect: {effect: allow}}")
    other = tmp_path / "other.yaml"
    other.write_text("version: 1\nrules: []\n")

    assert tailnumber("policy", "test", tests, "--policy", str(other)).code == 1


def test_refused_cases_name_their_place(tailnumber, rules):
    tests = cases(rules, "{name: a, operation: {operation: chat}, expects: {}}")

    result = tailnumber("policy", "test", tests)

    assert result.code == 1
    assert f"{tests}:1:" in result.err


def test_a_name_that_tells_of_no_policy_is_a_usage_error(tailnumber, tmp_path):
    file = tmp_path / "cases.yaml"
    file.write_text("[]\n")

    result = tailnumber("policy", "test", str(file))

    assert result.code == 2
    assert "policy.tests.yaml" in result.err


def test_check_warns_of_a_variable_that_is_never_there_and_passes(tailnumber, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(
        "version: 1\nrules:\n  - {id: a, on: chat, when: \"ref == 'x'\", effect: deny}\n"
    )

    said = tailnumber("policy", "check", str(file))
    listed = tailnumber("policy", "check", str(file), "--json")

    assert said.code == 0
    assert f"warning: {file}:3:5: rule 'a' asks for `ref`, which chat never has" in said.out
    assert listed.document["warnings"][0]["line"] == 3


def test_explain_asks_at_a_time_or_now(tailnumber, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(
        "version: 1\nrules:\n"
        "  - {id: night, when: \"time.getHours('Europe/Berlin') < 6\", effect: deny}\n"
        "  - {id: later, when: \"time > timestamp('2026-01-01T00:00:00Z')\", effect: allow}\n"
    )

    def rule(*options):
        result = tailnumber("policy", "explain", "--policy", str(file), "--json", *options)
        return result.document["decision"]["rule"] if result.code == 0 else result.err

    assert rule("--time", "2026-11-20T23:30:00Z") == "night"
    assert rule("--time", "2026-11-20T12:30:00") == "later"
    assert rule() in {"night", "later"}
    assert "such as 2026-11-20T18:30:00Z" in rule("--time", "noon")
