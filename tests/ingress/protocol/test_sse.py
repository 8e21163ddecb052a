"""The splitter agrees with the standard's examples, however the stream is cut."""

import base64
import json

import pytest
from vectors import shared

from ingress.protocol import sse
from ingress.protocol.sse import Frame, FrameTooLarge, SseSplitter, with_data


def frames_of(pieces):
    splitter = SseSplitter()
    return [frame for piece in pieces for frame in splitter.feed(piece)]


def events_of(frames):
    return [
        [frame.event.decode() or "message", frame.data.decode("utf-8", "replace")]
        for frame in frames
        if frame.data is not None
    ]


def test_public_vectors_are_read_as_the_standard_says_however_they_are_cut():
    for case in json.loads(shared("vectors", "sse", "cases.json").read_text()):
        chunks = [base64.b64decode(chunk) for chunk in case["chunks"]]
        whole = b"".join(chunks)
        expected = [event[:2] for event in case["events"]]

        for pieces in (chunks, [whole], [whole[i : i + 1] for i in range(len(whole))]):
            assert events_of(frames_of(pieces)) == expected, case["name"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_every_byte_comes_back_whatever_the_split(end):
    stream = end.join(
        [b"event: a", b"data: {}", b"", b": ping", b"", b"data: x", b"data: y", b"", b""]
    )

    for size in range(1, 9):
        splitter = SseSplitter()
        pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
        raw = b"".join(frame.raw for piece in pieces for frame in splitter.feed(piece))
        rest = splitter.finish()
        assert raw + (rest.raw if rest else b"") == stream


def test_a_comment_has_no_data():
    assert frames_of([b": keep-alive\n\n"]) == [Frame(b": keep-alive\n\n", b"", None)]


def test_an_unfinished_event_is_handed_out_at_the_end_and_not_lost():
    splitter = SseSplitter()

    assert splitter.feed(b"data: half") == []
    assert splitter.finish() == Frame(b"data: half", b"", b"half")
    assert splitter.finish() is None


def test_an_endless_event_is_refused(monkeypatch):
    monkeypatch.setattr(sse, "FRAME_BYTES_MAX", 64)

    with pytest.raises(FrameTooLarge):
        SseSplitter().feed(b"data: " + b"x" * 80)


def test_replaced_data_keeps_the_other_lines():
    frame = frames_of([b"event: delta\nid: 7\ndata: {\ndata: }\n\n"])[0]

    assert with_data(frame, b"{}") == b"event: delta\nid: 7\ndata: {}\n\n"
