"""What reaches the gateway over a socket: one framing of a body, and only for a time."""

import contextlib
import itertools
import socket
import time

import pytest
from fake_upstream import chat_frame, stream

import ingress.server

CHUNKED_FORMS = {
    "plain": b"Transfer-Encoding: chunked",
    "upper": b"TRANSFER-ENCODING: CHUNKED",
    "space-before-colon": b"Transfer-Encoding : chunked",
    "tab-before-colon": b"Transfer-Encoding\t: chunked",
    "no-space": b"Transfer-Encoding:chunked",
    "tab": b"Transfer-Encoding:\tchunked",
    "vertical-tab": b"Transfer-Encoding: \x0bchunked",
    "form-feed": b"Transfer-Encoding: \x0cchunked",
    "no-break-space": b"Transfer-Encoding: \xa0chunked",
    "nul": b"Transfer-Encoding: chunked\x00",
    "quoted": b'Transfer-Encoding: "chunked"',
    "prefixed": b"Transfer-Encoding: xchunked",
    "suffixed": b"Transfer-Encoding: chunkedx",
    "identity-last": b"Transfer-Encoding: chunked, identity",
    "identity-first": b"Transfer-Encoding: identity, chunked",
    "gzip-first": b"Transfer-Encoding: gzip, chunked",
    "empty-member": b"Transfer-Encoding: , chunked",
    "twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "twice-identity": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "folded": b"Transfer-Encoding:\r\n chunked",
    "folded-name": b"X-Before: y\r\n Transfer-Encoding: chunked",
    "bare-lf": b"X-Before: y\nTransfer-Encoding: chunked",
    "bare-cr": b"X-Before: y\rTransfer-Encoding: chunked",
    "name-underscore": b"Transfer_Encoding: chunked",
    "name-space": b"Transfer Encoding: chunked",
    "name-control": b"\x01Transfer-Encoding: chunked",
    "parameter": b"Transfer-Encoding: chunked;q=1",
}
LENGTH_FORMS = {
    "plain": b"Content-Length: %d",
    "plus": b"Content-Length: +%d",
    "minus": b"Content-Length: -%d",
    "zero-padded-hex": b"Content-Length: 0x%x",
    "list": b"Content-Length: %d, 0",
    "words": b"Content-Length: %d 0",
    "twice-differing": b"Content-Length: %d\r\nContent-Length: 0",
    "bare-lf": b"X-Before: y\nContent-Length: %d",
    "space-before-colon": b"Content-Length : %d",
    "folded": b"Content-Length:\r\n %d",
    "nul": b"Content-Length: %d\x00",
}
CHUNK_FORMS = {
    "hex-prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "space-before": b" 5\r\nhello\r\n0\r\n\r\n",
    "overflow": b"fffffffffffffffff5\r\nhello\r\n0\r\n\r\n",
    "bare-lf-after-size": b"5\nhello\r\n0\r\n\r\n",
    "bare-lf-after-data": b"5\r\nhello\n0\r\n\r\n",
    "longer-than-said": b"5\r\nhello!!\r\n0\r\n\r\n",
    "lf-in-extension": b"5;a=\nb\r\nhello\r\n0\r\n\r\n",
    "nul-in-extension": b"5;a=\x00\r\nhello\r\n0\r\n\r\n",
    "no-size": b"\r\nhello\r\n0\r\n\r\n",
}


def request(gateway, session, *headers, body=b"", host=b"Host: x"):
    head = [b"POST /chat/completions HTTP/1.1", host, *headers]
    head += [b"Authorization: Bearer " + gateway.key.encode()]
    head += [b"X-Session-Id: " + session.encode(), b"X-Scenario: " + session.encode()]
    return b"\r\n".join([line for line in head if line]) + b"\r\n\r\n" + body


def smuggled(gateway):
    inner = b'{"messages":[{"role":"user","content":"inner"}]}'
    return request(gateway, "inner", b"Content-Length: %d" % len(inner), body=inner)


def framings():
    for length, chunked in itertools.product(LENGTH_FORMS, CHUNKED_FORMS):
        for order in ("length-first", "chunked-first"):
            yield pytest.param(length, chunked, order)


def test_no_pair_of_framings_ever_makes_two_requests(gateway, upstream):
    """Each of 594 heads frames one body in two ways; a second request hides behind the end."""
    before = len(upstream.of("inner"))
    body = b"0\r\n\r\n" + smuggled(gateway)
    for param in framings():
        length, chunked, order = param.values
        headers = [LENGTH_FORMS[length] % len(body), CHUNKED_FORMS[chunked]]
        headers = headers if order == "length-first" else headers[::-1]

        answer = gateway.raw(request(gateway, "outer", *headers, body=body), pause_seconds=0.05)

        assert answer.count(b"HTTP/1.1 ") == 1, (length, chunked, order, answer)
        assert answer.startswith(b"HTTP/1.1 4"), (length, chunked, order, answer)
    assert len(upstream.of("inner")) == before
    assert upstream.of("outer") == []


@pytest.mark.parametrize("form", CHUNK_FORMS)
def test_a_malformed_chunk_ends_the_connection(gateway, upstream, form):
    sent = request(gateway, form, CHUNKED_FORMS["plain"], body=CHUNK_FORMS[form])

    answer = gateway.raw(sent + smuggled(gateway))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert upstream.of(form) == upstream.of("inner") == []


def test_a_chunk_extension_is_dropped_and_never_goes_on(gateway, upstream):
    text = b'{"messages":[{"role":"user","content":"x"}]}'
    body = b"%x;name=value\r\n%b\r\n0\r\n\r\n" % (len(text), text)

    answer = gateway.raw(request(gateway, "extension", CHUNKED_FORMS["plain"], body=body))

    assert answer.startswith(b"HTTP/1.1 200 ")
    (seen,) = upstream.of("extension")
    assert seen.body == text


@pytest.mark.parametrize("host", [b"", b"Host: a\r\nHost: b"], ids=["none", "two"])
def test_a_request_names_one_host(gateway, upstream, host):
    answer = gateway.raw(request(gateway, "host", b"Content-Length: 0", host=host))

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_connect_is_refused_with_what_to_do_instead_and_recorded(gateway):
    head = b"CONNECT api.githubcopilot.com:443 HTTP/1.1\r\nHost: api.githubcopilot.com:443\r\n"
    credential = b"Authorization: Bearer " + gateway.key.encode()

    answer = gateway.raw(head + credential + b"\r\nX-Session-Id: connect\r\n\r\nsecond protocol")

    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"base URL" in answer
    assert b"connection: close" in answer
    assert gateway.only_end("connect").reason_code == "proxy_refused"


def test_a_websocket_upgrade_gets_426_so_that_clients_fall_back(gateway):
    answer = gateway.ask(
        method="GET",
        path="/responses",
        session="websocket",
        headers={"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"},
    )

    assert answer.status == 426
    assert answer.headers["upgrade"] == "HTTP/1.1"
    assert gateway.only_end("websocket").reason_code == "upgrade_refused"


# ---- time ----


@pytest.fixture
def impatient(monkeypatch):
    """Let every wait be a quarter of a second; the sweep comes once a second."""
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "TAKE_SECONDS"):
        monkeypatch.setattr(ingress.server, name, 0.25)


def drip(gateway, begin, seconds=6.0):
    """Send ``begin``, then a byte now and then; return what came until the server ended it."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=0.1) as connection:
        connection.sendall(begin)
        until = time.monotonic() + seconds
        got = b""
        while time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                piece = connection.recv(4096)
                if not piece:
                    return got
                got += piece
                continue
            try:
                connection.sendall(b"x")
            except ConnectionError:
                return got
    raise AssertionError("the connection was never given up")


@pytest.mark.usefixtures("impatient")
def test_a_head_that_comes_drop_by_drop_is_given_up(gateway):
    assert drip(gateway, b"GET / HTTP/1.1\r\nX: ").startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("impatient")
def test_a_body_that_comes_drop_by_drop_is_given_up(gateway, upstream):
    sent = request(gateway, "drip", b"Content-Length: 100000", body=b"{")

    assert drip(gateway, sent).startswith(b"HTTP/1.1 408 ")
    assert upstream.of("drip") == []


@pytest.mark.usefixtures("impatient")
def test_line_ends_alone_do_not_keep_a_connection(gateway):
    sent = b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(sent)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")
        assert connection.recv(4096) == b""


def test_a_head_without_an_end_is_given_up_by_its_size(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        got = b""
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                connection.sendall(b"x" * 65536)
            got = connection.recv(4096)

    assert got == b"" or got.startswith(b"HTTP/1.1 431 ")


@pytest.mark.usefixtures("impatient")
def test_a_client_that_does_not_take_its_answer_is_given_up_and_recorded(gateway, upstream):
    upstream.scenarios["untaken"] = stream([chat_frame("x" * 8192)] * 3000)
    body = b'{"stream":true,"messages":[{"role":"user","content":"x"}]}'
    length = b"Content-Length: %d" % len(body)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(request(gateway, "untaken", length, body=body))

        end = gateway.only_end("untaken")

    assert end.event_type == "interaction.failed"
    assert end.reason_code == "client_left"
