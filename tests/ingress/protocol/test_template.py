"""Frames read by the one before them: the same as read whole, or not read so at all."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.protocol import stream as stream_module
from ingress.protocol.anthropic import AnthropicMessages
from ingress.protocol.openai import OpenAiChat
from ingress.protocol.sse import SseSplitter
from ingress.protocol.stream import CompletionStream
from ingress.protocol.template import Template, template_of
from ingress.protocol.texts import Channel, Completion

LEARNT = 3  # frames until a template is used


class Shouting:
    """A masker that changes what holds a ``!`` and holds back what ends in ``?``."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, delta: str) -> str:
        text, self._held = self._held + delta, ""
        if text.endswith("?"):
            text, self._held = text[:-1], "?"
        return text.replace("!", "MASKED")

    def finish(self) -> str:
        return self._held


def chat(delta: dict, **members) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return b"data: " + orjson.dumps({"id": "c1", "choices": [choice], **members}) + b"\n\n"


def message(text: str) -> bytes:
    delta = {"type": "text_delta", "text": text}
    event = {"type": "content_block_delta", "index": 0, "delta": delta}
    return b"event: content_block_delta\ndata: " + orjson.dumps(event) + b"\n\n"


def masked(protocol, frames: list[bytes]) -> tuple[list[bytes], CompletionStream]:
    stream = CompletionStream(protocol, lambda _: Shouting(), lambda text, _: text)
    return [stream.feed(frame) for frame in frames], stream


def said(out: bytes) -> str:
    documents = [orjson.loads(line[6:]) for line in out.splitlines() if line]
    return "".join(document["choices"][0]["delta"]["content"] for document in documents)


def template_from(raw: bytes) -> Template | None:
    (frame,) = SseSplitter().feed(raw)
    document = orjson.loads(frame.data or b"")
    (delta,) = OpenAiChat().parse_delta(document, Completion())
    return template_of(frame, delta, document)


@pytest.mark.parametrize(
    "make", [lambda text: chat({"content": text}), message], ids=["chat", "messages"]
)
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=12))
def test_stream_is_masked_alike_with_and_without_templates(make, texts):
    protocol = OpenAiChat() if make(" ").startswith(b"data") else AnthropicMessages()
    frames = [make(text) for text in ["one", "two", "three", *texts]]

    quick, one = masked(protocol, frames)
    kept, stream_module._FRAMES_TO_LEARN = stream_module._FRAMES_TO_LEARN, 0
    try:
        whole, other = masked(protocol, frames)
    finally:
        stream_module._FRAMES_TO_LEARN = kept

    assert one._template is not None
    assert other._template is None
    assert quick == whole
    assert one.completion == other.completion


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text("ab!?"), max_size=12), size=st.integers(2, 5))
def test_frames_that_come_together_say_what_they_say_one_by_one(texts, size):
    frames = [chat({"content": text}) for text in ["one", "two", "three", *texts]]

    single, one = masked(OpenAiChat(), frames)
    together = [b"".join(frames[at : at + size]) for at in range(0, len(frames), size)]
    joined, other = masked(OpenAiChat(), together)

    assert one.completion.whole_texts() == other.completion.whole_texts()
    for at, out in enumerate(joined):
        assert said(out) == said(b"".join(single[at * size : (at + 1) * size]))
        assert out.count(b"\n\n") == together[at].count(b"\n\n")


def test_frames_that_come_together_are_masked_by_one_look_and_keep_their_bytes():
    _, stream = masked(OpenAiChat(), [chat({"content": "a"})] * LEARNT)
    frames = [chat({"content": text}) for text in ("b", "c!", "d", "e?")]

    out = stream.feed(b"".join(frames))

    assert out == frames[0] + b"".join(chat({"content": text}) for text in ("cMASKEDde", "", ""))
    assert stream.completion.texts[Channel(0, "text", 0)][-1] == "bcMASKEDde"


def test_what_was_held_is_not_lost_where_it_looks_like_what_follows():
    _, stream = masked(OpenAiChat(), [chat({"content": "a"})] * LEARNT)
    held = stream.feed(chat({"content": "?"}))

    out = held + stream.feed(chat({"content": "?"}) + chat({"content": "a"}))

    assert said(out) == "??a"


def test_frame_like_the_ones_before_is_not_parsed_again():
    frames = [chat({"content": f"word {number}"}) for number in range(LEARNT + 3)]
    released, stream = masked(OpenAiChat(), frames)
    stream._protocol = None  # whoever parses now fails

    assert released == frames
    assert stream.feed(chat({"content": "a! b"})) == chat({"content": "aMASKED b"})


def test_masked_text_is_put_where_the_text_stood():
    frames = [chat({"content": "a"})] * LEARNT
    _, stream = masked(OpenAiChat(), frames)
    odd = chat({"content": "TEXT"}).replace(b"TEXT", rb"\u0041!\n\"")

    assert stream.feed(odd) == chat({"content": 'AMASKED\n"'})


@pytest.mark.parametrize(
    "frame",
    [
        chat({"content": "a"}, usage={"prompt_tokens": 3, "completion_tokens": 2}),
        chat({"content": "b", "tool_calls": [{"index": 0, "function": {"name": "f"}}]}),
        chat({"content": "TEXT"}).replace(b"TEXT", b'a","content":"b!'),
        chat({"content": "TEXT"}).replace(b"TEXT", b"a\\"),
        chat({"content": "TEXT"}).replace(b"TEXT", b"a\nb"),
        chat({"content": ""}),
        chat({"content": None}),
    ],
    ids=["usage", "tool call", "doubled key", "escaped quote", "line end", "empty", "null"],
)
def test_frame_that_is_otherwise_is_read_whole(frame):
    _, stream = masked(OpenAiChat(), [chat({"content": "a"})] * LEARNT)

    assert stream._template is not None
    assert stream._template.text_of(frame) is None


@pytest.mark.parametrize(
    "raw",
    [
        chat({"content": "c1"}),
        chat({"content": "TEXT"}).replace(b"TEXT", rb"\u0041b"),
        b'data: {"id":"x",\ndata: "choices":[{"index":0,"delta":{"content":"a"}}]}\n\n',
    ],
    ids=["text stands twice", "written otherwise", "two lines of data"],
)
def test_text_whose_place_is_in_doubt_gives_no_template(raw):
    assert template_from(raw) is None


def test_frames_that_tell_something_new_each_time_give_no_template():
    frames = [
        chat({"content": "a"}, usage={"prompt_tokens": number, "completion_tokens": number})
        for number in range(20)
    ]

    _, stream = masked(OpenAiChat(), frames)

    assert stream._template is None
    assert stream._to_learn == 0


def test_second_tool_call_gets_a_template_of_its_own():
    def arguments(index: int, text: str) -> bytes:
        return chat({"tool_calls": [{"index": index, "function": {"arguments": text}}]})

    frames = [arguments(0, "a")] * LEARNT + [arguments(1, "b")] * LEARNT + [arguments(1, "c!")]
    released, stream = masked(OpenAiChat(), frames)

    assert stream._template is not None
    assert stream._template.delta.channel == Channel(0, "tool_arguments", 1)
    assert released[-1] == arguments(1, "cMASKED")
    assert "".join(stream.completion.texts[Channel(0, "tool_arguments", 0)]) == "aaa"
