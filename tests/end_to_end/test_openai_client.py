"""The official openai client through the gateway, streaming and not, and its rows by SQL."""

import pytest
from openai import APIStatusError, OpenAI

pytestmark = [pytest.mark.end_to_end, pytest.mark.xdist_group("stack")]

QUESTION = [{"role": "user", "content": "explain this python function"}]
ROWS = (
    "SELECT interaction_id, session_id, status, streamed, model_used, output_tokens, "
    "finish_reasons, chunk_count FROM audit.interactions "
    "WHERE requested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) "
    "AND session_id = '{session}' ORDER BY requested_at"
)


def client(stack, session):
    return OpenAI(
        base_url=f"{stack.gateway}/v1",
        api_key=stack.key,
        default_headers={"X-Session-Id": session},
        max_retries=0,
    )


def test_an_answer_and_a_stream_become_two_rows_and_their_texts_replay(stack):
    with client(stack, "openai-both") as openai:
        whole = openai.chat.completions.create(model="gpt-4.1", messages=QUESTION)
        with openai.chat.completions.create(
            model="gpt-4.1", messages=QUESTION, stream=True
        ) as stream:
            streamed = "".join(
                chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices
            )

    rows = stack.query_until(ROWS.format(session="openai-both"), 2)
    assert [row["streamed"] for row in rows] == [False, True]
    assert {row["status"] for row in rows} == {"completed"}
    assert all(row["output_tokens"] and row["finish_reasons"] == ["stop"] for row in rows)
    assert rows[1]["chunk_count"] > 1
    replayed = stack.run("replay", "openai-both", "--full")
    texts = str(replayed)
    assert QUESTION[0]["content"] in texts
    assert repr(whole.choices[0].message.content)[1:-1] in texts
    assert repr(streamed)[1:-1] in texts


def test_a_refused_person_reads_the_rules_text_and_the_refusal_is_a_row(stack):
    made = stack.run("keys", "create", "--user", "gone", "--group", "on-hold")
    with (
        OpenAI(
            base_url=f"{stack.gateway}/v1",
            api_key=made["key"],
            max_retries=0,
            default_headers={"X-Session-Id": "openai-refused"},
        ) as openai,
        pytest.raises(APIStatusError) as refused,
    ):
        openai.chat.completions.create(model="gpt-4.1", messages=QUESTION)

    assert refused.value.status_code == 451
    assert refused.value.body["code"] == "policy"
    rows = stack.query_until(ROWS.format(session="openai-refused"), 1)
    assert [row["status"] for row in rows] == ["blocked"]


@pytest.mark.real_client
def test_a_streamed_call_of_a_tool_and_a_cancelled_stream_are_told_as_what_they_were(stack):
    function = {"name": "apply_patch", "parameters": {"type": "object"}}
    with client(stack, "openai-tool") as openai:
        with openai.chat.completions.create(
            model="gpt-4.1",
            messages=[{"role": "user", "content": "apply this to src/pay.py"}],
            tools=[{"type": "function", "function": function}],
            stream=True,
        ) as stream:
            calls = [
                call
                for chunk in stream
                for choice in chunk.choices
                for call in choice.delta.tool_calls or ()
            ]
        with openai.chat.completions.create(
            model="gpt-4.1", messages=[{"role": "user", "content": "DEMO_LONG"}], stream=True
        ) as stream:
            next(iter(stream))

    assert "*** Update File: src/pay.py" in "".join(call.function.arguments for call in calls)
    tool, left = stack.query_until(
        "SELECT status, client_left, tool_calls FROM audit.interactions "
        "WHERE requested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) "
        "AND session_id = 'openai-tool' AND status != 'requested' ORDER BY requested_at",
        2,
    )
    assert tool["tool_calls"][0]["name"] == "apply_patch"
    assert tool["tool_calls"][0]["file_paths"] == ["src/pay.py"]
    assert (left["status"], left["client_left"]) == ("failed", True)


def test_an_unknown_key_is_refused_in_the_clients_own_shape(stack):
    with (
        OpenAI(base_url=f"{stack.gateway}/v1", api_key="sk-nobody", max_retries=0) as openai,
        pytest.raises(APIStatusError) as refused,
    ):
        openai.models.list()

    assert refused.value.status_code == 401
    denials = stack.query_until(
        "SELECT reason_code FROM audit.access_denials "
        "WHERE occurred_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) "
        "AND path = '/v1/models'",
        1,
    )
    assert denials[0]["reason_code"] == "malformed_key"
