"""The demo upstream over real sockets, with the clients that people use."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
import uvloop

from tailnumber.stack.demo_answers import fabricated_aws_key
from tailnumber.stack.demo_upstream import DemoUpstream, serve

CREDENTIAL = "demo-upstream-credential"
EDIT_TOOL = {
    "type": "function",
    "function": {"name": "replace_string_in_file", "description": "", "parameters": {}},
}


@asynccontextmanager
async def running() -> AsyncIterator[httpx.AsyncClient]:
    """Serve in this loop and yield a client that holds the credential."""
    upstream = DemoUpstream(CREDENTIAL, delta_seconds=0.001)
    stop = asyncio.Event()
    serving = asyncio.ensure_future(serve(upstream, 0, stop))
    while not upstream.url:  # noqa: ASYNC110 - the line on standard output has no event
        await asyncio.sleep(0.001)
    headers = {"Authorization": f"Bearer {CREDENTIAL}"}
    try:
        async with httpx.AsyncClient(base_url=upstream.url, headers=headers) as client:
            yield client
    finally:
        stop.set()
        await serving


def run(act: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20), running() as client:
            await act(client)

    uvloop.run(main())


def chat(text: str, *, stream: bool = True, **more: object) -> dict[str, object]:
    message = {"role": "user", "content": text}
    return {"model": "gpt-4.1", "messages": [message], "stream": stream, **more}


def frames(body: str) -> list[Any]:
    """Read the data of a well-formed event stream; the last may be [DONE]."""
    events = [block.split("data: ", 1)[1] for block in body.split("\n\n") if block]
    return [event if event == "[DONE]" else json.loads(event) for event in events]


def text_of(body: str) -> str:
    choices = [choice for frame in frames(body)[:-1] for choice in frame["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


# Credentials.


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer someone-else"}, {"x-api-key": "someone-else"}],
    ids=["none", "foreign", "foreign api key"],
)
def test_any_other_credential_is_refused(headers: dict[str, str]) -> None:
    async def act(client: httpx.AsyncClient) -> None:
        async with httpx.AsyncClient(base_url=client.base_url) as stranger:
            answer = await stranger.post("/chat/completions", json=chat("hi"), headers=headers)

        assert answer.status_code == 401
        assert answer.headers["x-github-request-id"]
        seen = (await client.get("/demo/seen")).json()
        assert seen["unauthorized_count"] == 1
        assert seen["foreign_credential_seen"] is bool(headers)
        assert "someone-else" not in json.dumps(seen)

    run(act)


@pytest.mark.parametrize("value", ["Bearer {}", "bearer {}", "token {}"])
def test_credential_is_taken_in_every_case_that_clients_write(value: str) -> None:
    async def act(client: httpx.AsyncClient) -> None:
        headers = {"Authorization": value.format(CREDENTIAL)}

        assert (await client.get("/models", headers=headers)).status_code == 200

    run(act)


def test_foreign_credential_is_noticed_beside_ours_and_on_open_routes() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        await client.get("/models")
        assert not (await client.get("/demo/seen")).json()["foreign_credential_seen"]

        await client.get("/models", headers={"x-api-key": "tn_key"})
        await client.get("/telemetry", headers={"Authorization": "Bearer tn_key"})

        seen = (await client.get("/demo/seen")).json()
        assert seen["foreign_credential_count"] == 2
        assert seen["requests"] == {"/models": 2, "/telemetry": 1}

    run(act)


def test_token_of_the_token_route_works_as_a_credential_and_a_changed_one_does_not() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        token = (await client.get("/copilot_internal/v2/token")).json()

        async def status(value: str) -> int:
            headers = {"Authorization": f"Bearer {value}"}
            return (await client.get("/models", headers=headers)).status_code

        assert {"token", "expires_at", "refresh_in", "endpoints"} <= set(token)
        assert token["endpoints"]["api"] == str(client.base_url).rstrip("/")
        assert await status(token["token"]) == 200
        assert await status(token["token"].replace("tid=demo", "tid=other")) == 401

    run(act)


# Shapes.


def test_copilot_start_routes_answer_in_their_shapes() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        models = (await client.get("/models")).json()["data"]
        user = (await client.get("/copilot_internal/user")).json()
        experiments = (await client.get("/telemetry?tas=1")).json()

        assert {m["id"]: m["supported_endpoints"] for m in models}["gpt-4.1"] == [
            "/chat/completions"
        ]
        assert all(m["capabilities"]["limits"] for m in models)
        assert user["login"]
        assert set(user["endpoints"]) == {"api", "proxy", "telemetry", "origin-tracker"}
        assert experiments["Configs"] == [{"Id": "vscode", "Parameters": {}}]
        assert (await client.post("/telemetry", content=b"\x1f\x8b")).status_code == 200
        assert (await client.get("/_ping")).status_code == 200
        for missing in ("/agents", "/embeddings/models", "/nothing"):
            answer = await client.get(missing, headers={"x-request-id": "r-1"})
            assert (answer.status_code, answer.headers["x-request-id"]) == (404, "r-1")

    run(act)


def test_inline_choices_interleave_and_end_each() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        body = {"prompt": "# Path: main.py\ndef add(a, b):\n", "n": 3, "stream": True}

        answer = await client.post("/v1/engines/gpt-41-copilot/completions", json=body)

        *events, done = frames(answer.text)
        choices = [event["choices"][0] for event in events]
        assert done == "[DONE]"
        assert [choice["index"] for choice in choices[:3]] == [0, 1, 2]
        assert [c["index"] for c in choices if c["finish_reason"] == "stop"] == [0, 1, 2]
        assert "".join(c["text"] for c in choices if c["index"] == 0) == "    return a + b\n"
        assert events[0]["model"] == "gpt-41-copilot"

    run(act)


def test_openai_client_reads_a_stream_a_document_and_embeddings() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        api = openai.AsyncOpenAI(
            base_url=f"{client.base_url}/v1", api_key=CREDENTIAL, max_retries=0
        )
        messages: Any = [{"role": "user", "content": "write a test for refund"}]
        async with api:
            stream = await api.chat.completions.create(
                model="gpt-4.1", messages=messages, stream=True
            )
            chunks = [chunk async for chunk in stream]
            whole = await api.chat.completions.create(model="gpt-4.1", messages=messages)
            vectors = await api.embeddings.create(
                model="e", input=["a", "b", "a"], encoding_format="float"
            )

        deltas = [c.choices[0].delta.content or "" for c in chunks if c.choices]
        assert "".join(deltas) == whole.choices[0].message.content
        assert len(deltas) > 10
        assert "pytest" in "".join(deltas)
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.prompt_tokens > 0
        first, second, third = (item.embedding for item in vectors.data)
        assert first == third != second

    run(act)


def test_openai_client_reads_responses() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        api = openai.AsyncOpenAI(base_url=str(client.base_url), api_key=CREDENTIAL, max_retries=0)
        async with api:
            stream = await api.responses.create(model="gpt-5.4", input="explain this", stream=True)
            events = [event async for event in stream]
            whole = await api.responses.create(model="gpt-5.4", input="explain this")

        deltas = [e.delta for e in events if e.type == "response.output_text.delta"]
        assert "".join(deltas) == whole.output_text
        assert events[-1].type == "response.completed"
        assert [event.sequence_number for event in events] == list(range(len(events)))

    run(act)


def test_messages_stream_in_order() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        body = {**chat("explain"), "max_tokens": 100}

        answer = await client.post("/v1/messages?beta=true", json=body)

        names = [line[7:] for line in answer.text.split("\n") if line.startswith("event: ")]
        assert names[:3] == ["message_start", "content_block_start", "ping"]
        assert set(names[3:-3]) == {"content_block_delta"}
        assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]

    run(act)


def test_edit_is_answered_with_a_tool_call_in_fragments() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        text = 'Apply it.\n<attachment filePath="/w/auth/login.py">\n```python\nx = 1\n```'

        answer = await client.post("/chat/completions", json=chat(text, tools=[EDIT_TOOL]))

        *events, _done = frames(answer.text)
        choices = [event["choices"][0] for event in events if event["choices"]]
        calls = [call for c in choices for call in c["delta"].get("tool_calls", [])]
        arguments = json.loads("".join(call["function"]["arguments"] for call in calls))
        assert calls[0]["function"]["name"] == "replace_string_in_file"
        assert len(calls) > 5
        assert (arguments["filePath"], arguments["oldString"]) == ("/w/auth/login.py", "x = 1")
        assert choices[-1]["finish_reason"] == "tool_calls"

    run(act)


def test_result_of_a_tool_ends_the_edit() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        body = chat("apply it", stream=False, tools=[EDIT_TOOL])
        body["messages"] = [
            {"role": "user", "content": "apply it"},
            {"role": "tool", "tool_call_id": "c", "content": "ok"},
        ]

        answer = (await client.post("/chat/completions", json=body)).json()

        assert answer["choices"][0]["message"]["content"].startswith("Done")

    run(act)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a": "\xff"}', b""])
def test_broken_body_is_a_bad_request(body: bytes) -> None:
    async def act(client: httpx.AsyncClient) -> None:
        assert (await client.post("/chat/completions", content=body)).status_code == 400

    run(act)


# Special words.


def test_secret_is_split_over_deltas() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        answer = await client.post("/chat/completions", json=chat("DEMO_SECRET please"))

        for secret in fabricated_aws_key():
            assert secret in text_of(answer.text)
            assert secret not in answer.text

    run(act)


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/engines/e/completions"])
def test_reset_breaks_the_stream_after_some_of_it(path: str) -> None:
    async def act(client: httpx.AsyncClient) -> None:
        received = b""
        body = {**chat("DEMO_RESET"), "prompt": "# DEMO_RESET\ndef add(a, b):"}

        async def read() -> None:
            nonlocal received
            async with client.stream("POST", path, json=body) as answer:
                async for part in answer.aiter_raw():
                    received += part

        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await read()
        assert b"[DONE]" not in received

    run(act)


def test_reset_breaks_a_document() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await client.post("/chat/completions", json=chat("DEMO_RESET", stream=False))

    run(act)


def test_stall_goes_silent_after_some_deltas() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        body = chat("DEMO_STALL")
        async with client.stream("POST", "/chat/completions", json=body, timeout=0.2) as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx.ReadTimeout):
                await answer.aread()

    run(act)


def test_stream_without_done_ends_cleanly() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        answer = await client.post("/chat/completions", json=chat("DEMO_NO_DONE"))

        assert frames(answer.text)[-1]["usage"]

    run(act)


def test_broken_event_stands_in_the_middle_of_the_stream() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        answer = await client.post("/chat/completions", json=chat("DEMO_BROKEN_SSE"))

        assert b"\xff\xfe" in answer.content
        with pytest.raises(json.JSONDecodeError):
            frames(answer.text)
        assert answer.content.endswith(b"data: [DONE]\n\n")

    run(act)


def test_statuses_can_be_asked_for() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        failed = await client.post("/chat/completions", json=chat("DEMO_500"))
        limited = await client.post("/chat/completions", json=chat("DEMO_429"))

        assert failed.status_code == 500
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "2")

    run(act)


def test_long_stream_has_a_thousand_deltas_and_fifty_run_at_once() -> None:
    async def act(client: httpx.AsyncClient) -> None:
        many = [client.post("/chat/completions", json=chat("hello")) for _ in range(50)]
        long = client.post("/chat/completions", json=chat("DEMO_LONG"), timeout=20)

        *answers, longest = await asyncio.gather(*many, long)

        assert all(answer.text.endswith("data: [DONE]\n\n") for answer in answers)
        assert text_of(longest.text).count("line ") == 1000

    run(act)


# The process.


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tailnumber.stack.demo_upstream", *arguments]


def test_process_says_that_it_is_ready_and_ends_cleanly_on_sigterm() -> None:
    environment = {**os.environ, "TAILNUMBER_DEMO_CREDENTIAL": CREDENTIAL}
    with subprocess.Popen(
        command("--port", "0"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = json.loads(process.stdout.readline())
        headers = {"Authorization": f"Bearer {CREDENTIAL}"}
        body = chat("DEMO_STALL")
        with httpx.stream("POST", ready["url"] + "/chat/completions", json=body, headers=headers):
            process.send_signal(signal.SIGTERM)

            assert process.wait(10) == 0
        assert ready["ready"] is True
        assert process.stderr.read() == b""


def test_port_in_use_is_one_clear_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ended = subprocess.run(
            command("--port", str(port), "--credential", "x"),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    assert ended.returncode == 2
    assert ended.stderr == (
        f"The demo upstream's port {port} is in use; choose another with --port.\n"
    )


@pytest.mark.parametrize("arguments", [["--port", "0"], ["--port", "70000", "--credential", "x"]])
def test_missing_credential_or_impossible_port_is_a_usage_error(arguments: list[str]) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "TAILNUMBER_DEMO_CREDENTIAL"}

    ended = subprocess.run(
        command(*arguments), env=environment, capture_output=True, timeout=20, check=False
    )

    assert ended.returncode == 2
    assert b"Traceback" not in ended.stderr
