"""A watched tool call is held whole: allowed it keeps its bytes, refused it becomes a text."""

import json
from dataclasses import replace

import pytest
from called_tools import (
    CALL_END,
    CHAT,
    EDIT,
    MESSAGES,
    OTHER,
    PATCH,
    RESPONSES,
    SHELL,
    TEXT_END,
    WIRES,
    Call,
    event,
)
from hypothesis import given
from hypothesis import strategies as st
from streams import SECRET, masked_stream, masker

from ingress.errors import ProtocolError
from ingress.protocol.gate import CallGate, gate_whole
from ingress.protocol.stream import CompletionStream
from ingress.protocol.texts import Completion

NO = "Auth code needs a look."


class Gated:
    """A masked stream with a gate behind it that refuses what names ``auth``."""

    def __init__(self, wire, held_bytes_max=100_000):
        self.wire = wire
        self.asked = []
        self.stream = CompletionStream(
            wire.protocol, lambda _: masker().stream(), lambda text, _: masker().mask(text)[0]
        )
        self.gate = CallGate(
            wire.protocol.calls(), self.stream.completion, self.decide, held_bytes_max
        )

    def decide(self, _channel, tool, arguments):
        self.asked.append((tool.name, arguments))
        return NO if arguments is None or "auth" in arguments else None

    def feed(self, *frames):
        return b"".join(self.gate.feed(self.stream.feed(frame)) for frame in frames)

    def run(self, items, size=7):
        out = self.feed(*self.wire.stream(items, size))
        return self.wire.seen(out + self.gate.feed(self.stream.finish()) + self.gate.finish())


@pytest.fixture(params=WIRES, ids=str)
def wire(request):
    return request.param


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("items", [[OTHER], ["I read.", OTHER, SHELL], ["A text."], [OTHER, "B"]])
def test_an_answer_whose_calls_are_allowed_keeps_its_bytes(wire, items, size):
    frames = wire.stream(items, size)

    assert Gated(wire).feed(*frames) == masked_stream(wire.protocol, frames)[0]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_refused_call_becomes_a_text_and_a_normal_end(wire, size):
    gated = Gated(wire)

    seen = gated.run([EDIT], size)

    assert seen == ([NO], TEXT_END[str(wire)])
    assert gated.asked == [(EDIT.name, EDIT.arguments)]


def test_other_texts_and_calls_go_on_in_order_and_count_without_a_gap(wire):
    seen = Gated(wire).run(["First.", EDIT, SHELL])

    text, *calls = seen.items
    texts = [text] if isinstance(calls[0], Call) else [text, calls.pop(0)]
    assert "".join(texts) == f"First.\n\n{NO}" or texts == ["First.", NO]
    assert calls == [SHELL]
    assert seen.end == CALL_END[str(wire)]


def test_the_last_of_two_calls_is_refused(wire):
    seen = Gated(wire).run([SHELL, EDIT])

    assert sorted(map(str, seen.items)) == sorted(map(str, [SHELL, NO]))
    assert seen.end == CALL_END[str(wire)]


def test_two_refused_calls_are_two_texts(wire):
    seen = Gated(wire).run([EDIT, EDIT])

    assert "".join(seen.items).replace("\n\n", "") == NO + NO
    assert seen.end == TEXT_END[str(wire)]


def test_text_after_a_refused_call_goes_on(wire):
    seen = Gated(wire).run([EDIT, "And then."])

    assert NO in seen.items[0]
    assert "".join(seen.items).endswith("And then.") or "And then." in seen.items[0]


@pytest.mark.parametrize("custom", [CHAT, RESPONSES], ids=str)
def test_the_plain_text_of_a_custom_tool_is_held_as_well(custom):
    patch = Call("apply_patch", PATCH, custom=True)

    assert Gated(custom).run([patch]) == ([NO], TEXT_END[str(custom)])


def test_text_before_a_call_is_not_delayed_and_nothing_of_the_call_leaves_before_its_end(wire):
    gated = Gated(wire)
    frames = wire.stream(["Before.", OTHER, "After."])
    out = [gated.feed(frame) for frame in frames]

    begin = next(n for n, frame in enumerate(frames) if OTHER.name.encode() in frame)
    told = next(n for n, piece in enumerate(out) if OTHER.name.encode() in piece)
    assert out[:begin] == frames[:begin]
    assert not any(out[begin:told])
    assert told > begin + len(OTHER.arguments) // 7
    assert out[told:] == [b"".join(frames[begin : told + 1]), *frames[told + 1 :]]


def test_comments_and_pings_pass_while_a_call_is_held():
    gated = Gated(MESSAGES)
    frames = MESSAGES.stream([EDIT])
    ping = event({"type": "ping"})
    gated.feed(*frames[:5])

    assert gated.gate.waiting
    assert gated.feed(b": alive\n\n", ping) == b": alive\n\n" + ping


def test_a_call_that_needs_more_than_may_be_held_is_refused_unseen(wire):
    gated = Gated(wire, held_bytes_max=2_000)
    large = Call("create_file", json.dumps({"filePath": "a.py", "content": "x" * 5_000}))

    seen = gated.run([large, OTHER])

    assert gated.asked[0] == ("create_file", None)
    assert sorted(map(str, seen.items)) == sorted(map(str, [NO, OTHER]))


def test_a_call_whose_rest_never_comes_stays_back(wire):
    gated = Gated(wire)
    frames = wire.stream([OTHER])
    cut = next(n for n, frame in enumerate(frames) if OTHER.name.encode() in frame) + 3

    out = gated.feed(*frames[:cut])
    rest = gated.gate.feed(gated.stream.finish()) + gated.gate.finish()

    assert OTHER.name.encode() not in out + rest
    assert len(gated.gate.waiting) == 1


def test_arguments_are_decided_and_released_masked(wire):
    gated = Gated(wire)
    content = json.dumps({"filePath": "a.py", "content": f"key = {SECRET} # end"})

    seen = gated.run([Call("create_file", content)])

    ((_, arguments),) = gated.asked
    assert SECRET not in arguments
    assert seen.items == [Call("create_file", arguments)]
    assert "REDACTED_AWS_ACCESS_KEY_ID" in arguments


@given(st.data())
def test_where_the_bytes_are_cut_changes_nothing(data):
    wire = data.draw(st.sampled_from(WIRES))
    items = data.draw(st.lists(st.sampled_from(["Text.", EDIT, OTHER, SHELL]), max_size=4))
    whole = b"".join(wire.stream(items))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=5)))
    one, two = Gated(wire), Gated(wire)

    out = one.feed(*(whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)))

    assert out == two.feed(whole)
    first, second = one.stream.completion, two.stream.completion
    assert first.whole_texts() == second.whole_texts()
    assert replace(first, texts={}) == replace(second, texts={})
    seen = wire.seen(out)
    assert [item for item in seen.items if isinstance(item, Call)] == [
        item for item in items if isinstance(item, Call) and item != EDIT
    ]


# ---- whole answers ----


def whole(wire, items):
    document, completion = wire.whole(items), Completion()
    for channel, text in wire.protocol.parse_completion(document, completion):
        completion.add(channel, text.value)
    asked = []

    def decide(_channel, tool, arguments):
        asked.append(tool.name)
        return NO if "auth" in arguments else None

    changed = gate_whole(wire.protocol.calls(), document, completion, decide)
    return changed, wire.seen_whole(document), asked


def test_a_whole_answer_without_a_refused_call_is_left_alone(wire):
    changed, seen, asked = whole(wire, ["Text.", OTHER])

    assert (changed, seen) == (False, (["Text.", OTHER], CALL_END[str(wire)]))
    assert asked == [OTHER.name]


def test_a_refused_call_of_a_whole_answer_becomes_a_text(wire):
    changed, seen, _ = whole(wire, [EDIT])

    assert (changed, seen) == (True, ([NO], TEXT_END[str(wire)]))


def test_other_items_of_a_whole_answer_stay(wire):
    _, seen, _ = whole(wire, ["Text.", EDIT, SHELL])

    assert SHELL in seen.items
    assert NO in str(seen.items)
    assert seen.end == CALL_END[str(wire)]


# ---- shapes of one protocol ----


def test_the_calls_of_each_choice_are_decided_with_their_choice():
    def frame(index, delta, finish=None):
        choice = {"index": index, "delta": delta, "finish_reason": finish}
        return event({"choices": [choice]}, named=False)

    def call(arguments):
        function = {"name": "edit", "arguments": arguments}
        return {"tool_calls": [{"index": 0, "id": "c", "function": function}]}

    gated = Gated(CHAT)
    out = gated.feed(
        frame(0, call('{"path": "auth/a"}')),
        frame(1, call('{"path": "b"}')),
        frame(0, {}, "tool_calls"),
        frame(1, {}, "tool_calls"),
        b"data: [DONE]\n\n",
    )

    lines = [json.loads(line[6:]) for line in out.splitlines() if line.startswith(b"data: {")]
    choices = [document["choices"][0] for document in lines]
    assert [c["delta"] for c in choices] == [{"content": NO}, call('{"path": "b"}'), {}, {}]
    assert [c["finish_reason"] for c in choices] == [None, None, "stop", "tool_calls"]


def test_the_deprecated_function_call_is_a_call_too():
    def frame(delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return event({"choices": [choice]}, named=False)

    gated = Gated(CHAT)
    out = gated.feed(
        frame({"role": "assistant", "function_call": {"name": "edit", "arguments": '{"path": '}}),
        frame({"function_call": {"arguments": '"auth/a"}'}}),
        frame({}, "function_call"),
    )

    assert CHAT.seen(out) == ([NO], "stop")
    assert gated.asked == [("edit", '{"path": "auth/a"}')]


def chat_frame(delta, finish=None, **more):
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **more}
    return event({"choices": [choice]}, named=False)


def piece(arguments, name=None, **more):
    return {"tool_calls": [{"index": 0, "function": {"name": name, "arguments": arguments}} | more]}


def test_a_call_that_goes_on_after_its_end_ends_the_stream():
    gated = Gated(CHAT)
    gated.feed(chat_frame(piece('{"path": "b"', "edit")), chat_frame({}, "tool_calls"))

    with pytest.raises(ProtocolError, match="after its end"):
        gated.feed(chat_frame(piece(', "path": "auth/a"}')))


def test_a_call_that_gets_another_name_after_its_end_ends_the_stream():
    gated = Gated(CHAT)
    gated.feed(chat_frame(piece("{}", "edit")), chat_frame({}, "tool_calls"))

    with pytest.raises(ProtocolError, match="after its end"):
        gated.feed(chat_frame(piece("", "_auth")))


def test_a_name_in_pieces_is_decided_whole_and_one_that_is_repeated_once():
    pieces, repeated = Gated(CHAT), Gated(CHAT)
    pieces.feed(chat_frame(piece("{", "run_in")), chat_frame(piece("}", "_terminal"), "stop"))
    repeated.feed(chat_frame(piece("{", "edit")), chat_frame(piece("}", "edit"), "stop"))

    assert pieces.asked == [("run_in_terminal", "{}")]
    assert repeated.asked == [("edit", "{}")]


@pytest.mark.parametrize("index", ["0", 0.0, [], {}])
def test_a_call_without_a_number_does_not_pass_undecided(index):
    with pytest.raises(ProtocolError, match="no number"):
        Gated(CHAT).feed(chat_frame(piece("auth", "edit", index=index)))


def test_a_call_whose_number_is_null_is_decided():
    gated = Gated(CHAT)
    gated.feed(chat_frame(piece("auth", "edit", index=None)), chat_frame({}, "tool_calls"))

    assert gated.asked == [("edit", "auth")]


def test_a_call_of_two_kinds_does_not_pass_undecided():
    with pytest.raises(ProtocolError, match="two kinds"):
        Gated(CHAT).feed(chat_frame(piece("auth", "edit", custom={"input": "b"})))


def test_the_calls_of_a_message_at_a_streams_end_are_decided():
    gated = Gated(CHAT)
    out = gated.feed(chat_frame({}, "tool_calls", message=piece('{"path": "auth/a"}', "edit")))

    assert gated.asked == [("edit", '{"path": "auth/a"}')]
    assert b"auth/a" not in out


def test_a_message_that_tells_a_call_otherwise_than_its_deltas_ends_the_stream():
    gated = Gated(CHAT)
    gated.feed(chat_frame(piece('{"path": "b"}', "edit")))

    with pytest.raises(ProtocolError, match="in another way"):
        gated.feed(chat_frame({}, "tool_calls", message=piece('{"path": "auth"}', "edit")))


def test_input_that_a_block_begins_with_is_decided():
    frames = MESSAGES.stream([Call("Write", "")])
    begun = frames[2].replace(b'"input": {}', b'"input": {"file_path": "auth/a.py"}')
    gated = Gated(MESSAGES)

    out = gated.feed(*frames[:2], begun, *frames[3:])

    assert MESSAGES.seen(out) == ([NO], "end_turn")
    assert gated.asked == [("Write", '{"file_path":"auth/a.py"}')]


@pytest.mark.parametrize(
    ("kind", "member", "told"),
    [
        ("local_shell_call", "action", {"type": "exec", "command": ["rm", "auth/a"]}),
        ("shell_call", "action", {"commands": ["rm auth/a"]}),
        ("apply_patch_call", "operation", {"type": "delete_file", "path": "auth/a"}),
    ],
)
def test_a_built_in_tool_that_the_client_runs_is_a_call(kind, member, told):
    item = {"type": kind, "id": "x_1", "call_id": "call_1", "status": "completed", member: told}
    response = {"id": "r", "status": "completed", "output": [item]}
    events = [
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response},
    ]
    gated = Gated(RESPONSES)

    out = gated.feed(*(event({**each, "sequence_number": n}) for n, each in enumerate(events)))

    assert RESPONSES.seen(out) == ([NO], "completed")
    assert [name for name, _ in gated.asked] == [kind.removesuffix("_call")]


def test_an_error_passes_although_a_call_is_held():
    error = event({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
    gated = Gated(MESSAGES)
    gated.feed(*MESSAGES.stream([EDIT])[:5])

    assert gated.feed(error).endswith(error)
