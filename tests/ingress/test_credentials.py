"""What a client and the record are told when an upstream or a credential fails; what is stripped."""

import pytest
import running_gateway
from fake_upstream import DONE, chat_answer, chat_frame, chunk, stream, whole
from running_gateway import AZURE_CREDENTIAL, CREDENTIAL, RunningGateway
from scripted_server import Send
from token_server import Answer as TokenAnswer
from token_server import TokenServer

from ingress.upstream.echo import REPLACEMENT


def test_refused_credential_is_the_gateways_matter_and_its_words_stay_there(gateway, upstream):
    upstream.scenarios["refused"] = whole(
        f'{{"error":{{"message":"Incorrect API key provided: {CREDENTIAL[:20]}"}}}}'.encode(),
        "401 Unauthorized",
        'WWW-Authenticate: Bearer realm="upstream"',
    )

    answer = gateway.chat("hi", session="refused")

    assert (answer.status, answer.json["error"]["code"]) == (502, "credential_unavailable")
    assert CREDENTIAL[:20].encode() not in answer.body
    assert "www-authenticate" not in answer.headers
    assert gateway.only_end("refused").reason_code == "credential_refused"


def test_refusal_of_a_connection_without_a_credential_is_the_clients(gateway, upstream):
    upstream.scenarios["theirs"] = whole(b"{}", "401 Unauthorized", "WWW-Authenticate: Basic")

    answer = gateway.ask(None, "/c/passing/x", method="GET", session="theirs")

    assert answer.status == 401
    assert "www-authenticate" not in answer.headers


def test_credential_that_is_not_set_is_recorded_and_not_explained_to_the_client(gateway):
    answer = gateway.ask({"messages": []}, "/c/unset/chat/completions", session="unset")

    assert (answer.status, answer.json["error"]["code"]) == (502, "credential_unavailable")
    assert b"unset" not in answer.body
    assert gateway.only_end("unset").reason_code == "credential_missing"


def test_azures_deployment_is_the_model_and_the_key_goes_in_its_header(gateway, upstream):
    path = "/openai/deployments/gpt-4o-eu/chat/completions?api-version=2024-10-21"
    body = {"model": "another", "messages": [{"role": "user", "content": "hi"}]}

    answer = gateway.ask(body, path, session="azure")

    assert answer.status == 200
    (seen,) = upstream.of("azure")
    assert seen.target == path
    assert (seen.header("api-key"), seen.header("authorization")) == (AZURE_CREDENTIAL, None)
    assert gateway.events("azure")[0].model == "gpt-4o-eu"


@pytest.mark.parametrize(
    "path", ["/openai/v1/chat/completions", "/c/azure/openai/v1/chat/completions"]
)
def test_azures_newer_paths_are_read_as_openais(gateway, upstream, path):
    session = f"azure-{len(path)}"

    assert gateway.ask({"model": "m", "messages": []}, path, session=session).status == 200
    assert gateway.events(session)[0].protocol == "openai.chat"


CLIENTS_OWN = {
    "cookie": "a=canary-2",
    "job-token": "canary-3",
    "private-token": "canary-4",
    "x-amz-security-token": "canary-6",
    "x-forwarded-host": "canary-7.example",
    "x-goog-api-key": "canary-8",
    "x-http-method-override": "DELETE",
    "forwarded": "host=canary-9.example",
}


def test_clients_own_credentials_and_hosts_end_at_the_gateway(gateway, upstream):
    gateway.chat("hi", session="own", headers=CLIENTS_OWN)

    (seen,) = upstream.of("own")
    assert b"canary" not in seen.head
    assert b"DELETE" not in seen.head
    assert seen.header("authorization") == f"Bearer {CREDENTIAL}"
    assert seen.header("host") == f"127.0.0.1:{upstream.port}"


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("beta=true", "?beta=true"),
        ("access_token=canary&a=1", "?a=1"),
        ("a=1&API%5FKEY=canary", "?a=1"),
        ("key=canary", ""),
        ("x-amz-signature=canary&key=canary&b=%20", "?b=%20"),
    ],
)
def test_credentials_in_a_query_end_at_the_gateway(gateway, upstream, query, sent):
    session = f"query-{query}"

    gateway.ask({"messages": []}, f"/c/azure/openai/v1/chat/completions?{query}", session=session)

    (seen,) = upstream.of(session)
    assert seen.target == "/openai/v1/chat/completions" + sent


def test_upstream_that_repeats_the_credential_is_cut_out_of_headers_and_bodies(gateway, upstream):
    upstream.scenarios["echo"] = whole(
        chat_answer(f"you sent {CREDENTIAL}"), "200 OK", f"X-Debug: Bearer {CREDENTIAL}"
    )

    answer = gateway.chat("hi", session="echo")

    assert answer.headers["x-debug"] == f"Bearer {REPLACEMENT.decode()}"
    assert answer.json["choices"][0]["message"]["content"] == f"you sent {REPLACEMENT.decode()}"
    completed = gateway.only_end("echo")
    assert gateway.text_of(completed.completion_part_ids) == [f"you sent {REPLACEMENT.decode()}"]


@pytest.mark.parametrize("status", ["400 Bad Request", "500 Oops"])
def test_error_that_repeats_the_credential_is_cut_too(gateway, upstream, status):
    session = f"echo-{status[:3]}"
    upstream.scenarios[session] = whole(f'{{"error":"{CREDENTIAL}"}}'.encode(), status)

    answer = gateway.chat("hi", session=session)

    assert answer.body == b'{"error":"' + REPLACEMENT + b'"}'


def test_stream_that_repeats_the_credential_is_cut_wherever_the_network_cuts_it(gateway, upstream):
    frames = stream([chat_frame(f"it is {CREDENTIAL}!"), chat_frame("", "stop"), DONE])
    sent = b"".join(step.data for step in frames[1:-1])
    upstream.scenarios["echo-stream"] = [frames[0], *(Send(chunk(bytes([b]))) for b in _dechunked(sent)), frames[-1]]  # fmt: skip

    answer = gateway.chat("hi", stream=True, session="echo-stream")

    assert CREDENTIAL.encode() not in answer.body
    assert REPLACEMENT in answer.body
    assert gateway.only_end("echo-stream").event_type == "interaction.completed"


def _dechunked(data):
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        body += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    return body


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("http://127.0.0.1:{port}/prefix/a?b=1", "/c/passing/a?b=1"),
        ("/prefix/a", "/c/passing/a"),
        ("/elsewhere", None),
        ("http://127.0.0.1:{port}/prefixed/a", None),
        ("http://127.0.0.1:{port}1/prefix/a", None),
        ("http://evil.example/prefix/a?signature=x", None),
        ("//evil.example/prefix/a", None),
        ("/\\evil.example", None),
        ("javascript:alert(1)", None),
    ],
)
def test_redirect_is_not_followed_and_leads_no_client_past_the_gateway(
    gateway, upstream, location, told
):
    session = f"redirect-{location}"
    url = location.format(port=upstream.port)
    upstream.scenarios[session] = whole(b"", "302 Found", f"Location: {url}")

    answer = gateway.ask(None, "/c/passing/x", method="GET", session=session)

    assert (answer.status, answer.headers.get("location")) == (302, told)
    assert len(upstream.of(session)) == 1


def test_what_would_lead_a_client_past_the_gateway_is_not_returned(gateway, upstream):
    upstream.scenarios["lead"] = whole(
        chat_answer("hi"), "200 OK", 'Alt-Svc: h3=":443"', "Set-Cookie: a=b", "Refresh: 0; url=//x"
    )

    answer = gateway.chat("hi", session="lead")

    assert {"alt-svc", "set-cookie", "refresh"}.isdisjoint(answer.headers)


def test_refused_token_is_renewed_and_the_prompt_sent_once_more(tmp_path, monkeypatch):
    monkeypatch.setattr("ingress.upstream.renewing.REFUSED_AGE_SECONDS", 0.0)
    path = "/copilot_internal/v2/token"
    with TokenServer() as server:
        (tmp_path / "gateway").mkdir()
        auth = f"{{copilot: {{token_url: '{server.url}{path}'}}}}"
        monkeypatch.setattr(
            "running_gateway.POLICY",
            running_gateway.POLICY.replace(
                "credential: secret/copilot}}",
                f"credential: secret/copilot, auth: {_braced(auth)}}}}}",
            ),
        )
        server.answers[path] = [_token("tid=1:mac"), _token("tid=2:mac")]
        server.answers["/chat/completions"] = [
            TokenAnswer(b"{}", 401),
            TokenAnswer(chat_answer("hi")),
        ]
        with RunningGateway(tmp_path / "gateway", server.port) as gateway:
            answer = gateway.chat("hello", session="renewed")
            again = gateway.chat("hello", session="kept")

            assert gateway.only_end("renewed").event_type == "interaction.completed"

    assert (answer.status, again.status) == (200, 200)
    shown = [each.headers["authorization"] for each in server.asked]
    github = f"token {CREDENTIAL}"
    first, second = "Bearer tid=1:mac", "Bearer tid=2:mac"
    assert shown == [github, first, github, second, second]


def _token(value):
    return TokenAnswer({"token": value, "refresh_in": 1500, "expires_at": 1})


def _braced(text):
    return text.replace("{", "{{").replace("}", "}}")
