"""The path of a request through a real server: order, identity, policy, what stands recorded."""

import json
import time
from datetime import UTC, datetime

import pytest
from fake_upstream import DONE, chat_answer, stream, whole
from running_gateway import CREDENTIAL, SECRET

from ingress.app import CONTROL_PATHS
from ingress.identity.keys import KeyStore
from ingress.routing import _PATTERNS, OPEN_OPERATIONS


def test_a_prompt_and_its_answer_stand_recorded_and_open_to_their_texts(gateway):
    answer = gateway.chat("what is 2+2?", session="plain")

    assert answer.status == 200
    assert answer.body == chat_answer("hello")
    requested, completed = gateway.events("plain")
    assert requested.event_type == "interaction.requested"
    assert completed.event_type == "interaction.completed"
    assert requested.principal.subject == "ada"
    assert completed.model_used == "gpt-x"
    assert completed.input_tokens == 3
    assert "what is 2+2?" in gateway.text_of(requested.prompt_part_ids)
    assert gateway.text_of(completed.completion_part_ids) == ["hello"]


def test_the_upstream_gets_the_gateways_credential_and_never_the_clients(gateway, upstream):
    answer = gateway.chat("hi", session="credential", headers={"cookie": "a=b"})

    (seen,) = upstream.of("credential")
    assert seen.header("authorization") == f"Bearer {CREDENTIAL}"
    assert seen.header("accept-encoding") == "identity"
    assert seen.header("cookie") is None
    assert gateway.key.encode() not in seen.head + seen.body
    assert CREDENTIAL not in str(answer)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "missing_key"),
        ("nonsense", "malformed_key"),
        ("tid=1;exp=99:00", "forged_token"),
    ],
)
def test_an_unknown_caller_is_refused_and_the_true_reason_recorded(gateway, upstream, key, reason):
    agent = f"test-{reason}/1.0"

    answer = gateway.chat("hi", session=reason, key=key, headers={"user-agent": agent})

    assert answer.status == 401
    assert answer.headers["x-github-request-id"]
    assert answer.json["error"]["code"] == "unauthenticated"
    denied = gateway.denied(agent)
    assert denied.reason_code == reason
    assert denied.path == "/chat/completions"
    assert upstream.of(reason) == []


def test_a_revoked_key_is_refused_and_takes_its_copilot_tokens_along(gateway, upstream):
    key = gateway.reading.key("leaver")
    minted = gateway.ask(None, "/copilot_internal/v2/token", method="GET", session="t", key=key)
    token = minted.json["token"]
    assert gateway.chat("hi", session="token-works", key=token).status == 200

    KeyStore(gateway.reading.engine).revoke(key.split("_")[1], datetime.now(UTC))
    time.sleep(1.1)

    for number, credential in enumerate((key, token)):
        agent = f"leaver-{number}/1.0"
        answer = gateway.chat("hi", session="gone", key=credential, headers={"user-agent": agent})
        assert answer.status == 401
        assert gateway.denied(agent).reason_code == "revoked_key"
    assert upstream.of("gone") == []


def test_the_token_api_answers_in_githubs_shape_and_its_token_works_inline(gateway, upstream):
    inline = {"prompt": "# Path: a.py\nx = ", "suffix": "", "stream": True, "n": 1}
    frame = b'data: {"choices":[{"index":0,"text":"1","finish_reason":"stop"}]}\n\n'
    upstream.scenarios["inline-token"] = stream([frame, DONE])

    minted = gateway.ask(None, "/copilot_internal/v2/token", method="GET", session="token")
    answer = gateway.ask(
        inline, "/v1/engines/e/completions", session="inline-token", key=minted.json["token"]
    )

    assert minted.json["endpoints"]["api"] == f"http://127.0.0.1:{gateway.port}"
    assert minted.json["refresh_in"] > 0
    assert answer.body == frame + DONE
    end = gateway.only_end("inline-token")
    assert end.operation == "inline"
    assert end.file_paths == ("a.py",)
    assert gateway.only_end("token").operation == "token"


def test_a_missing_key_on_the_token_api_gets_githubs_error_shape(gateway):
    answer = gateway.ask(None, "/copilot_internal/v2/token", method="GET", key="")

    assert answer.status == 401
    assert answer.json["error_details"]["message"]
    assert answer.headers["x-github-request-id"]


def test_policy_refuses_chat_with_451_and_records_the_rule(gateway, upstream):
    key = gateway.reading.key("carl", "contractors")

    answer = gateway.chat("do it", session="denied-chat", key=key)

    assert answer.status == 451
    assert answer.json["error"]["message"] == "Contractors may not ask here."
    assert answer.headers["x-github-request-id"]
    blocked = gateway.only_end("denied-chat")
    assert blocked.event_type == "interaction.blocked"
    assert blocked.rule_id == "no-contractors"
    assert blocked.http_status == 451
    assert "do it" in gateway.text_of(blocked.prompt_part_ids)
    assert upstream.of("denied-chat") == []


def test_policy_refuses_inline_with_466_and_plain_text(gateway, upstream):
    key = gateway.reading.key("carla", "contractors")

    answer = gateway.ask(
        {"prompt": "x"}, "/v1/engines/e/completions", session="denied-inline", key=key
    )

    assert (answer.status, answer.body) == (466, b"Contractors may not ask here.")
    assert answer.headers["content-type"].startswith("text/plain")
    assert gateway.only_end("denied-inline").http_status == 466
    assert upstream.of("denied-inline") == []


def test_nobody_whom_no_rule_names_is_let_through(gateway, upstream):
    key = gateway.reading.key("eve", "marketing")

    assert gateway.chat("hi", session="no-rule", key=key).status == 451
    assert gateway.only_end("no-rule").rule_id == "default"
    assert upstream.of("no-rule") == []


def test_an_unknown_path_is_recorded_and_refused(gateway, upstream):
    answer = gateway.ask({"a": 1}, "/v2/everything", session="unknown")

    assert answer.status == 404
    blocked = gateway.only_end("unknown")
    assert (blocked.reason_code, blocked.path) == ("unknown_path", "/v2/everything")
    assert upstream.of("unknown") == []


def test_telemetry_and_ping_are_answered_here_without_key_or_record(gateway, upstream):
    got = gateway.ask(None, "/telemetry", method="GET", key="", session="telemetry")
    posted = gateway.ask(b"\x1f\x8b\x08junk", "/telemetry", key="", session="telemetry")
    ping = gateway.ask(None, "/_ping", method="GET", key="", session="telemetry")

    assert got.json["Configs"]
    assert (posted.status, ping.status) == (200, 200)
    # What is asked after them is recorded after them.
    gateway.ask(None, "/models", method="GET", session="after-telemetry")
    gateway.only_end("after-telemetry")
    paths = {json.loads(data)["record"].get("path") for data in gateway.events_raw()}
    assert paths.isdisjoint({"/telemetry", "/_ping"})
    assert upstream.of("telemetry") == []


def test_a_connection_that_passes_unknown_paths_records_them_and_keeps_its_prefix(
    gateway, upstream
):
    upstream.scenarios["passing"] = whole(b"fine", "200 OK", "Content-Type: text/plain")

    answer = gateway.ask(b"any text", "/c/passing/some/where?q=1", session="passing")

    assert answer.body == b"fine"
    assert upstream.of("passing")[0].target == "/prefix/some/where?q=1"
    requested, completed = gateway.events("passing")
    assert gateway.text_of(requested.prompt_part_ids) == ["any text", "q=1"]
    assert completed.connection == "passing"


def test_a_secret_in_the_query_or_in_a_header_does_not_go_on(gateway, upstream):
    upstream.scenarios["leaky"] = whole(b"fine", "200 OK", "Content-Type: text/plain")
    quoted = SECRET.replace("_", "%5F")

    gateway.ask(
        b"text",
        f"/c/passing/where?page=2&k='{quoted}'",
        session="leaky",
        headers={"x-note": f"k = '{SECRET}'", "x-plain": "stays"},
    )

    seen = upstream.of("leaky")[0]
    assert SECRET not in seen.target + seen.head.decode()
    assert "page=2" in seen.target
    assert "REDACTED_TEST_KEY_" in seen.header("x-note")
    assert seen.header("x-plain") == "stays"
    requested, _ = gateway.events("leaky")
    assert {found.location for found in requested.findings} == {"query", "header x-note"}


def test_a_secret_in_a_path_goes_neither_on_nor_into_the_record(gateway, upstream):
    upstream.scenarios["path"] = whole(b"fine", "200 OK", "Content-Type: text/plain")
    quoted = SECRET.replace("_", "%5F")

    gateway.ask(None, f"/c/passing/a/{quoted}/b", method="GET", session="path")
    gateway.ask(None, f"/none/{quoted}", method="GET", session="no-path")

    assert "/prefix/a/REDACTED_TEST_KEY_" in upstream.of("path")[0].target
    requested, completed = gateway.events("path")
    assert [found.location for found in requested.findings] == ["path"]
    assert completed.path.startswith("/c/passing/a/REDACTED_TEST_KEY_")
    assert gateway.only_end("no-path").path.startswith("/none/REDACTED_TEST_KEY_")


def test_a_secret_in_a_name_of_the_history_does_not_go_on(gateway, upstream):
    call = {"id": SECRET, "type": "function", "function": {"name": SECRET, "arguments": "{}"}}
    messages = [
        {"role": "user", "content": [{"type": SECRET, "text": "hi"}], "name": SECRET},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": SECRET, "content": "done"},
    ]

    gateway.ask({"model": "gpt-x", "messages": messages}, session="history")

    seen = upstream.of("history")[0].body
    assert SECRET.encode() not in seen
    assert seen.count(b"REDACTED_TEST_KEY_") == 5


@pytest.mark.parametrize("odd", [1, [1], [{"content": [1], "tool_calls": 2}]])
def test_members_called_messages_elsewhere_are_no_error_of_ours(gateway, odd):
    answer = gateway.ask({"model": "m", "input": "hi", "messages": odd}, "/responses")

    assert answer.status != 500


def test_a_secret_in_an_identifying_header_is_recorded_as_its_placeholder(gateway):
    headers = {"user-agent": f"x {SECRET}", "x-request-id": SECRET}

    gateway.chat("hi", session="headers", headers=headers)

    requested, completed = gateway.events("headers")
    assert requested.request_id == completed.request_id
    assert requested.request_id.startswith("REDACTED_TEST_KEY_")
    assert requested.client.user_agent == f"x {requested.request_id}"


def test_a_secret_in_a_name_of_the_answer_is_masked_for_client_and_record(gateway, upstream):
    answer = chat_answer("fine").replace(b"gpt-x", SECRET.encode())
    upstream.scenarios["named"] = whole(answer, "200 OK", f"X-Request-Id: {SECRET}")

    got = gateway.chat("hi", session="named")

    completed = gateway.only_end("named")
    assert SECRET.encode() not in got.body
    assert got.headers["x-request-id"].startswith("REDACTED_TEST_KEY_")
    assert completed.model_used.startswith("REDACTED_TEST_KEY_")
    assert completed.upstream_request_id == got.headers["x-request-id"]


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example/chat/completions",
        "/c/copilot/%2e%2e/admin",
        "/c/passing/../admin",
        "/c/passing/%2e%2e/%2e%2e/admin",
        "/c/passing//evil.example/x",
        "/c/passing/\\evil",
        "/c/passing/..%2fadmin",
        "/c/copilot%2Fmodels/admin",
        "/c/copilot%2Fmodels",
        "/models/..",
        "/models/%2e%2e",
        "/models%2fadmin",
        "/%6dodels",
        "/c/none/models",
    ],
)
def test_no_path_leads_anywhere_but_where_the_policy_says(gateway, upstream, target):
    before = len(upstream.seen)
    request = f"GET {target} HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {gateway.key}"

    answer = gateway.raw(request.encode() + b"\r\nConnection: close\r\n\r\n")

    assert answer.split(b" ")[1] in {b"404", b"400"}
    assert len(upstream.seen) == before


def test_an_absolute_target_and_a_foreign_host_still_lead_to_the_policys_upstream(
    gateway, upstream
):
    request = (
        f"GET http://evil.example/models HTTP/1.1\r\nHost: evil.example\r\nX-Scenario: absolute\r\n"
        f"Authorization: Bearer {gateway.key}\r\nConnection: close\r\n\r\n"
    )

    answer = gateway.raw(request.encode())

    assert b" 200 " in answer.split(b"\r\n")[0]
    (seen,) = upstream.of("absolute")
    assert seen.target == "/models"
    assert seen.header("host") == f"127.0.0.1:{upstream.port}"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "GET"])
def test_another_method_on_a_known_path_is_an_unknown_path(gateway, upstream, method):
    session = f"method-{method}"

    assert gateway.ask(None, method=method, session=session).status == 404
    assert gateway.only_end(session).method == method
    assert upstream.of(session) == []


def test_every_route_is_recorded_or_on_the_short_list(gateway):
    # They tell nothing of anybody and change nothing.
    short_list = {"/healthz", "/readyz", "/metrics", "/console"}
    short_list |= {"/api/v1/login", "/api/v1/openapi.json"}
    # What they refuse and what they change is recorded (tests of routes and token_exchange).
    recorded = {"/oauth/token", "/api/v1/keys", "/api/v1/keys/{key_id}"}
    recorded |= {"/login/device/code", "/login/oauth/access_token"}
    control = {path for path in short_list | recorded if not path.startswith("/api/v1/")}
    assert control == CONTROL_PATHS
    routers = [getattr(route, "original_router", None) for route in gateway.app.routes]
    inner = [route for router in routers if router for route in router.routes]
    fastapi_paths = {getattr(route, "path", None) for route in [*gateway.app.routes, *inner]}
    fastapi_paths -= {None}
    assert fastapi_paths == short_list | recorded
    assert {"telemetry", "ping"} == OPEN_OPERATIONS
    unrecorded = {p.path.pattern for p in _PATTERNS if p.operation in OPEN_OPERATIONS}
    assert unrecorded == {r"/telemetry\Z", r"/_ping\Z"}
    bodies = {
        "openai.chat": {"messages": []},
        "openai.completions": {"prompt": "x"},
        "openai.embeddings": {"input": "x"},
        "openai.responses": {"input": "x"},
        "anthropic.messages": {"messages": []},
        "mcp": {"method": "initialize"},
    }
    for pattern in _PATTERNS:
        if pattern.operation in OPEN_OPERATIONS:
            continue
        path = pattern.path.pattern.replace(r"\Z", "").replace("(?:/v1)?", "")
        path = path.replace(r"[\w.\-]{1,128}", "e").replace("(?P<model>e)", "e")
        path = path.replace("(?:/e)?", "")
        path = path.replace(r"(?:/[\w\-]{1,64})?", "")
        session = f"g10-{pattern.method}-{path}"
        gateway.ask(bodies.get(pattern.protocol), path, method=pattern.method, session=session)
        assert gateway.events(session)[0].event_type == "interaction.requested", path


def test_the_second_turn_records_only_what_is_new(gateway):
    first = [{"role": "user", "content": "first question"}]
    second = [
        *first,
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "second question"},
    ]

    gateway.ask({"messages": first}, session="turns")
    gateway.events("turns")
    gateway.ask({"messages": second}, session="turns")

    requested, completed, again, _ = _all_of(gateway, "turns", 4)
    assert [part.size_bytes for part in again.parts] == [len("second question")]
    assert again.prompt_part_ids == (
        requested.prompt_part_ids[0],
        completed.completion_part_ids[0],
        again.parts[0].part_id,
    )


def test_equal_texts_of_two_sessions_cannot_be_linked(gateway):
    gateway.chat("the same words", session="left")
    gateway.chat("the same words", session="right")

    left = gateway.events("left")[0].prompt_part_ids
    assert set(left).isdisjoint(gateway.events("right")[0].prompt_part_ids)


def test_masked_text_a_tool_call_and_usage_reach_the_record(gateway, upstream):
    call = {"id": "call_1", "function": {"name": "run", "arguments": '{"cmd":"ls"}'}}
    upstream.scenarios["tool"] = whole(chat_answer("", tool_calls=[call]))

    gateway.chat("list", session="tool")

    completed = gateway.only_end("tool")
    (tool,) = completed.tool_calls
    assert (tool.name, tool.call_id) == ("run", "call_1")
    assert gateway.text_of([tool.arguments_part_id]) == ['{"cmd":"ls"}']


def _all_of(gateway, session, count):
    deadline = time.monotonic() + 5
    while len(events := gateway.events(session)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return events


MCP_CALL = {
    "jsonrpc": "2.0",
    "id": 3,
    "method": "tools/call",
    "params": {"name": "search_code", "arguments": {"query": f"token {SECRET}"}},
}


@pytest.mark.parametrize("streamed", [False, True], ids=["document", "stream"])
def test_a_call_of_a_tool_by_mcp_is_recorded_and_masked_both_ways(gateway, upstream, streamed):
    session, found = f"mcp-{streamed}", "zk_live_0000111122223333"
    message = {"jsonrpc": "2.0", "id": 3}
    result = {**message, "result": {"content": [{"type": "text", "text": f"found {found}"}]}}
    progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"a": found}}
    frames = [
        b"event: message\ndata: " + json.dumps(each).encode() + b"\n\n"
        for each in (progress, result)
    ]
    upstream.scenarios[session] = stream(frames) if streamed else whole(json.dumps(result).encode())

    answer = gateway.ask(MCP_CALL, "/mcp/readonly", session=session)

    (seen,) = upstream.of(session)
    assert SECRET.encode() not in seen.body
    assert found.encode() not in answer.body
    assert b"found REDACTED_TEST_KEY_" in answer.body
    end = gateway.only_end(session)
    assert (end.operation, end.tool_name) == ("tool_call", "search_code")
    assert end.event_type == "interaction.completed"
    (said,) = gateway.text_of(end.completion_part_ids)
    assert said.startswith("found REDACTED_TEST_KEY_")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/responses", {"input": "x", "prompt_cache_key": "0f0e0d0c-1111-4222-8333-444455556666"}),
        (
            "/c/copilot/v1/messages",
            {
                "messages": [],
                "metadata": {
                    "user_id": '{"device_id":"d","session_id":"0f0e0d0c-1111-4222-8333-444455556666"}'
                },
            },
        ),
    ],
    ids=["prompt_cache_key", "user_id"],
)
def test_a_body_names_the_session_where_no_header_does(gateway, path, body):
    gateway.ask(body, path, session="")

    named = gateway.only_end("0f0e0d0c-1111-4222-8333-444455556666")
    assert named.operation == "chat"


def test_what_the_command_line_asks_github_at_its_start_is_answered_and_recorded(gateway):
    answer = gateway.ask(None, "/copilot/mcp_registry", method="GET", session="settings")

    assert answer.status == 404
    assert answer.json["message"] == "Not Found"
    end = gateway.only_end("settings")
    assert (end.event_type, end.operation) == ("interaction.completed", "settings")
