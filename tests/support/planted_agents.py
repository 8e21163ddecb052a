"""Plant what agents, pushes and programs do in a month: see ``planted.py``."""

from month import Month, Person, at, token

NO_MODEL = {
    "provider": None, "model": None, "model_used": None, "input_tokens": None,
    "output_tokens": None, "tool_calls": [],
}  # fmt: skip


def plant_agents(month: Month) -> None:
    _tools(month)
    _pushes(month)
    _values(month)
    _programs(month)
    _people_of_note(month)


def _tools(month: Month) -> None:
    """One deletion let run, one refused; one edit of payment code; a tool over MCP, and refused."""
    path = "/home/dev/payments-0/src/payments/charge.py"
    month.facts["deletions"] = [
        month.ask(
            month.people[100], at(16), repository="acme/payments-0",
            tool_calls=[{"name": "delete_file", "file_paths": [path]}],
            enriched={"risk_tier": "destructive"},
        ),
        month.ask(
            month.people[100], at(16, 10, 5), repository="acme/payments-0",
            tool_calls=[{
                "name": "delete_file", "file_paths": [path], "effect": "deny",
                "rule_id": "no-deletes", "reason_code": "denied_by_policy",
            }],
            denied_tool_call_count=1, enriched={"risk_tier": "destructive"},
        ),
    ]  # fmt: skip
    for minute, status in ((0, "completed"), (1, "completed"), (2, "blocked")):
        month.ask(
            month.people[103], at(16, 11, minute), status=status, tool_name="create_issue",
            effect="deny" if status == "blocked" else "allow", connection="issues",
            protocol="mcp", path="/mcp", operation="tool_call", **NO_MODEL,
        )  # fmt: skip


def _pushes(month: Month) -> None:
    """Generated code pushed to a protected branch within the hour; another pushed a week later."""
    for number, day, pushed, ref in (
        (101, 19, 19, "refs/heads/main"), (102, 13, 20, "refs/heads/feature"),
    ):  # fmt: skip
        file = f"src/payments/refund{number}.py"
        month.ask(
            month.people[number], at(day), repository="acme/payments-0", code_block_count=3,
            tool_calls=[{
                "name": "edit_file", "file_paths": [f"/home/dev/payments-0/{file}"],
                "effect": "allow", "rule_id": "engineers",
            }],
        )  # fmt: skip
        month.facts[f"push_by_{number}"] = month.ask(
            month.people[number], at(pushed, 11), operation="push", protocol="git",
            path="/git/github/acme/payments-0.git/git-receive-pack", connection="github",
            repository="acme/payments-0", rule_id="pushes", **NO_MODEL,
            refs=[{"ref": ref, "change": "updated", "result": "ok"}], file_paths=[file],
        )  # fmt: skip


def _values(month: Month) -> None:
    """A documented example that six people send, and a secret that a model told first."""
    example = {
        "rule_id": "generic-api-key", "tier": 2, "action": "recorded",
        "fingerprint": token("example", length=40),
    }  # fmt: skip
    for number in range(112, 118):
        month.ask(month.people[number], at(14, 12, number - 112), findings=[example])
    told = {"rule_id": "stripe-key", "fingerprint": token("told", length=40)}
    month.ask(month.people[111], at(15, 12), findings=[{**told, "direction": "to_client"}])
    month.ask(month.people[111], at(15, 13), findings=[told])


def _programs(month: Month) -> None:
    """Excluded files, a limit, a model refused and another taken, and a rule with less assurance."""
    for number in (104, 105):
        month.ask(
            month.people[number], at(16, 12), excluded_paths=["config/secrets/prod.env"]
        )  # fmt: skip
    for minute in range(3):
        month.ask(
            month.people[106], at(16, 13, minute), status="blocked", effect="deny",
            reason_code="limit_reached",
        )  # fmt: skip
    month.ask(
        month.people[107], at(16, 18), status="blocked", effect="deny", model="o9-huge",
        rule_id="approved-models", reason_code="model_not_allowed",
    )  # fmt: skip
    month.ask(month.people[107], at(16, 18, 3))
    month.ask(month.people[119], at(16, 14), assurance="bracket", rule_id="completions",
              operation="inline", upstream_request_id="ABCD:1234", cached_tokens=500)  # fmt: skip
    month.ask(month.people[118], at(16, 15), prompt_part_ids=[token("kept"), token("gone")])
    month.more_rows["content.parts_v1"].append(
        {
            "part_id": token("kept"), "event_id": month.interactions[-1].event_id,
            "occurred_at": at(16, 15), "tenant_id": "acme",
            "session_id": month.interactions[-1].session_id,
            "interaction_id": month.interactions[-1].id, "principal_id": month.people[118].id,
            "key_id": "2026Q4", "role": "user", "kind": "text", "size_bytes": 10,
            "ciphertext_hash": "c" * 64, "ciphertext": b"sealed", "loaded_at": at(16, 15),
        }
    )  # fmt: skip


def _people_of_note(month: Month) -> None:
    """A machine on many addresses, a huge day, one who stopped, one unknown, one abroad."""
    machine = Person(1, "service")
    for number in range(4):
        month.ask(
            machine, at(20, 12, number),
            client={"name": "ci", "address": f"198.51.100.{number + 1}"},
        )  # fmt: skip
    month.ask(month.people[109], at(23, 12), prompt_bytes=9_000_000)
    for day in (1, 2, 5, 6, 7, 8):
        month.ask(Person(200), at(day, 14))
    month.ask(Person(201), at(5, 15))
    month.ask(Person(201), at(26, 15), enriched={"department": None})
    month.ask(month.people[110], at(16, 16), enriched={"client_country": "BR"})
    for machine_id in ("m-1", "m-2"):
        person = month.people[108]
        month.ask(person, at(16, 17), client={**person.client, "machine_id": machine_id})
