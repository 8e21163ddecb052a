"""A policy that changes under a running stack, and what it says of an interaction of before."""

import pytest
from openai import APIStatusError, OpenAI

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end, pytest.mark.xdist_group("stack")]

MINE = (
    "SELECT interaction_id FROM audit.interactions "
    "WHERE requested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) "
    "AND session_id = 'policy-before' AND status = 'completed'"
)
CHANGES = (
    "SELECT policy_digest, record FROM audit.events "
    "WHERE occurred_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) "
    "AND event_type = 'policy.changed' ORDER BY occurred_at"
)
# For a model that no other test asks for.
CLOSED = "rules:\n  - {id: closed, when: \"model == 'closed'\", effect: deny}\n"


def ask(stack, session, model):
    with OpenAI(
        base_url=f"{stack.gateway}/v1",
        api_key=stack.key,
        default_headers={"X-Session-Id": session},
        max_retries=0,
    ) as openai:
        openai.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}])


def test_a_change_is_recorded_and_a_recorded_interaction_is_explained_by_it(stack):
    file = stack.data_dir / "policy.demo.yaml"
    good = file.read_text()
    ask(stack, "policy-before", "closed")
    (row,) = stack.query_until(MINE, 1)
    before = stack.run("policy", "explain", "--interaction", row["interaction_id"])

    file.write_text(good.replace("rules:\n", CLOSED, 1))
    try:
        (change,) = stack.query_until(CHANGES, 1)
        after = stack.run("policy", "explain", "--interaction", row["interaction_id"])
        with pytest.raises(APIStatusError) as refusal:
            ask(stack, "policy-after", "closed")
    finally:
        file.write_text(good)

    assert before["decision"]["rule"] == before["recorded"]["rule_id"] == "everyone"
    assert before["operation"]["model"] == "closed"
    assert after["decision"]["rule"] == "closed"
    assert after["recorded"]["policy_digest"] == before["policy"]["digest"]
    assert refusal.value.status_code == 451
    assert change["policy_digest"] == after["policy"]["digest"]
    assert '"rules_added":["closed"]' in change["record"]
