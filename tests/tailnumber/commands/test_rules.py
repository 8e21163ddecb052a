import pytest

GOOD = """
[[rules]]
id = "acme-badge"
description = "Badge of Acme"
regex = '''\\b(badge-[0-9]{8})\\b'''
keywords = ["badge-"]
[[rules.allowlists]]
stopwords = ["99999999"]
[rules.tests]
true = ["wear badge-12345678", "badge-87654321"]
false = ["badge-1", "badge-99999999"]
"""
BROKEN = GOOD.replace("badge-87654321", "nothing here").replace('"badge-1"', '"badge-11111111"')
UNTESTED = "\n[[rules]]\nid = 'untested'\nregex = 'zzz[0-9]{9}'\nkeywords = ['zzz']\n"


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "rules.toml"
        path.write_text(text)
        return str(path)

    return write


def test_list_shows_each_kind_with_its_tier(tailnumber):
    rules = tailnumber("rules", "list", "--json").document["rules"]

    assert len(rules) >= 180
    assert {rule["tier"] for rule in rules} == {1, 2}
    assert all(rule["description"] for rule in rules)


def test_family_keeps_the_rules_of_one_word(tailnumber):
    result = tailnumber("rules", "list", "--family", "AWS")

    assert "aws-access-key-id" in result.out
    assert "slack" not in result.out
    assert tailnumber("rules", "list", "--family", "nosuch").code == 1


def test_builtin_rules_pass_their_own_examples(tailnumber):
    result = tailnumber("rules", "test")

    assert result.code == 0
    assert "0 failed; 0 rules have no tests." in result.out


def test_example_that_does_not_hold_is_named_by_rule_and_line_and_not_quoted(tailnumber, write):
    result = tailnumber("rules", "test", write(BROKEN))

    assert result.code == 1
    assert "rules.toml:3: acme-badge: true example 2 is not found" in result.out
    assert "rules.toml:3: acme-badge: false example 1 is found" in result.out
    assert "badge-11111111" not in result.out


def test_rules_of_a_file_without_tests_are_counted(tailnumber, write):
    result = tailnumber("rules", "test", write(UNTESTED), "--json")

    assert result.code == 0
    assert result.document == {
        "rules": 1, "examples": 0, "failures": [], "untested": ["untested"],
    }  # fmt: skip


def test_explanation_shows_what_matches_what_passes_and_what_stands_there_instead(
    tailnumber, write
):
    result = tailnumber("rules", "explain", "acme-badge", "--rules", write(GOOD))

    assert result.code == 0
    for words in (
        "Badge of Acme",
        r"\b(badge-[0-9]{8})\b",
        "wear REDACTED_ACME_BADGE_",
        "99999999",
    ):
        assert words in result.out


def test_json_explanation_places_the_secret_in_its_examples(tailnumber, write):
    document = tailnumber(
        "rules", "explain", "acme-badge", "--rules", write(GOOD), "--json"
    ).document

    example = document["true_examples"][0]
    assert example["text"][example["start"] : example["end"]] == "badge-12345678"
    assert document["allowances"][0]["stopwords"] == ["99999999"]


def test_unknown_rule_is_a_usage_error_with_a_near_name(tailnumber):
    result = tailnumber("rules", "explain", "aws-acces-key-id")

    assert result.code == 2
    assert "aws-access-key-id" in result.err
