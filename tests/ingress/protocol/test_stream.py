"""A masker between two streams: what it leaves alone is untouched, what it holds comes in time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.errors import ProtocolError
from ingress.protocol.openai import OpenAiChat
from ingress.protocol.stream import CompletionStream

DONE = b"data: [DONE]\n\n"


class Holder:
    """Holds back everything from an ``x`` on until the end, and then gives it in capitals."""

    def __init__(self, _channel):
        self.held = ""

    def feed(self, delta):
        released, x, rest = (self.held + delta).partition("x")
        self.held = x + rest
        return released

    def finish(self):
        return self.held.upper()


def frame(text, finish=None, index=0):
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"


def stream():
    return CompletionStream(OpenAiChat(), Holder, lambda text, _: text.replace("secret", "masked"))


def content(data, index=0):
    lines = [json.loads(line[6:]) for line in data.splitlines() if line.startswith(b"data: {")]
    return "".join(
        choice["delta"].get("content", "")
        for document in lines
        for choice in document["choices"]
        if choice["index"] == index
    )


def test_a_frame_that_is_left_alone_keeps_its_bytes():
    data = b'event: e\r\ndata:{"choices" :[{"index":0,"delta":{"content":"a"}}]}\r\n\r\n'

    assert stream().feed(data) == data


@pytest.mark.parametrize("line", [b"id: secret", b"event: secret", b": secret", b"retry: secret"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_line_beside_the_data_is_masked_too(line, end):
    data = b"data: {" + b'"choices":[{"index":0,"delta":{"content":"a"}}]}'

    for frame in (line + end + data + end + end, data + end + line + end + end):
        released = stream().feed(frame)

        assert b"secret" not in released
        assert line.replace(b"secret", b"masked") in released
        assert content(released) == "a"


@pytest.mark.parametrize(
    "first",
    [b'"content":"secret"', b'"content":"s\\u0065cret"', b'"content":{"secret":["secret"]}'],
    ids=["plain", "escaped", "of another type"],
)
def test_of_a_member_written_twice_only_what_was_masked_goes_on(first):
    data = b'data: {"choices":[{"index":0,"delta":{%b,"content":"a"}}]}\n\n' % first
    masked = stream()

    out = masked.feed(frame("a") + frame("b") + data)

    assert content(out) == "aba"
    assert b"secret" not in out
    assert b"s\\u0065cret" not in out


def test_a_frame_that_cannot_be_checked_is_refused():
    deep = b'data: {"choices":[{"index":0,"delta":{"content":%b}}]}\n\n' % (b"[" * 300 + b"]" * 300)

    with pytest.raises(ProtocolError):
        stream().feed(deep)


@pytest.mark.parametrize("end", [frame("", "stop"), frame("z", "stop"), DONE])
def test_what_is_held_is_released_before_the_end_is_told(end):
    out = stream().feed(frame("ax") + frame("y") + end)

    assert content(out) in {"aXY", "aXYZ"}
    *_, last = [part for part in out.split(b"\n\n") if part]
    assert b'"stop"' in last or last == DONE.strip()


def test_what_one_choice_holds_is_not_released_with_another():
    one = stream()

    out = one.feed(frame("x", index=0) + frame("b", "stop", index=1))

    assert (content(out, 0), content(out, 1)) == ("", "b")
    assert content(one.finish(), 0) == "X"


def test_a_text_outside_the_known_places_is_masked_too():
    data = b'data: {"choices":[],"copilot_annotations":"secret"}\n\n: secret\n\n'

    assert stream().feed(data) == data.replace(b"secret", b"masked")


def test_what_stood_before_a_broken_frame_is_released_and_then_the_failure_told():
    one = stream()

    assert one.feed(frame("a") + b"data: {\n\n") == frame("a")
    assert isinstance(one.failure, ProtocolError)


def test_a_broken_first_frame_raises_at_once():
    with pytest.raises(ProtocolError):
        stream().feed(b"data: 5\n\n")


def test_an_unfinished_last_frame_is_read_and_not_lost():
    one = stream()
    one.feed(frame("a")[:-2])

    assert content(one.finish()) == "a"


@given(st.lists(st.text("axy", max_size=4), max_size=6), st.data())
def test_the_split_of_the_bytes_changes_nothing(texts, data):
    whole = b"".join(map(frame, texts)) + DONE
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=5)))
    one, two = stream(), stream()

    out = b"".join(
        one.feed(whole[a:b]) for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)
    )

    assert content(out) == content(two.feed(whole))
    assert one.completion.whole_texts() == two.completion.whole_texts()


def test_name_id_or_reason_that_is_a_secret_is_masked_like_a_text():
    call = {"index": 0, "id": "secret-id", "function": {"name": "secret-name", "arguments": "{}"}}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}
    named = {"id": "secret-1", "model": "secret-2", "choices": [choice]}

    released = stream().feed(b"data: " + json.dumps(named).encode() + b"\n\n")

    assert b"secret" not in released
    assert released.count(b"masked") == 4


def test_clean_names_of_a_stream_are_looked_at_once():
    asked = []
    whole = CompletionStream(OpenAiChat(), Holder, lambda text, _: asked.append(text) or text)

    assert whole.feed(frame("a") + frame("b")) == frame("a") + frame("b")

    assert asked == ["c"]
