"""An answer on its way to the socket: few writes, one framing, and no line of somebody else's."""

import asyncio
import logging

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from ingress.cycle import Cycle


class FakeTransport:
    def __init__(self):
        self.writes = []
        self.closed = False

    def write(self, data):
        self.writes.append(data)

    def close(self):
        self.closed = True


def answered(*pieces, status=200, headers=(), method="POST", keep_alive=True):
    """Answer with a head and pieces, of which the last ends the body; return the transport."""

    async def answer():
        transport = FakeTransport()
        cycle = Cycle(
            scope={"type": "http", "method": method},
            transport=transport,
            flow=FlowControl(transport),
            logger=logging.getLogger(),
            access_logger=logging.getLogger(),
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=lambda: None,
        )
        await cycle.send({"type": "http.response.start", "status": status, "headers": headers})
        assert transport.writes == []
        for place, piece in enumerate(pieces, 1):
            more = place < len(pieces)
            await cycle.send({"type": "http.response.body", "body": piece, "more_body": more})
        return transport

    return asyncio.run(answer())


def test_a_whole_answer_is_one_write():
    transport = answered(b"hello", headers=[(b"Content-Length", b"5")])

    assert transport.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"]
    assert not transport.closed


def test_an_empty_first_piece_sends_the_head_alone():
    transport = answered(b"", b"a", b"b")

    head, *pieces = transport.writes
    assert head == b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert pieces == [b"1\r\na\r\n", b"1\r\nb\r\n0\r\n\r\n"]


def test_a_large_body_is_not_copied_behind_its_head():
    body = b"x" * 100_000

    transport = answered(body, headers=[(b"content-length", b"100000")])

    assert transport.writes[1] is body


@pytest.mark.parametrize(
    "header",
    [
        (b"x", b"a\r\nset-cookie: b"),
        (b"x", b"a\nb"),
        (b"x", b"a\x00"),
        (b"x: y\r\nz", b"a"),
        (b"x y", b"a"),
        (b"x\xff", b"a"),
        (b"", b"a"),
    ],
    ids=["lines", "line feed", "nul", "lines in a name", "space", "not ASCII", "no name"],
)
def test_a_header_that_would_start_another_line_is_refused(header):
    with pytest.raises(RuntimeError):
        answered(b"", headers=[header])


@pytest.mark.parametrize("body", [b"four", b"sixsix"], ids=["shorter", "longer"])
def test_a_body_that_is_not_what_was_announced_is_refused(body):
    with pytest.raises(RuntimeError, match="than its content-length"):
        answered(body, headers=[(b"content-length", b"5")])


@pytest.mark.parametrize(("status", "method"), [(200, "HEAD"), (204, "POST"), (304, "POST")])
def test_an_answer_without_a_body_has_no_framing(status, method):
    transport = answered(b"", status=status, method=method)

    assert b"transfer-encoding" not in transport.writes[0]
    assert transport.writes[0].endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("headers", "keep_alive"), [([(b"Connection", b"x, Close")], True), ([], False)]
)
def test_the_last_answer_of_a_connection_says_so_and_closes_it(headers, keep_alive):
    transport = answered(b"", headers=headers, keep_alive=keep_alive)

    assert transport.writes[0].count(b"connection: ") == 1
    assert transport.closed
