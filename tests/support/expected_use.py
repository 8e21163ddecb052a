"""What the questions about use, people and cost must answer over the planted month."""

from statistics import mean, stdev

from counting import cost, ended_at, grouped, listed, model_of, monday, nulls_first, tokens
from expected_answers import Rows, answers
from month import END, Month, at


def _by_person(month):
    return grouped(month.interactions, lambda each: each.person)


def _by_session(month):
    return grouped(month.interactions, lambda each: (each.session_id, each.person)).items()


def _minutes(interactions):
    times = [each.requested_at for each in interactions]
    return int((max(times) - min(times)).total_seconds() // 60)


@answers("who_asked_what", principal_email="PERSON107", since="2026-10-16", until="2026-10-17")
def _(month: Month) -> Rows:
    person = month.people[107]
    return [
        (
            each.requested_at, person.email, person.client["name"], "chat", model_of(each),
            each.repository, each.effect, each.rule_id, each.status, 0, each.session_id, each.id,
        )
        for each in sorted(month.interactions, key=lambda each: each.requested_at)
        if each.person == person and each.requested_at.day == 16
    ]  # fmt: skip


@answers("session_timeline", session_id="s-person100-16")
def _(month: Month) -> Rows:
    rows = []
    for each in month.interactions:
        if each.session_id != "s-person100-16":
            continue
        rows.append(
            (
                each.requested_at, "request", f"chat {model_of(each)}", "completed", "engineers",
                each.repository, each.id, 0,
            )
        )  # fmt: skip
        for index, call in enumerate(each.tool_calls):
            rows.append(
                (
                    ended_at(each), "tool call", call["name"], call.get("effect", "not watched"),
                    call.get("rule_id"), ", ".join(call.get("file_paths", [])), each.id, index,
                )
            )  # fmt: skip
    return sorted(rows, key=lambda row: (row[0], row[6], row[1], row[7]))


@answers("longest_sessions")
def _(month: Month) -> Rows:
    rows = [
        (
            session, person.email, listed(i.client["name"] for i in each),
            min(i.requested_at for i in each), _minutes(each), len(each),
            sum(len(i.tool_calls) for i in each),
            sum(i.fields.get("denied_tool_call_count", 0) for i in each),
            sum(tokens(i) for i in each),
        )
        for (session, person), each in _by_session(month)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[4], -row[6], row[0]))[:20]


@answers("use_outside_hours", zone="Europe/Berlin", first_hour="8", last_hour="22", least_count="1")
def _(month: Month) -> Rows:
    # In Berlin: Saturday 05:12 and Tuesday 01:40; ordinary work is between 11:00 and 19:00.
    return sorted(
        [
            (
                each.person.email, each.person.id, 1, int(weekend), 1,
                round(1 / len(_by_person(month)[each.person]), 3), each.requested_at,
            )
            for each, weekend in zip(month.facts["out_of_hours"], (True, False), strict=True)
        ],
        key=lambda row: row[1],
    )  # fmt: skip


@answers("unapproved_models", approved="gpt-5, claude-")
def _(month: Month) -> Rows:
    shadow = month.facts["shadow_model"]
    refused = next(each for each in month.interactions if each.model == "o9-huge")
    return [
        (
            "grok-9", max(each.provider for each in shadow), 2, 0, 2, shadow[0].requested_at, shadow[1].requested_at,
            "person060@acme.example, person061@acme.example",
        ),
        (
            "o9-huge", refused.provider, 0, 1, 1, refused.requested_at, refused.requested_at,
            "person107@acme.example",
        ),
    ]  # fmt: skip


@answers("clients_in_use")
def _(month: Month) -> Rows:
    groups = grouped(
        month.interactions, lambda each: (each.client["name"], each.client.get("version"))
    )
    rows = [
        (
            name, version, len({i.person for i in each}), len(each),
            sum(i.status == "failed" for i in each),
            min(i.requested_at for i in each), max(i.requested_at for i in each),
        )
        for (name, version), each in groups.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[3], row[0]))


@answers("unusual_volume")
def _(month: Month) -> Rows:
    rows = []
    for person, interactions in _by_person(month).items():
        days = grouped(interactions, lambda each: each.requested_at.date())
        sums = {day: sum(i.prompt_bytes for i in each) for day, each in days.items()}
        for day, total in sums.items():
            others = [value for other, value in sums.items() if other != day]
            if total >= 1_000_000:
                score = round((total - mean(others)) / stdev(others), 1)
                rows.append(
                    (
                        person.email,
                        person.id,
                        day,
                        total,
                        len(days[day]),
                        round(mean(others)),
                        score,
                    )
                )
    return rows


@answers("service_accounts")
def _(month: Month) -> Rows:
    each = [i for i in month.interactions if i.person.kind == "service"]
    return [
        (
            "bot001", "https://login.acme.example", 4, 0, 1, 4, listed(map(model_of, each)),
            each[-1].requested_at,
        )
    ]  # fmt: skip


@answers("not_in_directory")
def _(month: Month) -> Rows:
    known, unknown = [i for i in month.interactions if i.person.number == 201]
    return [
        (
            unknown.person.email, unknown.person.id, "https://login.acme.example", 1,
            known.department, unknown.person.key_id, unknown.requested_at, unknown.requested_at,
        )
    ]  # fmt: skip


@answers("went_quiet")
def _(month: Month) -> Rows:
    each = [i for i in month.interactions if i.person.number == 200]
    person = each[0].person
    return [
        (
            person.email, person.id, 6, 6, at(8, 14), (END.date() - at(8).date()).days,
            person.client["name"],
        )
    ]  # fmt: skip


@answers("use_by_country", home="DE")
def _(month: Month) -> Rows:
    return [("BR", 1, 1, 1, "person110@acme.example", at(16, 16))]


@answers("adoption_by_department")
def _(month: Month) -> Rows:
    groups = grouped(month.interactions, lambda i: (monday(i.requested_at), i.department))
    rows = [
        (
            week, department, len({i.person for i in each}), len(each),
            sum(i.operation == "chat" for i in each), sum(i.operation == "inline" for i in each),
            sum(bool(i.tool_calls) for i in each),
            round(len(each) / len({i.person for i in each}), 3),
        )
        for (week, department), each in groups.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row[0], nulls_first(row[1])))


@answers("cost_by_department")
def _(month: Month) -> Rows:
    groups = grouped(month.interactions, lambda i: (i.department, i.cost_center))
    rows = []
    for (department, center), each in groups.items():
        people = len({i.person for i in each})
        unpriced = sum(i.cost is None and i.fields.get("input_tokens") is not None for i in each)
        rows.append(
            (
                department, center, round(cost(each), 4), "USD", unpriced, sum(map(tokens, each)),
                people, round(cost(each) / people, 4),
            )
        )  # fmt: skip
    return sorted(rows, key=lambda row: -row[2])


@answers("cost_by_model")
def _(month: Month) -> Rows:
    answered = [i for i in month.interactions if i.fields.get("model_used") is not None]
    rows = []
    for model, each in grouped(answered, lambda i: i.model_used).items():
        asked = sum(i.input_tokens for i in each)
        cached = sum(i.fields.get("cached_tokens", 0) for i in each)
        rows.append(
            (
                model, max(i.provider for i in each if i.provider), round(cost(each), 4), len(each),
                asked, sum(i.output_tokens for i in each), round(cached / asked, 3),
                round(cost(each) / len(each), 6),
            )
        )  # fmt: skip
    return sorted(rows, key=lambda row: -row[2])


@answers("dearest_sessions")
def _(month: Month) -> Rows:
    rows = [
        (
            session, person.email, max((i.department for i in each if i.department), default=None),
            listed(i.client["name"] for i in each), round(cost(each), 4), sum(map(tokens, each)),
            len(each), listed(i.fields.get("model_used") for i in each),
            min(i.requested_at for i in each),
        )
        for (session, person), each in _by_session(month)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[4], -row[5], row[0]))[:20]


@answers("latency_and_failures")
def _(month: Month) -> Rows:
    went = [i for i in month.interactions if i.status != "blocked"]
    rows = []
    for (connection, operation), each in grouped(
        went, lambda i: (i.connection, i.operation)
    ).items():
        failed = sum(i.status == "failed" for i in each)
        # Durations are 1 to 5 seconds; more than one in twenty takes 5.
        slow = 5.0 if len(each) > 20 else max(i.duration_seconds for i in each)
        rows.append(
            (
                connection, operation, len(each), failed, round(failed / len(each), 4), 0.25, 0.25,
                slow, sum(i.fields.get("client_left", False) for i in each),
            )
        )  # fmt: skip
    return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))


@answers("failures_by_reason")
def _(month: Month) -> Rows:
    first, last = month.facts["failed"]
    return [("copilot", "upstream_unreachable", None, 2, 1, first.requested_at, last.requested_at)]
