"""What policy and masking leave alone arrives as it was sent: each exchange runs twice, straight
to the upstream and through the gateway, and both sides are compared byte for byte."""

import itertools
import socket
import time
from dataclasses import dataclass

import pytest
from fake_upstream import DONE, SSE_HEAD, chat_answer, chat_frame, chunk, stream, whole
from running_gateway import SECRET
from scripted_server import Send, Wait

CHAT = b'{ "model":"gpt-x",\t"messages":[{"role":"user","content":"caf\\u00e9 \xc3\xa9"}],"n":1.0}'
STREAMED = b'{"stream":true,"model":"gpt-x","messages":[{"role":"user","content":"hi"}]}'
FRAMES = [chat_frame("one "), chat_frame("two "), chat_frame("", "stop"), DONE]
# What a hop says for itself: the credential, the host, and how the body is framed.
OF_THE_HOP = {
    b"accept-encoding",
    b"authorization",
    b"connection",
    b"content-length",
    b"host",
    b"transfer-encoding",
}


@dataclass
class Received:
    """An answer as a client's socket got it."""

    status_line: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


def send(port, method, target, headers, body):
    """Send one request with its headers in order; return the answer, chunks joined."""
    lines = [b"%b %b HTTP/1.1" % (method, target), b"Host: h", *headers]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    request = b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        return receive(connection.makefile("rb"), method)


def receive(reader, method):
    status_line = reader.readline()
    headers = []
    while (line := reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        headers.append((name.lower(), value.strip()))
    named = dict(headers)
    if method == b"HEAD" or status_line.split()[1] in (b"204", b"304"):
        body = b""
    elif named.get(b"transfer-encoding") == b"chunked":
        body = b""
        while size := int(reader.readline(), 16):
            body += reader.read(size)
            reader.readline()
        reader.readline()
    else:
        body = reader.read(int(named[b"content-length"]))
    return Received(status_line, headers, body)


def kept(headers):
    return [(name.lower(), value) for name, value in headers if name.lower() not in OF_THE_HOP]


def head_of(seen):
    lines = seen.head.split(b"\r\n")[1:]
    pairs = (line.partition(b":") for line in lines if line)
    return kept([(name, value.strip()) for name, _, value in pairs])


def both(gateway, upstream, scenario, target, body, *, method=b"POST", headers=(), prefix=b""):
    """Run an exchange straight and through the gateway; return both answers and both sights."""
    sent = [b"X-Scenario: " + scenario.encode(), b"X-Session-Id: " + scenario.encode(), *headers]
    straight = send(upstream.port, method, target, sent, body)
    key = b"Authorization: Bearer " + gateway.key.encode()
    through = send(gateway.port, method, prefix + target, [*sent, key], body)
    first, second = upstream.of(scenario)[-2:]
    return straight, through, first, second


def assert_same(straight, through, first, second):
    assert through.status_line == straight.status_line
    assert kept(through.headers) == kept(straight.headers)
    assert through.body == straight.body
    assert second.head.split(b"\r\n")[0] == first.head.split(b"\r\n")[0]
    assert head_of(second) == head_of(first)
    assert second.body == first.body


CLIENT_HEADERS = [
    b"User-Agent: GithubCopilot/1.539.0",
    b"Editor-Version: JetBrains-IC/2026.2",
    b"X-Request-Id: 11111111-2222-4333-8444-555555555555",
    b"OpenAI-Intent: conversation-agent",
    b"X-Odd: one",
    b"X-Odd: two",
    b"X-Empty:",
    b"X-Latin: caf\xe9",
    b"anthropic-beta: a-2026-01-01,b",
    b"Content-Type: application/json",
]
EXCHANGES = {
    "chat": ("/chat/completions", CHAT, whole(chat_answer("fine"))),
    "chat-query": ("/chat/completions?a=b&c=%20d", CHAT, whole(chat_answer("fine"))),
    "spaces": ("/chat/completions", CHAT, whole(b' {"choices" : [ ] ,\n"model":"m"}\n')),
    "stream": ("/chat/completions", STREAMED, stream(FRAMES)),
    "stream-one-chunk": ("/chat/completions", STREAMED, stream([b"".join(FRAMES)])),
    "stream-cut-in-frames": (
        "/chat/completions",
        STREAMED,
        stream([b"".join(FRAMES)[i : i + 7] for i in range(0, len(b"".join(FRAMES)), 7)]),
    ),
    "stream-crlf": (
        "/chat/completions",
        STREAMED,
        stream([frame.replace(b"\n\n", b"\r\n\r\n") for frame in FRAMES]),
    ),
    "stream-comments": (
        "/chat/completions",
        STREAMED,
        stream(
            [
                b": alive\n\n",
                b"id: 7\nretry: 10\n" + FRAMES[0],
                b"event: x\n" + FRAMES[1],
                *FRAMES[2:],
            ]
        ),
    ),
    "stream-without-end": ("/chat/completions", STREAMED, stream(FRAMES[:3])),
    "embeddings": (
        "/embeddings",
        b'{"input":["a","b"],"model":"e"}',
        whole(b'{"data":[{"embedding":[0.10,1e-7,-0.0]}],"model":"e"}'),
    ),
    "messages": (
        "/c/copilot/v1/messages?beta=true",
        b'{"model":"c","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}',
        whole(b'{"type":"message","role":"assistant","content":[{"type":"text","text":"x"}]}'),
    ),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_an_exchange_is_the_same_on_both_sides(gateway, upstream, name):
    target, body, steps = EXCHANGES[name]
    upstream.scenarios[name] = steps
    prefix = b""
    if target.startswith("/c/copilot"):
        prefix, target = b"/c/copilot", target.removeprefix("/c/copilot")

    assert_same(
        *both(gateway, upstream, name, target.encode(), body, headers=CLIENT_HEADERS, prefix=prefix)
    )


@pytest.mark.parametrize(
    "status",
    # 401 is of the gateway's credential, and so the gateway's own: test_credentials.py.
    ["400 Bad Request", "404 Not Found", "409 Conflict", "413 Too Large",
     "422 Unprocessable", "429 Too Many Requests", "500 Oops", "503 Down", "529 Overloaded"],
)  # fmt: skip
def test_an_upstreams_error_is_its_own(gateway, upstream, status):
    name = "error-" + status[:3]
    more = ["Retry-After: 7", "X-RateLimit-Exceeded: quota", "X-GitHub-Request-Id: AB:12"]
    upstream.scenarios[name] = whole(b'{"error": {"message":"no"} }', status, *more)

    straight, through, *seen = both(gateway, upstream, name, b"/chat/completions", CHAT)

    # The server writes the phrase of the status itself.
    assert through.status_line.split()[1] == straight.status_line.split()[1]
    through.status_line = straight.status_line
    assert_same(straight, through, *seen)


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"HEAD"])
def test_a_passed_path_keeps_method_body_and_answer(gateway, upstream, method):
    name = "passed-" + method.decode()
    body = bytes(range(256)) if method in (b"PUT", b"PATCH") else None
    answer = b"" if method == b"HEAD" else b"\x00\xff" * 40
    upstream.scenarios[name] = [
        Send(
            b'HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 80\r\nETag: "e"\r\n\r\n'
        )
    ] + ([Send(answer)] if answer else [])

    straight, through, first, second = both(
        gateway, upstream, name, b"/a%2Fb;c?x=%C3%A9", body, method=method, prefix=b"/c/passing"
    )

    second.head = second.head.replace(b" /prefix/", b" /", 1)
    assert_same(straight, through, first, second)


def test_a_secret_between_bytes_that_are_no_text_is_masked_and_the_bytes_are_kept(
    gateway, upstream
):
    body = b"\x00\xff " + SECRET.encode() + b" \xfe\x01"

    gateway.ask(body, "/c/passing/upload", method="PUT", session="binary")

    (seen,) = upstream.of("binary")
    assert SECRET.encode() not in seen.body
    assert seen.body.startswith(b"\x00\xff REDACTED_TEST_KEY_")
    assert seen.body.endswith(b" \xfe\x01")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_without_a_body_has_none(gateway, upstream, status):
    name = "bodyless-" + status[:3]
    upstream.scenarios[name] = [Send(f'HTTP/1.1 {status}\r\nETag: "e"\r\n\r\n'.encode())]

    straight, through, first, second = both(
        gateway, upstream, name, b"/x", None, method=b"GET", prefix=b"/c/passing"
    )

    second.head = second.head.replace(b" /prefix/", b" /", 1)
    assert_same(straight, through, first, second)
    assert b"transfer-encoding" not in dict(through.headers)
    assert dict(through.headers).get(b"content-length", b"0") == b"0"


def test_a_connection_serves_one_request_after_the_other(gateway, upstream):
    key = b"Authorization: Bearer " + gateway.key.encode()
    request = (
        b"POST /chat/completions HTTP/1.1\r\nHost: h\r\nX-Session-Id: alive\r\n"
        b"X-Scenario: alive\r\n%b\r\nContent-Length: %d\r\n\r\n%b" % (key, len(CHAT), CHAT)
    )
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        reader = connection.makefile("rb")
        for _ in range(3):
            connection.sendall(request)
            assert receive(reader, b"POST").body == chat_answer("hello")

    assert len(upstream.of("alive")) == 3


def test_the_pauses_of_a_stream_are_the_upstreams(gateway, upstream):
    gaps = [0.05, 0.3, 0.05]
    steps = [Send(SSE_HEAD)]
    for frame, gap in zip(FRAMES, [*gaps, 0], strict=True):
        steps += [Send(chunk(frame)), Wait(gap)]
    upstream.scenarios["pauses"] = [*steps, Send(b"0\r\n\r\n")]

    began = time.monotonic()
    answer = gateway.ask(STREAMED, session="pauses")

    times = [at - began for at, _ in answer.pieces]
    assert len(times) == len(FRAMES)
    for (earlier, later), gap in zip(itertools.pairwise(times), gaps, strict=True):
        assert abs(later - earlier - gap) < 0.12
