"""What the questions about secrets, policy and tools must answer over the planted month."""

from counting import called, ended_at, found, grouped, listed, model_of, monday, nulls_first
from expected_answers import Rows, answers
from month import CHANGED_AT, END, FIRST_POLICY, SECOND_POLICY, Month, at, token


def _findings_by(month, name):
    return grouped(found(month), lambda each: each[2][name]).items()


def _people(each):
    return len({i.person for i, *_ in each})


def _let_through(call):
    return call.get("effect", "allow") != "deny"


@answers("what_left_and_what_was_stopped")
def _(month: Month) -> Rows:
    groups = grouped(
        found(month),
        lambda each: (monday(each[3]), each[2]["rule_id"], each[2]["direction"]),
    )
    return sorted(
        (
            *key,
            sum(f["action"] == "masked" for _, _, f, _ in each),
            sum(f["action"] == "recorded" for _, _, f, _ in each),
            _people(each),
        )
        for key, each in groups.items()
    )


@answers("secrets_by_person")
def _(month: Month) -> Rows:
    sent = [each for each in found(month) if each[2]["direction"] == "to_upstream"]
    rows = [
        (
            person.email, person.id, len({f["fingerprint"] for _, _, f, _ in each}), len(each),
            listed(f["rule_id"] for _, _, f, _ in each), listed(i.repository for i, *_ in each),
            max(at for *_, at in each),
        )
        for person, each in grouped(sent, lambda each: each[0].person).items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[2], -row[3], row[1]))


@answers("open_findings_by_age", quiet_days="14")
def _(month: Month) -> Rows:
    # Only the shared token was still seen in the last two weeks of October.
    shared = month.facts["shared_secret"]
    assert (END - shared[-1].requested_at).days < 14
    first = min(at for *_, f, at in found(month) if f["fingerprint"] == token("shared", length=40))
    return [("07 to 29 days", "github-pat", 1, 3, 0, first)]


@answers("incident_reach", fingerprint=token("shared", length=40)[:12])
def _(month: Month) -> Rows:
    shared = [each for each in found(month) if each[2]["fingerprint"] == token("shared", length=40)]
    rows = []
    for (person, repository), each in grouped(
        shared, lambda each: (each[0].person, each[0].repository)
    ).items():
        times = [at for *_, at in each]
        rows.append(
            (
                min(times), max(times), person.email, person.id, repository, len(each), 0,
                len({i.session_id for i, *_ in each}), listed(model_of(i) for i, *_ in each),
                person.client["address"],
            )
        )  # fmt: skip
    return sorted(rows)


@answers("unmasked_findings")
def _(month: Month) -> Rows:
    rows = [
        (
            at, i.person.email, f["rule_id"], f["tier"], f["location"], i.connection, "allow",
            i.rule_id, i.id, index,
        )
        for i, index, f, at in found(month)
        if f["action"] == "recorded"
    ]  # fmt: skip
    return sorted(rows, reverse=True)


@answers("findings_by_rule")
def _(month: Month) -> Rows:
    rows = [
        (
            rule, max(f["tier"] for _, _, f, _ in each), len(each),
            sum(f["action"] == "masked" for _, _, f, _ in each),
            len({f["fingerprint"] for _, _, f, _ in each}), _people(each),
            max(at for *_, at in each),
        )
        for rule, each in _findings_by(month, "rule_id")
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[2], row[0]))


@answers("false_positive_candidates")
def _(month: Month) -> Rows:
    example = month.people[112:118]
    assert len({person.department for person in example}) == 5
    repositories = {
        i.repository
        for i, _, f, _ in found(month)
        if f["fingerprint"] == token("example", length=40)
    }
    return [(token("example", length=40), "generic-api-key", 2, 6, len(repositories), 6, 0)]


@answers("secrets_from_models")
def _(month: Month) -> Rows:
    (told,) = [at for *_, f, at in found(month) if f["direction"] == "to_client"]
    return [("stripe-key", token("told", length=40), 1, 1, "in an answer", 1, told)]


@answers("denied_by_rule")
def _(month: Month) -> Rows:
    refused = [
        (i.rule_id, i.reason_code, i.operation, i.person, i.requested_at)
        for i in month.interactions
        if i.status == "blocked"
    ] + [
        (c["rule_id"], c["reason_code"], "tool_call", i.person, ended_at(i))
        for i, _, c, _ in called(month)
        if c.get("effect") == "deny"
    ]
    rows = [
        (
            *key,
            len(each),
            len({e[3] for e in each}),
            min(e[4] for e in each),
            max(e[4] for e in each),
        )
        for key, each in grouped(refused, lambda each: each[:3]).items()
    ]
    return sorted(rows, key=lambda row: (-row[3], *row[:3]))


@answers("refused_and_tried_again")
def _(month: Month) -> Rows:
    refused = next(i for i in month.interactions if i.model == "o9-huge")
    again = next(i for i in month.interactions if i.requested_at == at(16, 18, 3))
    return [
        (
            refused.requested_at, refused.person.email, "approved-models", "model_not_allowed",
            "o9-huge", again.requested_at, again.model, again.rule_id, refused.session_id,
            refused.id,
        )
    ]  # fmt: skip


@answers("unused_rules")
def _(month: Month) -> Rows:
    (first, second) = month.told("policy.changed")
    assert "never-decides" in first.fields["rules_added"]
    return [("never-decides", second.at, 0, None)]


@answers("policy_versions")
def _(month: Month) -> Rows:
    rows = []
    for digest in (FIRST_POLICY, SECOND_POLICY):
        each = [i for i in month.interactions if i.policy_digest == digest]
        times = [i.requested_at for i in each]
        refused = sum(i.effect == "deny" for i in each)
        rows.append(
            (
                digest, min(times), max(times), len(each) - refused, 0, refused,
                len({i.rule_id for i in each}),
            )
        )  # fmt: skip
    return rows


@answers("policy_changes")
def _(month: Month) -> Rows:
    day = [
        i for i in month.interactions if abs((i.requested_at - CHANGED_AT).total_seconds()) < 86400
    ]
    after = [i for i in day if i.requested_at >= CHANGED_AT]
    assert all(i.status != "blocked" for i in day if i.requested_at < CHANGED_AT)
    share = round(sum(i.status == "blocked" for i in after) / len(after), 3)
    return [
        (
            CHANGED_AT, SECOND_POLICY, FIRST_POLICY, "no-contractors-on-payments, never-decides", "",
            "engineers", "masking", 2, 0.0, share,
        )
    ]  # fmt: skip


@answers("excluded_files")
def _(month: Month) -> Rows:
    each = [i for i in month.interactions if i.fields.get("excluded_paths")]
    return [
        (
            "config/secrets/prod.env", 2, 2, listed(i.client["name"] for i in each),
            listed(i.repository for i in each), at(16, 12),
        )
    ]  # fmt: skip


@answers("limits_reached")
def _(month: Month) -> Rows:
    person = month.people[106]
    return [(person.email, person.id, "engineers", 3, 1, at(16, 13, 2))]


@answers("ran_without_approval")
def _(month: Month) -> Rows:
    deleted, push = month.facts["deletions"][0], month.facts["push_by_101"]
    return [
        (
            push.requested_at, "updated by push", "refs/heads/main", push.person.email,
            "acme/payments-0", "pushes", push.id, 0,
        ),
        (
            ended_at(deleted), "destructive tool call", "delete_file", deleted.person.email,
            "acme/payments-0", None, deleted.id, 0,
        ),
    ]  # fmt: skip


@answers("tool_calls_by_risk")
def _(month: Month) -> Rows:
    rows = [
        (
            tier, name, len(each), sum(c.get("effect") == "allow" for _, _, c, _ in each),
            sum(c.get("effect") == "deny" for _, _, c, _ in each),
            sum("effect" not in c for _, _, c, _ in each), _people(each),
            max(ended_at(i) for i, *_ in each),
        )
        for (tier, name), each in grouped(called(month), lambda e: (e[3], e[2]["name"])).items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[2], row[1], nulls_first(row[0])))


@answers("edited_paths")
def _(month: Month) -> Rows:
    sensitive = [
        (path, i, c)
        for i, _, c, _ in called(month)
        for path in c.get("file_paths", ())
        if "/payments/" in path
    ]
    rows = [
        (
            path, repository, person.email, person.id, listed(c["name"] for _, _, c in each),
            sum(_let_through(c) for _, _, c in each),
            sum(not _let_through(c) for _, _, c in each), max(ended_at(i) for _, i, _ in each),
        )
        for (path, repository, person), each in grouped(
            sensitive, lambda e: (e[0], e[1].repository, e[1].person)
        ).items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[5], row[0], row[1], row[3]))


@answers("generated_code_pushed", paths="payments")
def _(month: Month) -> Rows:
    push = month.facts["push_by_101"]
    edit = next(
        i for i in month.interactions if i.person == push.person and i.requested_at == at(19)
    )
    return [
        (
            push.requested_at, push.person.email, "acme/payments-0", "refs/heads/main",
            "src/payments/refund101.py", ended_at(edit), 1, edit.model, push.id,
        )
    ]  # fmt: skip


@answers("tools_over_mcp")
def _(month: Month) -> Rows:
    return [("issues", "create_issue", 3, 1, 0, 1, at(16, 11, 2))]


@answers("pushes_by_ref")
def _(month: Month) -> Rows:
    main, feature = month.facts["push_by_101"], month.facts["push_by_102"]
    refused = month.facts["denied_push"]
    repository = "acme/payments-0"
    return [
        (repository, "refs/heads/feature", "updated", 1, 0, 1, "pushes", feature.requested_at),
        (repository, "refs/heads/main", "updated", 1, 0, 1, "pushes", main.requested_at),
        (
            repository, "refs/heads/main", "forced", 0, 1, 1, "protected-branches",
            refused.requested_at,
        ),
    ]  # fmt: skip


@answers("generated_code")
def _(month: Month) -> Rows:
    rows = []
    for repository, each in grouped(month.interactions, lambda i: i.repository).items():
        if repository is None:
            continue
        edits = [
            c
            for i, _, c, tier in called(month)
            if i.repository == repository
            and tier in ("write", "execute", "destructive")
            and _let_through(c)
        ]
        rows.append(
            (
                repository, each[0].repository_criticality, each[0].repository_owner,
                sum(i.fields.get("code_block_count", 0) for i in each), len(edits),
                len({i.person for i in each}), "code" if edits else None,
            )
        )  # fmt: skip
    return sorted(rows, key=lambda row: (-row[3], row[0]))
