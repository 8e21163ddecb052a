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
