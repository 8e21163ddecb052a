import json

import pytest

from ingress.secrets import TenantSecrets

KEY_ID = "AKIA" + "T56AR5H47VU6J7V5"
ACME_RULES = """
[[rules]]
id = "acme-badge"
description = "Badge of Acme"
regex = '''\\b(badge-[0-9]{8})\\b'''
keywords = ["badge-"]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text(f'hello\nkey = {KEY_ID}\npassword = "hunter2Zq81x"\n')
    return path


def test_text_form_names_rule_and_place_and_never_the_value(tailnumber, file):
    result = tailnumber.on_data("mask", str(file))

    assert result.code == 1
    assert "aws-access-key-id" in result.out
    assert "2:7" in result.out
    assert "key = REDACTED_AWS_ACCESS_KEY_ID_" in result.out
    assert "demonstration key" in result.out
    assert KEY_ID not in result.out


def test_nothing_found_is_exit_code_0(tailnumber):
    result = tailnumber.on_data("mask", "-", stdin="def add(a, b):\n    return a + b\n")

    assert result.code == 0
    assert "Nothing found." in result.out


def test_json_is_one_document_with_place_rule_and_action(tailnumber, file):
    result = tailnumber.on_data("mask", str(file), "--json")

    first, second = result.document["findings"]
    assert (first["rule_id"], first["line"], first["column"]) == ("aws-access-key-id", 2, 7)
    assert (first["action"], second["action"]) == ("masked", "recorded")
    assert first["placeholder"] in result.document["masked"]
    assert KEY_ID not in result.out


@pytest.mark.parametrize("size", ["1", "4", "13"])
def test_deltas_give_the_same_as_the_whole(tailnumber, file, size):
    whole = tailnumber.on_data("mask", str(file), "--json").document

    assert tailnumber.on_data("mask", str(file), "--json", "--stream", size).document == whole


def test_each_line_in_is_a_line_out_and_a_bad_one_says_why(tailnumber):
    lines = [
        json.dumps({"text": f"x {KEY_ID}", "path": "a.py"}),
        "{broken",
        json.dumps(["no object"]),
        json.dumps({"text": "fine \ud800"}),
    ]

    result = tailnumber.on_data("mask", "-", "--jsonl", stdin="\n".join(lines))

    answers = [json.loads(line) for line in result.out.splitlines()]
    assert [set(answer) for answer in answers] == [
        {"masked", "findings"},
        {"error", "line"},
        {"error", "line"},
        {"masked", "findings"},
    ]
    assert answers[0]["findings"][0]["rule_id"] == "aws-access-key-id"
    assert answers[3] == {"masked": "fine \ud800", "findings": []}
    assert result.code == 1
    assert "2 lines" in result.err
    assert KEY_ID not in result.out


def test_lines_that_could_all_be_read_are_exit_code_0(tailnumber):
    result = tailnumber.on_data("mask", "--jsonl", "--stream", "3", stdin=f'{{"text": "{KEY_ID}"}}')

    assert result.code == 0
    assert json.loads(result.out)["masked"].startswith("REDACTED_AWS_ACCESS_KEY_ID_")


def test_own_rules_are_used_alone_or_with_the_builtin_ones(tailnumber, tmp_path):
    rules = tmp_path / "acme.toml"
    rules.write_text(ACME_RULES)
    text = f"badge-12345678 {KEY_ID}"

    alone = tailnumber.on_data("mask", "--json", "--rules", str(rules), stdin=text).document
    both = tailnumber.on_data(
        "mask", "--json", "--rules", "builtin", "--rules", str(rules), stdin=text
    ).document

    assert [each["rule_id"] for each in alone["findings"]] == ["acme-badge"]
    assert {each["rule_id"] for each in both["findings"]} == {"acme-badge", "aws-access-key-id"}


def test_policy_says_rules_and_tier2_and_an_option_beside_it_wins(tailnumber, tmp_path, file):
    (tmp_path / "acme.toml").write_text(ACME_RULES)
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\nmasking: {rules: [builtin, acme.toml], tier2: 'off'}\n"
        "rules:\n  - {id: everyone, effect: allow}\n"
    )

    def found(*more):
        result = tailnumber.on_data("mask", str(file), "--json", "--policy", str(policy), *more)
        return [(each["tier"], each["action"]) for each in result.document["findings"]]

    assert found() == [(1, "masked")]
    assert found("--tier2", "mask") == [(1, "masked"), (2, "masked")]


def test_placeholders_are_those_of_the_stack_on_the_data_directory(tailnumber, file):
    before = tailnumber.on_data("mask", str(file), "--json").document
    TenantSecrets.load_or_create(tailnumber.data_dir / "secrets")

    after = tailnumber.on_data("mask", str(file), "--json").document

    assert after["masked"] != before["masked"]
    assert "demonstration key" not in tailnumber.on_data("mask", str(file)).out


def test_no_data_directory_is_made(tailnumber, file):
    tailnumber.on_data("mask", str(file))

    assert not tailnumber.data_dir.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-file"], "cannot be read"),
        (["--json", "--jsonl"], "Choose one of"),
        (["--jsonl", "no-such-file"], "cannot be read"),
        (["--rules", "no-such.toml"], "cannot be read"),
        (["--policy", "no-such.yaml"], "cannot be read"),
    ],
    ids=" ".join,
)
def test_usage_errors_are_one_sentence_and_exit_code_2(tailnumber, arguments, words):
    result = tailnumber.on_data("mask", *arguments)

    assert result.code == 2
    assert words in result.err
    assert result.out == ""


def test_text_that_is_not_utf8_is_refused_without_being_quoted(tailnumber, tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"caf\xe9 " + KEY_ID.encode())

    result = tailnumber.on_data("mask", str(path))

    assert result.code == 2
    assert "byte 3" in result.err
    assert KEY_ID not in result.err


def test_rule_file_that_cannot_work_is_refused_with_its_reason(tailnumber, tmp_path):
    rules = tmp_path / "bad.toml"
    rules.write_text("[[rules]]\nid = 'x'\nregex = '(?=a)b'\n")

    result = tailnumber.on_data("mask", "--rules", str(rules), stdin="text")

    assert result.code == 2
    assert "does not compile" in result.err


def test_personal_data_is_masked_when_asked_for(tailnumber):
    text = "write to ada@example.com"

    assert tailnumber.on_data("mask", stdin=text).code == 0
    result = tailnumber.on_data("mask", "--pii", "email,card", "--json", stdin=text)

    assert "ada@example.com" not in result.document["masked"]
    assert [each["action"] for each in result.document["findings"]] == ["masked"]


def test_unknown_kind_of_personal_data_is_a_usage_error(tailnumber):
    result = tailnumber.on_data("mask", "--pii", "shoe-size", stdin="text")

    assert result.code == 2
    assert "email" in result.err


def test_what_a_policy_allows_is_found_no_more(tailnumber, tmp_path, file):
    found = tailnumber.on_data("mask", str(file), "--json").document["findings"][0]
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\nmasking:\n  tier2: 'off'\n  allow:\n"
        f"    - {{fingerprint: {found['fingerprint']}, reason: a sample, expires: 2999-12-31}}\n"
        "rules:\n  - {id: everyone, effect: allow}\n"
    )

    result = tailnumber.on_data("mask", str(file), "--json", "--policy", str(policy))

    assert result.document["findings"] == []
