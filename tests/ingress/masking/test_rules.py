from pathlib import Path

import pytest

from ingress.masking.detect import Detector
from ingress.masking.rules import Rule, RuleError, builtin_rules, load_rules, merge

BUILTIN = builtin_rules()
GITLEAKS = Path(__file__).resolve().parents[4] / "shared" / "secrets" / "gitleaks.toml"


def one_rule(body: str) -> str:
    return f'[[rules]]\nid = "acme"\n{body}\n'


TESTED = "[[rules]]\nid = 'a'\nregex = 'x'\ntests = {true = ['x'], false = ['y']}\n"


@pytest.fixture(scope="module")
def builtin_detector() -> Detector:
    return Detector(BUILTIN, engine="portable")


def test_pack_knows_at_least_180_kinds() -> None:
    assert len(BUILTIN.rules) >= 180


@pytest.mark.parametrize("rule", BUILTIN.rules, ids=lambda rule: rule.rule_id)
def test_rule_finds_its_true_examples_and_passes_its_false_ones(
    rule: Rule, builtin_detector: Detector
) -> None:
    def names(text: str) -> set[str]:
        return {span.rule_id for span in builtin_detector.scan(text)}

    assert len(rule.true_examples) >= 2
    assert len(rule.false_examples) >= 2
    assert all(rule.rule_id in names(text) for text in rule.true_examples)
    assert not any(rule.rule_id in names(text) for text in rule.false_examples)


@pytest.mark.parametrize("rule", BUILTIN.rules, ids=lambda rule: rule.rule_id)
def test_shipped_rule_says_what_it_is_and_has_keywords(rule: Rule) -> None:
    assert rule.description
    assert rule.keywords


def test_users_gitleaks_configuration_loads_unchanged() -> None:
    if not GITLEAKS.is_file():
        pytest.skip("../shared/secrets/gitleaks.toml is not here")

    rules = load_rules(GITLEAKS.read_text("utf-8"), "gitleaks.toml")

    assert len(rules.rules) == 221
    assert rules.path_only == ("pkcs12-file",)


@pytest.mark.parametrize(
    ("toml", "rule_id", "reason"),
    [
        ("rules = 1", "", "rules is not a table"),
        ("= broken", "", "not TOML"),
        ("title = 'nothing'", "", "holds no rules"),
        (one_rule("regex = '(?=ahead)x'"), "acme", "regex does not compile"),
        (one_rule("regex = 'a{1,2000}'"), "acme", "invalid repetition size"),
        (one_rule("description = 'no regex'"), "acme", "neither regex nor path"),
        (one_rule("regex = 'x'\nsecretGroup = 2"), "acme", "not a group"),
        (one_rule("regex = 'x'\ntier = 3"), "acme", "tier"),
        (one_rule("regex = 'x'\nkeywords = 'x'"), "acme", "not a list of strings"),
        (one_rule("regex = 'x'\nentropy = 'high'"), "acme", "not a number"),
        (one_rule("regex = 'x'") + one_rule("regex = 'y'"), "acme", "used twice"),
        (one_rule("regex = 'x'\n[rules.allowlist]\nregexTarget = 'file'"), "acme", "regexTarget"),
        ("[[rules]]\nregex = 'x'", "rule 1", "has no id"),
        ("x = 1\n\n[[rules]]\nid = 'acme'\nregex = '('", "acme", "acme.toml:3: acme: regex does"),
        ("x = 1\ny =\n", "", "acme.toml:2: file: not TOML"),
        (
            one_rule(
                "regex = '[a-z]{0,500}@[a-z]{0,500}.{0,900}x?.{0,900}y?.{0,900}.{0,900}.{0,900}"
                ".{0,900}.{0,900}.{0,900}.{0,900}z'"
            ),
            "acme",
            "repeats too much",
        ),
        (one_rule(f"regex = '{'x' * 20_000}'"), "acme", "longer than"),
        (TESTED + "[[rules]]\nid = 'acme'\nregex = 'x'", "acme", "acme.toml:5: acme: has no test"),
    ],
)
def test_unusable_file_is_refused_with_rule_and_reason(
    toml: str, rule_id: str, reason: str
) -> None:
    with pytest.raises(RuleError) as caught:
        load_rules(toml, "acme.toml")

    assert caught.value.source == "acme.toml"
    assert caught.value.rule_id == rule_id
    assert reason in str(caught.value)


def test_companys_rule_overrides_a_shipped_one() -> None:
    own = load_rules('[[rules]]\nid = "jwt"\nregex = "mine"', "own.toml")

    merged = merge(own, BUILTIN)

    assert merged.rules[0].regex == "mine"
    assert [rule.rule_id for rule in merged.rules].count("jwt") == 1
    assert [rule.index for rule in merged.rules] == list(range(len(merged.rules)))
    assert merged.digest not in (own.digest, BUILTIN.digest)
