"""The official anthropic client through the gateway: texts, a tool's call, a refusal, a key."""

import pytest
from anthropic import Anthropic, APIStatusError

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.real_client,
    pytest.mark.xdist_group("stack"),
]

TOOL = {"name": "Write", "description": "writes a file", "input_schema": {"type": "object"}}
KEY = "AKIA" + "QYLPMN5HHHFPZAM2"
ROWS = (
    "SELECT session_id, status, streamed, protocol, output_tokens, finish_reasons, client_left, "
    "tool_calls, prompt_finding_count, completion_finding_count FROM audit.interactions "
    "WHERE requested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) "
    "AND session_id = '{session}' AND status != 'requested' ORDER BY requested_at"
)


@pytest.fixture
def asked(stack):
    """Return a client of a session, and the wait for the session's rows."""
    clients = []

    def make(session, key=None):
        client = Anthropic(
            base_url=stack.gateway,
            api_key=key or stack.key,
            default_headers={"X-Session-Id": session},
            max_retries=0,
        )
        clients.append(client)
        return client, lambda count: stack.query_until(ROWS.format(session=session), count)

    yield make
    for client in clients:
        client.close()


def message(words, **more):
    messages = [{"role": "user", "content": words}]
    return {"model": "claude-sonnet-4.6", "max_tokens": 500, "messages": messages, **more}


def test_an_answer_and_a_stream_become_two_rows(asked):
    anthropic, rows = asked("anthropic-both")

    whole = anthropic.messages.create(**message("explain this python function"))
    with anthropic.messages.stream(**message("explain this python function")) as stream:
        streamed = "".join(stream.text_stream)

    assert whole.content[0].text == streamed
    first, second = rows(2)
    assert (first["streamed"], second["streamed"]) == (False, True)
    assert {first["status"], second["status"]} == {"completed"}
    assert first["finish_reasons"] == second["finish_reasons"] == ["end_turn"]
    assert first["output_tokens"]


@pytest.mark.parametrize("streamed", [False, True], ids=["document", "stream"])
def test_a_call_of_an_edit_tool_is_recorded_with_its_file(asked, streamed):
    anthropic, rows = asked(f"anthropic-tool-{streamed}")
    request = message("apply this to src/pay.py", tools=[TOOL])

    if streamed:
        with anthropic.messages.stream(**request) as stream:
            answer = stream.get_final_message()
    else:
        answer = anthropic.messages.create(**request)

    (block,) = answer.content
    assert (block.type, block.name) == ("tool_use", "Write")
    assert block.input["file_path"] == "src/pay.py"
    ((call,),) = [row["tool_calls"] for row in rows(1)]
    assert (call["name"], call["file_paths"]) == ("Write", ["src/pay.py"])


def test_a_key_is_masked_on_the_way_there_and_on_the_way_back(asked, stack):
    anthropic, rows = asked("anthropic-keys")

    with anthropic.messages.stream(**message(f"DEMO_SECRET and {KEY}")) as stream:
        text = "".join(stream.text_stream)

    assert "aws_access_key_id = REDACTED_" in text
    (row,) = rows(1)
    assert row["prompt_finding_count"] > 0
    assert row["completion_finding_count"] > 0
    assert KEY not in str(stack.run("replay", "anthropic-keys", "--full"))


def test_who_leaves_in_the_middle_is_recorded_so(asked):
    anthropic, rows = asked("anthropic-left")

    with anthropic.messages.create(**message("DEMO_LONG please", stream=True)) as stream:
        for number, _ in enumerate(stream):
            if number == 20:
                break

    (row,) = rows(1)
    assert (row["status"], row["client_left"]) == ("failed", True)


def test_a_refused_person_reads_the_rules_text(asked, stack):
    made = stack.run("keys", "create", "--user", "gone-too", "--group", "on-hold")
    anthropic, rows = asked("anthropic-refused", made["key"])

    with pytest.raises(APIStatusError, match="on hold") as refused:
        anthropic.messages.create(**message("explain"))

    assert refused.value.status_code == 451
    assert [row["status"] for row in rows(1)] == ["blocked"]
