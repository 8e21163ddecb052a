"""What the questions about access, administration, integrity and privacy must answer."""

from datetime import UTC, date, datetime

from counting import called, ended_at, found, grouped, listed
from expected_answers import Rows, answers
from month import BEGIN, END, Month, Person, at, uuid_of

OFFICER = "person130@acme.example"
NEVER = datetime(2027, 1, 1, tzinfo=UTC)


@answers("keys_in_force")
def _(month: Month) -> Rows:
    def row(key_id, holder, issued_at, device=None, kind="human"):
        uses = [i.requested_at for i in month.interactions if i.person.key_id == key_id]
        return (
            key_id, holder, kind, "header", device, issued_at, (END.date() - issued_at.date()).days, NEVER,
            max(uses, default=None), "used" if uses else "never",
        )  # fmt: skip

    return [
        row("gk_person120", "person120@acme.example", at(2)),
        row("gk_robot", "bot001@acme.example", at(2), kind="service"),
        row("gk_spare", "person121@acme.example", at(2), "old laptop"),
        row("gk_late", "person091@acme.example", at(28, 13), "laptop"),
    ]


@answers("keys_that_travel", least_addresses="4")
def _(month: Month) -> Rows:
    rows = []
    for number, machines, addresses in ((108, 2, 1), (1, 0, 4)):
        person = month.people[108] if number == 108 else Person(1, "service")
        each = [i for i in month.interactions if i.person == person]
        rows.append(
            (
                person.key_id, person.email, machines, addresses,
                listed(i.client["name"] for i in each), len(each),
                max(i.requested_at for i in each),
            )
        )  # fmt: skip
    return rows


@answers("exposed_keys")
def _(month: Month) -> Rows:
    shown = at(13, 9)
    later = [
        i for i in month.interactions if i.person == month.people[123] and i.requested_at > shown
    ]
    return [("gk_person123", None, "key_in_url", 1, shown, len(later), None)]


@answers("guessing_addresses", least_count="5")
def _(month: Month) -> Rows:
    return [
        (
            f"203.0.113.{number + 1}", 5, 5, "key_unknown", at(9, 2, number), at(9, 2, number + 20),
            0,
        )
        for number in range(5)
    ]  # fmt: skip


@answers(
    "upstream_requests", connection="copilot", since="2026-10-16T14:00", until="2026-10-16T14:01"
)
def _(month: Month) -> Rows:
    rows = [
        (
            i.fields.get("upstream_request_id"), i.requested_at, "copilot", "/chat/completions",
            200, i.person.email, i.id,
        )
        for i in month.interactions
        if at(16, 14) <= i.requested_at < at(16, 14, 1)
    ]  # fmt: skip
    assert any(row[0] == "ABCD:1234" for row in rows)
    return sorted(rows, key=lambda row: (row[1], row[6]))


def _changes(month):
    """Every administrative change: event, kind of object, its id, who, about whom, detail."""
    for event in month.told("policy.changed"):
        names = [*event.fields["rules_added"], *event.fields["rules_changed"]]
        yield event, "policy", event.fields["policy_digest"], None, None, ", ".join(names)
    for kind in ("key.issued", "key.revoked"):
        for event in month.told(kind):
            said = event.fields
            yield (
                event, "gateway_key", said["gateway_key_id"], said["principal"]["email"],
                said["holder"]["email"], said.get("device_name"),
            )  # fmt: skip
    for kind in ("legal_hold.placed", "legal_hold.released"):
        for event in month.told(kind):
            yield (
                event,
                "legal_hold",
                event.fields["hold_id"],
                OFFICER,
                None,
                event.fields["reason"],
            )
    for kind in ("content.erased", "erasure.refused"):
        for event in month.told(kind):
            said = event.fields
            detail = said.get("refusal_code", said["reason"])
            yield event, "content", said["erasure_id"], OFFICER, said["holder"]["email"], detail


@answers("admin_changes")
def _(month: Month) -> Rows:
    rows = [
        (event.at, event.event_type, kind, object_id, who, about, detail, event.event_id)
        for event, kind, object_id, who, about, detail in _changes(month)
    ]
    return sorted(sorted(rows, key=lambda row: row[7]), key=lambda row: row[0], reverse=True)


@answers("keys_for_others")
def _(month: Month) -> Rows:
    (event,) = [e for e in month.told("key.issued") if e.fields["gateway_key_id"] == "gk_robot"]
    return [
        (
            at(2), "key.issued", "person124@acme.example", "bot001@acme.example", "service",
            "header", NEVER, "gk_robot", event.event_id,
        )
    ]  # fmt: skip


@answers("who_read_the_audit")
def _(month: Month) -> Rows:
    first, second = month.told("record.viewed")
    return [
        (
            second.at, "person133@acme.example", "replay", "my own session", 1, 1, 1, True,
            second.event_id,
        ),
        (first.at, OFFICER, "replay", "matter-1", 1, 1, 1, False, first.event_id),
    ]  # fmt: skip


def _chain(month, writer):
    """The drafts of a writer in the order of its chain, lost ones as well."""
    return sorted((d for d in month._drafts if d.writer == writer), key=lambda d: d.at)


@answers("sequence_gaps")
def _(month: Month) -> Rows:
    chain = _chain(month, month.writers[1])
    (gap,) = [n for n, draft in enumerate(chain) if draft.event_id in month.lost]
    return [(month.writers[1], gap, gap, 1, chain[gap - 1].at, chain[gap + 1].at)]


@answers("broken_links")
def _(month: Month) -> Rows:
    return [
        (
            uuid_of("writer", 9), 1, "key.revoked", at(17, 3, 1), "e" * 64, "f" * 64,
            uuid_of("forged", 1),
        )
    ]  # fmt: skip


@answers("recording_stops")
def _(month: Month) -> Rows:
    rows = [
        (
            writer, BEGIN, _chain(month, writer)[-1].at, "silent",
            len(_chain(month, writer)) - number, "0.1.0", f"gateway-{number}",
        )
        for number, writer in enumerate(month.writers)
    ]  # fmt: skip
    rows += [
        (uuid_of("writer", 9), None, at(17, 3, 1), "silent", 2, None, None),
        (uuid_of("writer", 2), at(4, 8), at(4, 9), "stopped", 2, "0.1.0", "gateway-2"),
        (uuid_of("writer", 3), at(4, 8), at(4, 8), "interrupted", 1, "0.1.0", "gateway-2"),
    ]
    return sorted(rows, key=lambda row: row[2], reverse=True)


@answers("dead_letters")
def _(month: Month) -> Rows:
    return [
        (
            "verify", "hash_mismatch", "interaction.requested", 1, 1, at(18), at(18),
            "dead-letters/77",
        )
    ]  # fmt: skip


@answers("late_arrivals")
def _(month: Month) -> Rows:
    rows = []
    kept = [draft for draft in month._drafts if draft.event_id not in month.lost]
    for day, drafts in grouped(kept, lambda draft: draft.at.date()).items():
        late = 1 if day == date(2026, 10, 28) else 0
        forged = 2 if day == date(2026, 10, 17) else 0
        assert not forged
        rows.append((day, len(drafts), late, 2.0, 2.0, 1201.0 if late else 2.0))
    # The forged records, on a Saturday, claim to be loaded in the second they are of.
    return sorted([*rows, (date(2026, 10, 17), 2, 0, 0.0, 0.0, 0.0)])


@answers("unfinished_interactions")
def _(month: Month) -> Rows:
    lost = month.facts["never_ended"]
    return [
        (
            lost.requested_at, lost.person.email, "copilot", "chat", lost.model, "strict",
            month.writers[0], lost.id,
        )
    ]  # fmt: skip


@answers("recording_assurance")
def _(month: Month) -> Rows:
    groups = grouped(
        month.interactions,
        lambda i: (i.fields.get("assurance", "strict"), i.rule_id, i.operation),
    )
    rows = [
        (
            *key, len(each), round(len(each) / len(month.interactions), 4),
            sum(i.status == "requested" for i in each),
        )
        for key, each in groups.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row[0], -row[3], row[1], row[2]))


@answers("missing_texts")
def _(month: Month) -> Rows:
    return [(date(2026, 10, 16), "copilot", 1, 1, 1)]


@answers("content_not_recorded")
def _(month: Month) -> Rows:
    each = [
        i
        for i in month.interactions
        if i.status == "completed"
        and i.operation not in ("push", "fetch")
        and not i.fields.get("prompt_part_ids")
    ]
    rows = [
        (
            *key, len(same), sum(i.prompt_bytes for i in same), len({i.person for i in same}),
            max(i.requested_at for i in same),
        )
        for key, same in grouped(each, lambda i: (i.connection, i.operation, i.rule_id)).items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[3], *row[:3]))


@answers("holds_in_force")
def _(month: Month) -> Rows:
    return [
        (
            "matter-1", uuid_of("hold", "matter-1"), at(6), (END.date() - at(6).date()).days, OFFICER,
            "letter in matter-1", 1, None, None,
        )
    ]  # fmt: skip


@answers("erasures")
def _(month: Month) -> Rows:
    def used(number, since):
        person = month.people[number]
        return sum(i.person == person and i.requested_at > since for i in month.interactions)

    reason = "request of 2 October"
    rows = [
        (
            at(2), at(12), 10, "person132@acme.example", OFFICER, "erased", 2, reason,
            used(132, at(12)), uuid_of("erasure", 1),
        ),
        (
            at(2), at(12, 11), 10, "person131@acme.example", OFFICER, "refused_hold", 0, reason,
            used(131, at(12, 11)), uuid_of("erasure", 2),
        ),
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row[-1])


@answers("person_report", principal_email="Person118@acme.example")
def _(month: Month) -> Rows:
    person = month.people[118]
    texts = [("text", "user text", 1, at(16, 15), at(16, 15))]
    records = [
        ("interaction", i.operation, i.requested_at)
        for i in month.interactions
        if i.person == person
    ]
    records += [
        ("tool call", c["name"], ended_at(i)) for i, _, c, _ in called(month) if i.person == person
    ]
    records += [("finding", f["rule_id"], at) for i, _, f, at in found(month) if i.person == person]
    rows = [
        (*key, len(each), min(e[2] for e in each), max(e[2] for e in each))
        for key, each in grouped(records, lambda record: record[:2]).items()
    ]
    return sorted([*rows, *texts])


@answers("control_coverage")
def _(month: Month) -> Rows:
    each, total = month.interactions, len(month.interactions)
    strict = sum(i.fields.get("assurance", "strict") == "strict" for i in each)
    return [
        (
            date(2026, 10, 1), total, len({i.person for i in each}), round((total - 1) / total, 5),
            sum(i.status == "blocked" for i in each), len([*found(month)]),
            sum(bool(i.findings) for i in each), round(strict / total, 5), 2,
        )
    ]  # fmt: skip
