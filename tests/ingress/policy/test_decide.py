import time

import pytest
from operations import operation

from ingress.policy.load import load_policy


def policy(*rules):
    items = "".join(f"\n  - {rule}" for rule in rules) or " []"
    return load_policy(f"version: 1\nrules:{items}\n", "p.yaml")


def test_first_matching_rule_decides():
    rules = policy(
        "{id: models, when: \"model == 'o1'\", effect: deny, message: Not that one.}",
        "{id: engineers, when: \"'engineering' in principal.groups\", effect: allow}",
    )

    allowed = rules.decide(operation())
    denied = rules.decide(operation(model="o1"))

    assert (allowed.effect, allowed.rule_id, allowed.allowed) == ("allow", "engineers", True)
    assert (denied.effect, denied.rule_id, denied.allowed) == ("deny", "models", False)
    assert denied.message == "Not that one."
    assert denied.reasons == ("rule",)


def test_no_match_is_deny():
    decision = policy("{id: a, when: stream, effect: allow}").decide(operation())

    assert (decision.effect, decision.rule_id, decision.reasons) == (
        "deny",
        "default",
        ("no_rule",),
    )
    assert decision.message


def test_policy_without_rules_denies():
    assert policy().decide(operation()).rule_id == "default"


def test_mask_goes_on_like_allow():
    decision = policy("{id: a, effect: mask, assurance: async}").decide(operation())

    assert (decision.effect, decision.allowed, decision.assurance) == ("mask", True, "async")


def test_review_denies_and_says_that_holding_is_not_available():
    decision = policy("{id: a, effect: review, message: Ask., review: {reviewers: x}}").decide(
        operation()
    )

    assert (decision.effect, decision.rule_id) == ("deny", "a")
    assert "review_unavailable" in decision.reasons
    assert decision.message.startswith("Ask. ")
    assert "not available yet" in decision.message


def test_rule_is_asked_about_its_operations_only():
    rules = policy("{id: a, on: push, effect: deny}", "{id: b, effect: allow}")

    assert rules.decide(operation(operation="push")).rule_id == "a"
    assert rules.decide(operation(operation="chat")).rule_id == "b"
    assert rules.decide(operation(operation="never heard of")).rule_id == "b"


@pytest.mark.parametrize("before", [0, 1, 30], ids=["first", "second", "second block"])
def test_condition_that_cannot_be_evaluated_denies(before):
    rules = policy(
        *(f"{{id: r{i}, when: \"model == 'm{i}'\", effect: allow}}" for i in range(before)),
        "{id: fragile, when: \"paths[3] == 'x'\", effect: allow}",
        "{id: everyone, effect: allow}",
    )

    for _ in range(2):  # the second time from what the first has compiled
        decision = rules.decide(operation(paths=("a",)))
        assert (decision.effect, decision.rule_id) == ("deny", "fragile")
        assert decision.reasons == ("condition_error",)


def test_match_before_a_fragile_condition_stands():
    rules = policy(
        "{id: a, when: \"model == 'gpt-4o'\", effect: allow}",
        "{id: fragile, when: \"paths[3] == 'x'\", effect: deny}",
    )

    assert rules.decide(operation()).rule_id == "a"


def test_condition_cannot_reach_into_its_neighbours():
    rules = policy(
        '{id: comment, when: "stream // always", effect: deny}',
        '{id: either, when: "stream || false", effect: deny}',
        "{id: ternary, when: \"model == 'gpt-4o' ? true : false\", effect: allow}",
    )

    assert rules.decide(operation()).rule_id == "ternary"


@pytest.mark.parametrize(
    ("when", "facts"),
    [
        ("principal.id == 'x'", {"principal_id": "x"}),
        ("principal.issuer == 'x'", {"principal_issuer": "x"}),
        ("principal.subject == 'x'", {"principal_subject": "x"}),
        ("principal.email.endsWith('@example.com')", {"principal_email": "a@example.com"}),
        ("principal . groups . exists(g, g == 'x')", {"principal_groups": ("y", "x")}),
        ("principal.kind == 'service'", {"principal_kind": "service"}),
        ("client.name == 'vscode'", {"client_name": "vscode"}),
        ("client.version.startsWith('1.')", {"client_version": "1.2"}),
        ("connection == 'github'", {"connection": "github"}),
        ("protocol == 'openai.chat'", {"protocol": "openai.chat"}),
        ("operation == 'inline'", {"operation": "inline"}),
        ("model in ['o1', 'o3']", {"model": "o3"}),
        ("repository.startsWith('acme/')", {"repository": "acme/payments"}),
        ("paths.exists(p, p.matches('(^|/)auth/'))", {"paths": ("README", "src/auth/a.py")}),
        ("'python' in languages", {"languages": ("python",)}),
        ("ref.startsWith('refs/heads/')", {"ref": "refs/heads/main"}),
        ("tool_name == 'shell'", {"tool_name": "shell"}),
        ("findings.size() > 0", {"findings": ("aws-access-key",)}),
        ("stream", {"stream": True}),
        ("size > 1000", {"size_bytes": 1001}),
    ],
)
def test_variable_has_the_operations_value(when, facts):
    rules = policy(f'{{id: a, when: "{when}", effect: allow}}')

    assert rules.decide(operation(**facts)).rule_id == "a"
    assert rules.decide(operation()).rule_id == "default"


def test_long_policy_finds_each_of_its_rules():
    rules = policy(*(f"{{id: r{i}, when: \"model == 'm{i}'\", effect: allow}}" for i in range(120)))

    assert [rules.decide(operation(model=f"m{i}")).rule_id for i in range(120)] == [
        f"r{i}" for i in range(120)
    ]


def test_deeply_nested_conditions_fit_in_shorter_chains():
    deep = "(" * 9 + "model == 'm{}'" + ")" * 9
    rules = policy(*(f'{{id: r{i}, when: "{deep.format(i)}", effect: allow}}' for i in range(40)))

    assert rules.decide(operation(model="m39")).rule_id == "r39"


@pytest.mark.parametrize(("count", "budget_seconds"), [(10, 30e-6), (200, 100e-6)])
def test_decision_is_cheap(count, budget_seconds):
    # The budgets are 10 and 50 us; a shared machine gets twice or three times that.
    rules = policy(
        *(
            f"{{id: r{i}, when: \"'g{i}' in principal.groups && model == 'm'\", effect: deny}}"
            for i in range(count - 1)
        ),
        "{id: last, when: \"'engineering' in principal.groups\", effect: allow}",
    )
    asked = operation()

    best = float("inf")
    for _ in range(5):
        begin = time.thread_time()
        for _ in range(300):
            rules.decide(asked)
        best = min(best, time.thread_time() - begin)

    assert rules.decide(asked).rule_id == "last"
    assert best / 300 < budget_seconds


def test_models_of_the_file_count_where_a_rule_names_none():
    rules = load_policy(
        "version: 1\nmodels: [gpt-4o, 'claude-*']\nrules:\n"
        "  - {id: search, when: \"'search' in principal.groups\", effect: allow, models: [o1]}\n"
        "  - {id: everyone, effect: allow}\n",
        "p.yaml",
    )

    def asked(model, **facts):
        return rules.decide(operation(model=model, **facts)).reasons[-1]

    assert asked("gpt-4o") == asked("claude-sonnet-4") == "rule"
    assert asked("gpt-4o-mini") == asked("xclaude-4") == asked("") == "model_not_allowed"
    assert asked("", operation="models") == asked("", operation="push") == "rule"
    assert asked("o1", principal_groups=("search",)) == "rule"
    assert asked("gpt-4o", principal_groups=("search",)) == "model_not_allowed"


def test_refusal_names_the_models_that_are_allowed():
    decision = policy("{id: a, effect: allow, models: [gpt-4o, claude-*]}").decide(
        operation(model="o1")
    )

    assert (decision.effect, decision.rule_id) == ("deny", "a")
    assert decision.message.endswith("Choose one of: gpt-4o, claude-*.")


def test_inline_prompt_of_an_excluded_file_is_refused_and_a_chat_about_it_is_not():
    rules = load_policy(
        "version: 1\nexclude: ['*.pem']\nrules: [{id: a, effect: allow}]\n", "p.yaml"
    )

    inline = rules.decide(operation(operation="inline", paths=("keys/a.pem",)))

    assert inline.reasons == ("rule", "path_excluded")
    assert "keys/a.pem" in inline.message
    assert rules.decide(operation(paths=("keys/a.pem",))).allowed


@pytest.mark.parametrize("effect", ["allow", "mask"])
@pytest.mark.parametrize("asked", ["chat", "inline", "embeddings", "models", "push", "tool_call"])
def test_assurance_is_the_matching_rules_on_every_operation(effect, asked):
    rules = policy(f"{{id: a, effect: {effect}, assurance: async}}")

    assert rules.decide(operation(operation=asked)).assurance == "async"


@pytest.mark.parametrize(
    ("when", "counts", "asks"),
    [("stream", False, False), ("tokens_last_hour > 5", True, True)],
)
def test_use_is_counted_only_where_a_rule_asks_for_it(when, counts, asks):
    rules = policy(f'{{id: a, when: "{when}", effect: allow}}')

    assert (rules.counts, rules.asks_usage) == (counts, asks)
    assert policy("{id: a, effect: allow, limits: {tokens_per_hour: 1}}").counts
