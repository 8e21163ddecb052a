from datetime import UTC, datetime, timedelta

import pytest

from ingress.policy.load import load_policy
from tailnumber import questions
from tailnumber.policy_replay import SAMPLES_MAX, Kind, Replay, days, recorded

AT = datetime(2026, 11, 20, tzinfo=UTC)
POLICY = """\
version: 1
rules:
  - {id: no-writes, on: tool_call, when: "paths.exists(p, p.startsWith('auth/'))", effect: deny}
  - {id: no-keys, on: chat, when: "'aws' in findings", effect: deny}
  - {id: pay, on: chat, when: "repository == 'acme/pay'", effect: review, review: {reviewers: x}}
  - {id: everyone, effect: allow}
"""


def row(**columns):
    return {
        "interaction_id": "i1",
        "requested_at": AT,
        "status": "completed",
        "operation": "chat",
        "principal_subject": "ada",
        "principal_email": None,
        "repository": "acme/web",
        "prompt_bytes": 10,
        "effect": "allow",
        "rule_id": "everyone",
        "reason_code": None,
        "tool_calls": [],
        "finding_rules": None,
        **columns,
    }


def replayed(*rows, policy=POLICY):
    replay = Replay(load_policy(policy, "new.yaml"))
    for each in rows:
        replay.take(each)
    return replay


def test_same_decision_is_no_change():
    replay = replayed(row(), row(operation="inline"))

    assert (replay.interaction_count, replay.changes, replay.changed_count) == (2, {}, 0)


def test_changes_are_counted_by_kind_with_whom_and_where():
    rows = [
        row(interaction_id=f"i{n}", finding_rules=["aws"], principal_email=f"p{n % 2}@acme.example")
        for n in range(5)
    ]

    replay = replayed(*rows)

    ((kind, change),) = replay.changes.items()
    assert kind == Kind("chat", "allow", "everyone", "deny", "no-keys", "rule")
    assert change.count == replay.changed_count == 5
    assert change.principals == {"p0@acme.example", "p1@acme.example"}
    assert change.repositories == {"acme/web"}
    assert change.samples == ["i0", "i1", "i2"]
    assert len(change.samples) == SAMPLES_MAX


def test_review_is_told_from_deny_on_both_sides():
    pay = {"repository": "acme/pay", "status": "blocked", "effect": "deny", "rule_id": "pay"}

    same = replayed(row(**pay, reason_code="review_unavailable"))
    other = replayed(row(**pay, reason_code="rule"))

    assert same.changes == {}
    ((kind, _),) = other.changes.items()
    assert (kind.old_effect, kind.new_effect) == ("deny", "review")


def test_another_rule_of_the_same_effect_is_listed_last_and_changes_nothing():
    replay = replayed(row(rule_id="old-name"), row(rule_id="old-name"), row(finding_rules=["aws"]))

    assert [kind.changes_effect for kind, _ in replay.ordered()] == [True, False]
    assert replay.changed_count == 1


def test_tool_calls_that_policy_decided_are_asked_again():
    calls = [
        {"name": "edit", "file_paths": ["auth/a.py"], "effect": "allow", "rule_id": "everyone",
         "reason_code": "rule"},
        {"name": "edit", "file_paths": ["b.py"], "effect": "allow", "rule_id": "everyone",
         "reason_code": "rule"},
        {"name": "edit", "file_paths": ["auth/b.py"], "effect": None},
    ]  # fmt: skip

    replay = replayed(row(tool_calls=calls))

    assert replay.tool_call_count == 2
    ((kind, change),) = replay.changes.items()
    assert (kind.operation, kind.new_rule, change.count) == ("tool_call", "no-writes", 1)


@pytest.mark.parametrize("reason", ["limit_reached", "bad_prompt", None])
def test_what_no_condition_decided_is_skipped_and_counted(reason):
    replay = replayed(row(status="blocked", effect="deny", rule_id="x", reason_code=reason))

    assert (replay.interaction_count, replay.skipped_count) == (0, 1)


def test_what_rows_cannot_answer_is_said():
    text = (
        "version: 1\nrules:\n"
        "  - {id: a, when: \"requests_last_hour == 1 || tokens_last_hour > 5 || 'x' in findings\", effect: deny}\n"
        "  - {id: b, effect: allow, limits: {requests_per_hour: 1}}\n"
    )

    notes = " ".join(replayed(policy=text).document()["notes"])

    assert all(
        word in notes
        for word in ("`requests_last_hour`", "`tokens_last_hour`", "limits", "`findings`")
    )
    assert replayed(policy="version: 1\nrules: [{id: a, effect: allow}]\n").notes() == []


def test_push_is_decided_ref_by_ref_and_the_first_refusal_counts():
    policy = (
        "version: 1\nrules:\n"
        "  - {id: main, on: push, when: \"ref == 'refs/heads/main'\", effect: deny}\n"
        "  - {id: everyone, effect: allow}\n"
    )
    refs = [{"ref": "refs/heads/x", "change": "created"}, {"ref": "refs/heads/main"}]

    replay = replayed(row(operation="push", refs=refs), row(operation="push"), policy=policy)

    assert [kind.new_rule for kind in replay.changes] == ["main"]
    assert replay.changed_count == 1


def test_a_month_is_asked_for_day_by_day():
    windows = days(AT, AT + timedelta(days=2, hours=3))

    assert [end - begin for begin, end in windows] == [
        timedelta(days=1),
        timedelta(days=1),
        timedelta(hours=3),
    ]
    assert windows[0][0] == AT


def test_rows_of_one_day_are_streamed():
    class Trail:
        def stream(self, sql, **parameters):
            assert sql == questions.DECIDED
            assert parameters == {"begin": AT, "end": AT + timedelta(days=1)}
            yield row()

    assert list(recorded(Trail(), (AT, AT + timedelta(days=1)))) == [row()]
