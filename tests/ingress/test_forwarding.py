"""Steps 8 to 10 against an upstream that breaks in every way: what the client and the record say."""

import json
import socket
import time
from itertools import pairwise

import pytest
from fake_upstream import (
    DONE,
    SSE_HEAD,
    chat_answer,
    chat_frame,
    chunk,
    stream,
    whole,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_server import Close, Reset, Send, Wait

ODD_FRAMES = [
    b": a comment\n\n",
    b"data:" + chat_frame("a")[6:],
    b"event: message\r\nid: 7\r\n" + chat_frame("b")[:-2] + b"\r\n\r\n",
    b'data: {"choices" : [ {"index":0, "delta":{"content":"\\u00fc"},"finish_reason":null} ] }\n\n',
    b"retry: 10\n\n",
    chat_frame("\U0001f600"),
    chat_frame("", "stop"),
    b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":4}}\n\n',
    DONE,
]


def test_a_clean_stream_passes_byte_for_byte(gateway, upstream):
    upstream.scenarios["bytes"] = stream(ODD_FRAMES)

    answer = gateway.chat("hi", stream=True, session="bytes")

    assert answer.body == b"".join(ODD_FRAMES)
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-request-id"] == "up-1"
    completed = gateway.only_end("bytes")
    assert gateway.text_of(completed.completion_part_ids) == ["abü\U0001f600"]
    assert (completed.input_tokens, completed.output_tokens) == (5, 4)
    assert completed.finish_reasons == ("stop",)
    assert completed.completion_bytes == len(answer.body)
    assert completed.upstream_request_id == "up-1"


def test_a_stream_passes_delta_by_delta(gateway, upstream):
    upstream.scenarios["gaps"] = stream([*(chat_frame(f"word {n} ") for n in range(5)), DONE], 0.05)

    answer = gateway.chat("hi", stream=True, session="gaps")

    arrivals = [at for at, _ in answer.pieces]
    assert len(arrivals) >= 5
    assert all(0.02 < b - a < 0.2 for a, b in pairwise(arrivals[:4]))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(1, len(b"".join(ODD_FRAMES)) - 1), max_size=6))
def test_where_the_upstreams_bytes_are_cut_does_not_matter(gateway, upstream, cuts):
    text = b"".join(ODD_FRAMES)
    edges = [0, *sorted(set(cuts)), len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    upstream.scenarios["cuts"] = stream(pieces)

    assert gateway.chat("hi", stream=True, session="cuts").body == text


WHOLE_FAULTS = {
    "reset-before-head": ([Reset()], 502, "upstream_reset"),
    "closed-before-head": ([Close()], 502, "upstream_reset"),
    "no-http": ([Send(b"SSH-2.0-x\r\n\r\n"), Close()], 502, "upstream_protocol_error"),
    "stall-before-head": ([Wait(3)], 504, "upstream_timeout"),
    "stall-in-body": (
        [Send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), Wait(3)],
        504,
        "upstream_timeout",
    ),
    "cut-body": (
        [Send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), Close()],
        502,
        "upstream_reset",
    ),
    "no-json": (whole(b"<html>"), 502, "upstream_protocol_error"),
    "no-object": (whole(b"[]"), 502, "upstream_protocol_error"),
    "no-utf8": (whole(b'{"choices":[],"a":"\xff"}'), 502, "upstream_protocol_error"),
    "choices-number": (whole(b'{"choices":5}'), 502, "upstream_protocol_error"),
    "too-large": (whole(b" " * 300_000 + b"{}"), 502, "upstream_protocol_error"),
    "compressed": (
        whole(b"\x1f\x8b", "200 OK", "Content-Encoding: gzip"),
        502,
        "upstream_protocol_error",
    ),
    "stream-compressed": (
        [Send(SSE_HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")), Close()],
        502,
        "upstream_protocol_error",
    ),
}


def test_the_head_of_a_stream_does_not_wait_for_an_upstream_that_thinks(gateway, upstream):
    upstream.scenarios["thinks"] = [Send(SSE_HEAD), Wait(0.5), Send(chunk(DONE) + chunk(b""))]
    body = b'{"stream":true,"messages":[{"role":"user","content":"hi"}]}'
    lines = [b"POST /chat/completions HTTP/1.1", b"Host: x", b"X-Scenario: thinks"]
    lines += [b"Authorization: Bearer " + gateway.key.encode(), b"Content-Length: %d" % len(body)]

    early = gateway.raw(b"\r\n".join([*lines, b"", body]), pause_seconds=0.1)

    assert early.startswith(b"HTTP/1.1 200")
    assert early.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("name", WHOLE_FAULTS)
def test_an_upstream_that_breaks_is_told_honestly_and_recorded(gateway, upstream, name):
    upstream.scenarios[name], status, code = WHOLE_FAULTS[name]

    answer = gateway.chat("hi", session=name)

    assert answer.status == status
    assert answer.json["error"]["code"] == code
    assert answer.headers["x-github-request-id"]
    failed = gateway.only_end(name)
    assert (failed.event_type, failed.reason_code) == ("interaction.failed", code)


def test_an_upstream_that_cannot_be_reached_is_told_and_recorded(gateway):
    answer = gateway.ask({"messages": []}, "/c/nowhere/chat/completions", session="unreachable")

    assert (answer.status, answer.json["error"]["code"]) == (502, "upstream_unreachable")
    assert gateway.only_end("unreachable").reason_code == "upstream_unreachable"


@pytest.mark.parametrize("status", ["400 Bad Request", "429 Too Many Requests", "500 Oops"])
def test_an_upstreams_own_error_passes_with_its_headers(gateway, upstream, status):
    session = f"status-{status[:3]}"
    body = b'{"error":{"message":"slow down"}}'
    upstream.scenarios[session] = whole(body, status, "Retry-After: 3", "Set-Cookie: a=b")

    answer = gateway.chat("hi", session=session, stream=True)

    assert (answer.status, answer.body) == (int(status[:3]), body)
    assert answer.headers["retry-after"] == "3"
    assert "set-cookie" not in answer.headers
    failed = gateway.only_end(session)
    assert (failed.reason_code, failed.upstream_status) == ("upstream_refused", int(status[:3]))


BEGUN = [chat_frame("one "), chat_frame("two ")]
STREAM_FAULTS = {
    "mid-reset": ([Wait(0.05), Reset()], "upstream_reset"),
    "mid-close": ([Wait(0.05), Close()], "upstream_reset"),
    "mid-half-frame": (
        [Send(chunk(b'data: {"choices":[{"in')), Wait(0.05), Close()],
        "upstream_reset",
    ),
    "mid-stall": ([Wait(3)], "upstream_timeout"),
    "mid-not-json": ([Send(chunk(b"data: {nonsense\n\n"))], "upstream_protocol_error"),
    "mid-no-object": ([Send(chunk(b"data: 5\n\n"))], "upstream_protocol_error"),
    "mid-no-utf8": ([Send(chunk(b'data: {"a":"\xff"}\n\n'))], "upstream_protocol_error"),
    "mid-choices": ([Send(chunk(b'data: {"choices":7}\n\n'))], "upstream_protocol_error"),
    "mid-delta": (
        [Send(chunk(b'data: {"choices":[{"index":0,"delta":{"tool_calls":7}}]}\n\n'))],
        "upstream_protocol_error",
    ),
    "no-done": ([Send(b"0\r\n\r\n")], "upstream_protocol_error"),
    "done-unfinished": ([Send(chunk(b"data: [DO")), Send(b"0\r\n\r\n")], "upstream_protocol_error"),
}


@pytest.mark.parametrize("name", STREAM_FAULTS)
def test_a_stream_that_breaks_ends_with_an_error_and_never_a_faked_end(gateway, upstream, name):
    more, code = STREAM_FAULTS[name]
    upstream.scenarios[name] = [*stream(BEGUN, end=False), *more]

    answer = gateway.chat("hi", stream=True, session=name)

    begun = b"".join(BEGUN)
    assert answer.body.startswith(begun)
    assert b"[DONE]" not in answer.body
    assert not answer.cut
    error = answer.body[len(begun) :]
    assert error.startswith(b"event: error\ndata: ")
    assert json.loads(error.split(b"data: ")[1])["error"]["code"] == code
    failed = gateway.only_end(name)
    assert (failed.event_type, failed.reason_code) == ("interaction.failed", code)
    assert gateway.text_of(failed.completion_part_ids) == ["one two "]
    assert failed.completion_bytes == len(begun)


def test_a_stream_that_ends_by_finish_reasons_alone_is_complete(gateway, upstream):
    frames = [chat_frame("all "), chat_frame("said", "stop")]
    upstream.scenarios["finish"] = stream(frames)

    assert gateway.chat("hi", stream=True, session="finish").body == b"".join(frames)
    assert gateway.only_end("finish").event_type == "interaction.completed"


def test_a_frame_larger_than_a_record_passes_and_is_recorded(gateway, upstream):
    text = "long words " * 1_000_000
    frames = [chat_frame(text), chat_frame("", "stop"), DONE]
    upstream.scenarios["large-frame"] = stream(frames, 0.2)

    answer = gateway.chat("hi", stream=True, session="large-frame")

    assert answer.body == b"".join(frames)
    completed = gateway.only_end("large-frame")
    assert "".join(gateway.text_of(completed.completion_part_ids)) == text


def test_a_client_that_leaves_in_the_middle_ends_the_upstreams_work(gateway, upstream):
    frames = [chat_frame(f"word {number} ") for number in range(100)]
    upstream.scenarios["left"] = stream(frames, 0.03)

    answer = gateway.chat(
        "hi", stream=True, session="left-1", scenario="left", stop_after=b"word 3"
    )
    left_at = time.monotonic()

    failed = gateway.only_end("left-1")
    assert (failed.event_type, failed.reason_code) == ("interaction.failed", "client_left")
    assert failed.client_left
    (text,) = gateway.text_of(failed.completion_part_ids)
    assert text.startswith("word 0 word 1 word 2 word 3 ")
    assert len(text) < 120
    assert answer.body in b"".join(frames)
    _wait_for(lambda: "left" in upstream.closed_at)
    assert upstream.closed_at["left"] - left_at < 0.5


def test_a_client_that_leaves_before_the_first_byte_ends_the_upstreams_work(gateway, upstream):
    upstream.scenarios["impatient"] = [Wait(0.5), *whole(chat_answer("late"))]
    body = b'{"messages":[]}'
    request = (
        f"POST /chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\n"
        f"X-Session-Id: impatient\r\nX-Scenario: impatient\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(request.encode() + body)
        _wait_for(lambda: upstream.of("impatient"))
    left_at = time.monotonic()

    failed = gateway.only_end("impatient")
    assert failed.reason_code == "client_left"
    _wait_for(lambda: "impatient" in upstream.closed_at)
    assert upstream.closed_at["impatient"] - left_at < 0.3


def test_a_client_that_closes_right_after_the_end_has_its_answer_completed(gateway, upstream):
    frames = [chat_frame("fine", "stop"), DONE]
    upstream.scenarios["closes"] = [*stream(frames, end=False), Wait(0.3), Send(b"0\r\n\r\n")]

    gateway.chat("hi", stream=True, session="closes", stop_after=b"[DONE]")

    completed = gateway.only_end("closes")
    assert completed.event_type == "interaction.completed"
    time.sleep(0.4)
    assert len(gateway.events("closes")) == 2


def test_two_choices_and_a_streamed_tool_call_are_told_apart(gateway, upstream):
    def frame(index, delta, finish=None):
        choice = {"index": index, "delta": delta, "finish_reason": finish}
        return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"

    def call(**function):
        return {"tool_calls": [{"index": 0, "function": function}]}

    frames = [
        frame(0, {"content": "le"}),
        frame(1, call(name="run", arguments='{"a"')),
        frame(0, {"content": "ft"}),
        frame(1, call(arguments=":1}")),
        frame(0, {}, "stop"),
        frame(1, {}, "tool_calls"),
        DONE,
    ]
    upstream.scenarios["two"] = stream(frames)

    assert gateway.chat("hi", stream=True, session="two").body == b"".join(frames)

    completed = gateway.only_end("two")
    assert gateway.text_of(completed.completion_part_ids) == ["left", '{"a":1}']
    assert completed.finish_reasons == ("stop", "tool_calls")
    assert completed.tool_calls[0].name == "run"


def test_an_event_stream_where_no_text_is_understood_is_refused(gateway, upstream):
    upstream.scenarios["odd-stream"] = stream([b"data: x\n\n"])

    answer = gateway.ask(b"", "/c/passing/events", session="odd-stream")

    assert answer.status == 502
    assert gateway.only_end("odd-stream").reason_code == "upstream_protocol_error"


def _wait_for(fact, seconds=3.0):
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)
