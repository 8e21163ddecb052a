"""What no client should send: it is refused honestly, recorded, and never a 500."""

import json
import socket

import pytest
from running_gateway import SECRET
from vectors import shared

DEEP = 100_000
MESSAGE = {"role": "user", "content": "x"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"messages":[{"role":"user","content":"\xff\xfe"}]}', id="bad-utf8"),
        pytest.param(b'{"messages":[' + b"[" * DEEP + b"]" * DEEP + b"]}", id="deep-lists"),
        pytest.param(
            b'{"messages":[],"a":' + b"[" * 300 + b"]" * 300 + b"}", id="deep-enough-to-not-encode"
        ),
        pytest.param(b'{"messages":[],"temperature":NaN}', id="nan"),
        pytest.param(b'{"messages":[],"temperature":1e999}', id="infinite"),
        pytest.param(b'{"messages":[{"role":"user","content":"\\ud800"}]}', id="lone-surrogate"),
        pytest.param(b"{}", id="no-messages"),
        pytest.param(b'{"messages":{}}', id="messages-object"),
        pytest.param(b'{"messages":[1]}', id="message-number"),
        pytest.param(b'{"messages":[{"role":"user","content":[1]}]}', id="content-number"),
        pytest.param(b'{"messages":[{"role":"user","tool_calls":5}]}', id="tool-calls-number"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_400(gateway, upstream, body, request):
    session = "bad-" + request.node.callspec.id

    answer = gateway.ask(body, session=session)

    assert answer.status == 400, answer.body
    assert answer.json["error"]["code"] == "bad_prompt"
    assert gateway.only_end(session).reason_code == "bad_prompt"
    assert upstream.of(session) == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"messages": [{**MESSAGE, "role": ["user"]}]}, id="role-list"),
        pytest.param({"messages": [{**MESSAGE, "role": 7}]}, id="role-number"),
        pytest.param({"messages": [{**MESSAGE, "tool_calls": [None, 1, {}]}]}, id="tool-calls"),
        pytest.param({"messages": [MESSAGE], "model": {"a": 1}}, id="model-object"),
        pytest.param({"messages": [MESSAGE], "model": "m" * 5000}, id="model-long"),
        pytest.param({"messages": [MESSAGE], "stream": "yes"}, id="stream-text"),
        pytest.param({"messages": [MESSAGE], "seed": 10**400}, id="huge-integer"),
        pytest.param({"messages": [MESSAGE], "user": "\u0000\u202e\U0001f600"}, id="odd-text"),
    ],
)
def test_an_odd_member_neither_breaks_the_gateway_nor_the_contract(gateway, body, request):
    session = "odd-" + request.node.callspec.id

    assert gateway.ask(body, session=session).status in {200, 400}
    assert gateway.only_end(session).event_type.startswith("interaction.")


def test_a_long_language_is_cut_to_what_its_column_takes(gateway):
    body = {"prompt": "x", "extra": {"language": "l" * 200}}

    gateway.ask(body, "/v1/engines/e/completions", session="language")

    assert len(gateway.events("language")[0].language) == 64


def test_a_key_written_twice_hides_nothing_from_masker_and_upstream(gateway, upstream):
    body = b'{"messages":[{"role":"user","content":"%s"}],"messages":[]}' % SECRET.encode()

    assert gateway.ask(body, session="twice").status in {200, 400}

    for seen in upstream.of("twice"):
        assert SECRET.encode() not in seen.body


def test_more_parts_than_a_record_can_name_are_refused_before_the_upstream(gateway, upstream):
    body = {"input": [str(number) for number in range(60_000)]}

    answer = gateway.ask(body, "/embeddings", session="parts")

    assert answer.status == 413
    assert gateway.only_end("parts").reason_code == "body_too_large"
    assert upstream.of("parts") == []


DOORS = {
    "/chat/completions": b'{"messages":[{"role":"user","content":"x"}],"other":%b}',
    "/responses": b'{"input":"x","other":%b}',
    "/v1/engines/e/completions": b'{"prompt":"x","other":%b}',
    "/embeddings": b'{"input":"x","other":%b}',
    "/c/copilot/v1/messages": b'{"messages":[],"other":%b}',
    "/mcp": b'{"method":"initialize","other":%b}',
}


@pytest.mark.parametrize("door", DOORS)
def test_no_file_of_the_json_test_suite_is_an_error_of_ours(gateway, door):
    # Beside what is no JSON at all, a door may refuse what it has no use for.
    expected = {"y": {200, 400}, "n": {400}, "i": {200, 400}}
    json_type = {"content-type": "application/json"}
    for path in sorted(shared("vectors", "jsontestsuite", "test_parsing").glob("*.json")):
        data = path.read_bytes()
        bare = gateway.ask(data, door, session="suite", headers=json_type)
        # A document that is an object may be one that the door takes.
        assert bare.status == 400 or (data.lstrip()[:1] == b"{" and bare.status == 200), path.name
        wrapped = gateway.ask(DOORS[door] % data, door, session="suite", headers=json_type)
        assert wrapped.status in expected[path.name[0]], path.name


def test_an_announced_body_over_the_limit_is_refused_unread(gateway, upstream):
    request = (
        f"POST /chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\n"
        f"X-Session-Id: announced\r\nContent-Length: 99999999999\r\n\r\n"
    )

    answer = gateway.raw(request.encode())

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"body_too_large" in answer
    assert gateway.only_end("announced").http_status == 413


def test_a_chunked_body_over_the_limit_is_refused_on_the_way(gateway, upstream):
    head = (
        f"POST /chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\n"
        f"X-Session-Id: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    piece = b"%x\r\n%b\r\n" % (1 << 20, b"x" * (1 << 20))

    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(3):
                connection.sendall(piece)
        except ConnectionError:
            pass
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert gateway.only_end("chunked").reason_code == "body_too_large"


def test_a_compressed_body_is_refused(gateway, upstream):
    answer = gateway.ask(b"\x1f\x8b", session="gzip", headers={"content-encoding": "gzip"})

    assert answer.status == 400
    assert gateway.only_end("gzip").reason_code == "bad_prompt"
    assert upstream.of("gzip") == []


def test_two_lengths_and_bare_garbage_never_reach_the_upstream(gateway, upstream):
    before = len(upstream.seen)
    smuggled = (
        f"POST /chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\n"
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /models HTTP/1.1\r\n\r\n"
    )

    answers = [gateway.raw(smuggled.encode()), gateway.raw(b"\x16\x03\x01garbage\r\n\r\n")]

    assert all(b" 200 " not in answer.split(b"\r\n")[0] for answer in answers)
    assert len(upstream.seen) == before


def test_an_errors_body_holds_nothing_of_what_was_sent(gateway):
    answer = gateway.ask(b'{"messages":"' + SECRET.encode(), session="quiet")

    assert SECRET not in str(answer)
    assert json.loads(answer.body)["error"]["message"]
