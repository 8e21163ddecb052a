"""Plant in a month what the questions are meant to find; what was planted stands in ``facts``.

A question is answered right if it finds these and nothing else. Add a fact here, in a function of
its own, and its answer in expected_answers.py.
"""

from datetime import timedelta

from month import BEGIN, CHANGED_AT, FIRST_POLICY, SECOND_POLICY, Month, at, token
from planted_agents import plant_agents
from planted_keys import plant_keys


def plant(month: Month) -> None:
    _secrets(month)
    _refused_access(month)
    _policy(month)
    _shadow_model(month)
    _out_of_hours(month)
    _broken(month)
    plant_agents(month)
    plant_keys(month)


def _secrets(month: Month) -> None:
    """One token seen by three people in two repositories; one twice by one; one once."""
    people = month.people
    shared = {"rule_id": "github-pat", "fingerprint": token("shared", length=40)}
    month.facts["shared_secret"] = [
        month.ask(people[3], at(5, 11), findings=[shared], repository="acme/data-0"),
        month.ask(people[3], at(5, 11, 30), findings=[shared], repository="acme/data-0"),
        month.ask(people[14], at(12, 15), findings=[shared], repository="acme/support-1"),
        month.ask(people[25], at(20, 9), findings=[shared], repository="acme/data-0"),
    ]
    own = {"rule_id": "aws-access-key-id", "fingerprint": token("own", length=40)}
    month.facts["own_secret"] = [
        month.ask(people[40], at(6, 10), findings=[own], repository="acme/payments-1"),
        month.ask(people[40], at(7, 10), findings=[own], repository=None),
    ]
    once = {"rule_id": "generic-api-key", "tier": 2, "action": "recorded"}
    month.facts["single_secret"] = month.ask(people[50], at(8, 10), findings=[once])


def _refused_access(month: Month) -> None:
    """Somebody trying keys from five addresses on one day, and two tokens that had expired."""
    for number in range(25):
        month.event(
            "access.denied", at(9, 2, number), reason_code="key_unknown", method="POST",
            path="/chat/completions", http_status=401, unverified_key_id=f"gk_guess{number}",
            client={"name": "curl", "address": f"203.0.113.{number % 5 + 1}"},
        )  # fmt: skip
    for day in (13, 13):
        month.event(
            "access.denied", at(day, 8), reason_code="token_expired", method="POST",
            path="/v1/messages", http_status=401, unverified_issuer="https://login.acme.example",
            client={"name": "claude-code", "address": "10.0.0.9"},
        )  # fmt: skip


def _policy(month: Month) -> None:
    """A policy with two new rules, of which one never decides anything."""
    for number, writer in enumerate(month.writers):
        month.event(
            "policy.changed", CHANGED_AT + timedelta(seconds=number), writer=writer,
            previous_policy_digest=FIRST_POLICY, policy_digest=SECOND_POLICY,
            rules_added=["no-contractors-on-payments", "never-decides"], rules_removed=[],
            rules_changed=["engineers"], sections_changed=["masking"],
        )  # fmt: skip
    contractor = month.people[7]
    month.facts["contractor_on_payments"] = [
        month.ask(
            contractor, at(15, 11, minute), status="blocked", effect="deny",
            rule_id="no-contractors-on-payments", repository="acme/payments-0",
        )
        for minute in (0, 5)
    ]  # fmt: skip
    month.facts["denied_push"] = month.ask(
        month.people[12], at(21, 16), status="blocked", effect="deny", rule_id="protected-branches",
        operation="push", protocol="git", path="/git/github/acme/payments-0.git/git-receive-pack",
        connection="github", provider=None, model=None, repository="acme/payments-0",
        refs=[{"ref": "refs/heads/main", "change": "forced", "result": "refused"}],
        file_paths=["src/auth/login.py"],
    )  # fmt: skip


def _shadow_model(month: Month) -> None:
    """A model without a price, which nobody approved, used by two people."""
    month.facts["shadow_model"] = [
        month.ask(month.people[number], at(22, 14), model="grok-9", model_used="grok-9")
        for number in (60, 61)
    ]


def _out_of_hours(month: Month) -> None:
    """A Saturday at three in the morning, and a weekday before midnight."""
    month.facts["out_of_hours"] = [
        month.ask(month.people[70], at(10, 3, 12)),
        month.ask(month.people[71], at(19, 23, 40)),
    ]


def _broken(month: Month) -> None:
    """One lost record, one that came twice, one late, one request whose end never came."""
    lost = month.ask(month.people[80], at(26, 10), status="requested")
    month.facts["never_ended"] = lost
    month.facts["failed"] = [
        month.ask(month.people[81], at(27, 10, n), status="failed") for n in (0, 1)
    ]
    # The key's issue is recorded, and never arrives.
    gone = month.event(
        "key.issued", at(28, 12), writer=month.writers[1], principal=month.people[90].principal,
        gateway_key_id="gk_lost", key_class="header", holder=month.people[90].principal,
        expires_at="2027-01-01T00:00:00Z",
    )  # fmt: skip
    month.lost.add(gone)
    month.facts["lost_event_id"] = gone
    month.repeated.add(month.facts["never_ended"].event_id or month.facts["failed"][0].event_id)
    month.event(
        "key.issued", at(28, 13), principal=month.people[91].principal, gateway_key_id="gk_late",
        key_class="header", holder=month.people[91].principal, device_name="laptop",
        expires_at="2027-01-01T00:00:00Z", published_after=timedelta(minutes=20),
    )  # fmt: skip
    month.facts["begin"] = BEGIN
