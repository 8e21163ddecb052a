import hashlib
from datetime import date
from types import MappingProxyType

import pytest

from ingress.errors import PolicyError
from ingress.policy.connections import Connection, default_auth
from ingress.policy.load import load_policy
from ingress.policy.rules import Masking, Review

FULL = """\
version: 1
connections:
  copilot: {kind: copilot, upstream: https://api.githubcopilot.com, credential: secret/copilot}
  demo:
    kind: openai
    upstream: http://127.0.0.1:9000/
    unknown_paths: pass
masking: {rules: [builtin, company.toml], tier2: off, pii: [email, iban], restore: false}
content: none
rules:                                     # first match wins
  - {id: no-contractors, when: "'contractors' in principal.groups", effect: deny, message: "No."}
  - {id: auth-code, on: tool_call, when: "paths.exists(p, p.matches('(^|/)auth/'))", effect: review,
     review: {reviewers: security, quorum: 2, hold: 90s, expires: 2d}}
  - {id: engineers, on: [chat, inline], when: "'engineering' in principal.groups", effect: mask,
     assurance: bracket}
"""


def problems(text):
    with pytest.raises(PolicyError) as caught:
        load_policy(text, "policy.yaml")
    return [str(problem) for problem in caught.value.problems]


def with_rules(*lines):
    return "\n".join(["version: 1", "rules:", *(f"  - {line}" for line in lines)]) + "\n"


def test_whole_policy_is_read():
    document = load_policy(FULL, "policy.yaml").document

    assert document.connections == MappingProxyType(
        {
            "copilot": Connection(
                "copilot",
                "copilot",
                "https://api.githubcopilot.com",
                "secret/copilot",
                auth=default_auth("copilot", "https://api.githubcopilot.com"),
            ),
            "demo": Connection("demo", "openai", "http://127.0.0.1:9000", None, "pass"),
        }
    )
    assert document.masking == Masking(("builtin", "company.toml"), "off", ("email", "iban"), False)
    assert document.content == "none"
    assert [rule.id for rule in document.rules] == ["no-contractors", "auth-code", "engineers"]
    assert document.rules[1].review == Review("security", 2, 90, 172_800)
    assert document.rules[2].on == {"chat", "inline"}
    assert document.rules[2].assurance == "bracket"


def test_defaults_are_the_safe_ones():
    document = load_policy("version: 1\nrules: []\n", "policy.yaml").document

    assert document.content == "sealed"
    assert document.masking == Masking(("builtin",), "audit", (), True)
    assert document.connections == {}


def test_digest_is_of_the_files_bytes():
    text = FULL.replace("\n", "\r\n") + "# \u00e9\n"

    assert load_policy(text, "f").digest == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: the file is empty"),
        ("rules: [", "1:9: not YAML: "),
        ("a: \x00", "1:1: not YAML: the file has a forbidden character"),
        ("[" * 5000, "1:21: nested too deeply"),
        ("version: 1\nrules: &r []\nmasking: *r\n", "3:10: aliases are not supported"),
        ("version: 1\nrules: []\n---\nversion: 1\n", "3:1: not YAML: but found another document"),
        ("- 1\n", "1:1: a mapping (key: value) is expected here"),
        ("rules: []\n", "1:1: key 'version' is missing"),
        ("version: 2\nrules: []\n", "1:10: '2' is not one of 1"),
        ("version: 1\nrulez: []\nrules: []\n", "2:1: unknown key 'rulez' (did you mean 'rules'?)"),
        ("version: 1\nrules: []\nrules: []\n", "3:1: duplicate key 'rules'"),
        ("version: 1\nrules: []\n? [a]\n: b\n", "3:3: a key must be plain text"),
        ("version: 1\nrules: 3\n", "2:8: a list is expected here"),
        ("version: 1\nrules: []\ncontent: seald\n", "3:10: 'seald' is not one of sealed, tagged"),
        ("version: 1\nrules: []\ncontent:\n", "3:9: text is expected here"),
        ("version: 1\nrules: []\nmasking: {tier2: audt}\n", "(did you mean 'audit'?)"),
        ("version: 1\nrules: []\nmasking: {pii: [phone]}\n", "3:17: 'phone' is not one of email"),
        ("version: 1\nrules: []\nmasking: {rules: [x.yaml]}\n", "3:19: 'x.yaml' is not 'builtin'"),
        ("version: 1\nrules: []\nmasking: {restore: maybe}\n", "3:20: 'maybe' is not one of true"),
    ],
)
def test_faulty_file_is_refused_with_its_place(text, expected):
    found = problems(text)

    assert len(found) == 1
    assert found[0].startswith("policy.yaml:")
    assert expected in found[0]


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ("{kind: copilot}", "key 'upstream' is missing"),
        ("{kind: copilt, upstream: https://a.example}", "did you mean 'copilot'?"),
        ("{kind: http, upstream: ftp://a.example}", "must be a URL"),
        ("{kind: http, upstream: https://}", "must be a URL"),
        ("{kind: http, upstream: 'https://a:b'}", "is not a URL"),
        ("{kind: http, upstream: http://a.example}", "must be https"),
        ("{kind: http, upstream: 'https://a.example?x=1'}", "must not hold"),
        ("{kind: http, upstream: https://a.example, credential: hunter2}", "is not a reference"),
        ("{kind: http, upstream: https://a.example, unknown_paths: allow}", "refuse, pass"),
    ],
)
def test_faulty_connection_is_refused(connection, expected):
    found = problems(f"version: 1\nconnections:\n  main: {connection}\nrules: []\n")

    assert len(found) == 1
    assert expected in found[0]
    assert found[0].startswith("policy.yaml:3:")


@pytest.mark.parametrize("name", ["a.b", "a/b", "'a b'", "a" * 65])
def test_connection_whose_name_no_path_can_hold_is_refused(name):
    found = problems(
        f"version: 1\nconnections:\n  {name}: {{kind: http, upstream: https://a.example}}\nrules: []\n"
    )

    assert "is not a connection's name" in found[0]


def test_password_in_an_upstream_is_not_repeated():
    found = problems(
        "version: 1\nconnections:\n  m: {kind: http, upstream: https://u:canary@a.example}\nrules: []\n"
    )

    assert "canary" not in found[0]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("{id: a}", "3:5: key 'effect' is missing"),
        ("{id: a, effect: alow}", "3:21: 'alow' is not one of allow, mask, review, deny (did you"),
        ("{id: a, efect: allow}", "3:13: unknown key 'efect' (did you mean 'effect'?)"),
        ("{id: a b, effect: allow}", "3:10: 'a b' is not a name"),
        ("{id: default, effect: allow}", "the id 'default' stands for no rule"),
        ("{id: a, effect: allow, on: tool-call}", "(did you mean 'tool_call'?)"),
        ("{id: a, effect: allow, on: []}", "the rule names no operation"),
        ("{id: a, effect: allow, assurance: strong}", "is not one of strict, bracket, async"),
        ("{id: a, effect: allow, when: 'false'}", "can never fire"),
        ("{id: a, effect: allow, when: }", "text is expected here"),
        ("{id: a, effect: review}", "needs the key 'review'"),
        ("{id: a, effect: deny, review: {reviewers: b}}", "belongs to the effect review only"),
        ("{id: a, effect: review, review: {}}", "key 'reviewers' is missing"),
        ("{id: a, effect: review, review: {reviewers: b, quorum: 0}}", "from 1 to 20"),
        ("{id: a, effect: review, review: {reviewers: b, hold: 2x}}", "is not a duration such as"),
    ],
)
def test_faulty_rule_is_refused(rule, expected):
    assert any(expected in problem for problem in problems(with_rules(rule)))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("\"model = 'x'\"", ":3:45: condition: Syntax error"),
        ("modl == 'x'", ":3:38: condition: undeclared reference to 'modl'"),
        ("\"size == 'x'\"", ":3:44: condition: found no matching overload for '_==_'"),
        ("principal.group == 'x'", ":3:47: condition: undeclared reference to 'principal.group'"),
        ("model", ":3:38: condition: a condition must be true or false, not STRING"),
        ("\"model.matches('(')\"", "condition: invalid regular expression: missing )"),
        ("\"paths.exists(p, p.matches('['))\"", "condition: invalid regular expression"),
        ("\"\\x6dodl == 'x'\"", ":3:38: condition: undeclared reference to 'modl'"),
        ("'" + "(" * 50 + "true" + ")" * 50 + "'", "condition: "),
    ],
)
def test_faulty_condition_is_refused_with_its_place(when, expected):
    found = problems(with_rules(f"{{id: a, effect: allow,     when: {when}}}"))

    assert len(found) == 1
    assert expected in found[0]


def test_place_within_a_block_of_lines_is_found():
    text = with_rules(
        "id: a\n    effect: allow\n    when: |\n      model == 'x' &&\n      sizes > 3"
    )

    assert problems(text) == [
        "policy.yaml:7:7: condition: undeclared reference to 'sizes' (in container '')"
    ]


def test_every_problem_is_reported_in_file_order():
    text = with_rules(
        "{id: a, effect: alow}", "{id: b, effect: allow, when: nope}", "{effect: deny}"
    )

    assert [problem.split(":")[1] for problem in problems(text)] == ["3", "4", "5"]


def test_duplicate_rule_id_is_refused():
    found = problems(with_rules("{id: a, when: stream, effect: deny}", "{id: a, effect: allow}"))

    assert found == ["policy.yaml:4:5: duplicate rule id 'a'"]


@pytest.mark.parametrize(
    "rules",
    [
        ("{id: a, effect: allow}", "{id: z, effect: deny}"),
        ("{id: a, when: 'true', effect: allow}", "{id: z, when: stream, effect: deny}"),
        ("{id: a, effect: allow}", "{id: z, on: push, effect: deny}"),
        (
            "{id: b, on: push, effect: allow}",
            "{id: a, on: chat, effect: allow}",
            "{id: z, on: [push, chat], effect: deny}",
        ),
        ("{id: a, when: stream, effect: allow}", "{id: z, on: chat, when: stream, effect: deny}"),
    ],
    ids=["unconditional", "true", "narrower", "covered together", "same condition"],
)
def test_rule_that_can_never_fire_is_refused(rules):
    found = problems(with_rules(*rules))

    assert len(found) == 1
    assert "rule 'z' can never fire: rule 'a' above answers first" in found[0]


def test_rule_for_another_operation_can_fire():
    rules = with_rules(
        "{id: a, on: push, effect: allow}", "{id: z, on: [push, chat], effect: deny}"
    )

    assert len(load_policy(rules, "f").document.rules) == 2


def masking_of(section):
    return load_policy(f"version: 1\nmasking: {section}\nrules: []\n", "p.yaml").document.masking


def test_allowances_and_kinds_of_personal_data_are_read():
    masking = masking_of(
        "{pii: [email, ip], allow: [{rule: aws-access-key-id, path: 'docs/*', "
        "reason: documented example, expires: 2027-01-31}]}"
    )

    assert masking.pii == ("email", "ip")
    assert masking.allow[0].covers("aws-access-key-id", "", "docs/a.md", date(2027, 1, 31))
    assert not masking.allow[0].covers("aws-access-key-id", "", "docs/a.md", date(2027, 2, 1))


@pytest.mark.parametrize(
    ("allowance", "told"),
    [
        ("{rule: x, expires: 2027-01-31}", "reason"),
        ("{rule: x, reason: y}", "expires"),
        ("{rule: x, reason: y, expires: soon}", "expires must be a date such as 2026-12-31"),
        ("{reason: y, expires: 2027-01-31}", "an allowance needs a fingerprint, a rule or a path"),
        ("{fingerprint: ab, reason: y, expires: 2027-01-31}", "64 hex digits"),
        ("{ruel: x, reason: y, expires: 2027-01-31}", "did you mean 'rule'"),
    ],
)
def test_allowance_that_is_no_allowance_is_refused_with_its_place(allowance, told):
    with pytest.raises(PolicyError) as refused:
        masking_of(f"{{allow: [{allowance}]}}")

    assert told in str(refused.value)
    assert "p.yaml:2:" in str(refused.value)
