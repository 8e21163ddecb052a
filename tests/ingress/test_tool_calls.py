"""Tool calls are decided by the policy: what the client gets, and what the record says of them."""

import json
import time

import pytest
from called_tools import CHAT, EDIT, OTHER, PATCH, SHELL, TEXT_END, WIRES, Call, event
from fake_upstream import SSE_HEAD, FakeUpstream, chunk, stream, whole
from operations import operation
from running_gateway import POLICY, SECRET, RunningGateway
from scripted_server import Close, Send, Wait

from ingress import forwarding
from ingress.policy.load import load_policy
from ingress.protocol.texts import CalledTool, Channel, Completion
from ingress.recording.recorder import Recorder
from ingress.tool_calls import ToolCallPolicy, note_incomplete

RULES = """\
  - {id: auth-code, on: tool_call, when: "paths.exists(p, p.matches('(^|/)auth(/|$)'))", effect: deny, message: "Auth code needs a look."}
  - {id: no-shell, on: tool_call, when: "tool_name == 'run_in_terminal'", effect: review, review: {reviewers: leads}}
"""
TOLD = f"The tool call `{EDIT.name}` was refused: Auth code needs a look."


@pytest.fixture(scope="module")
def upstream():
    with FakeUpstream() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(upstream, tmp_path_factory):
    root = tmp_path_factory.mktemp("tool-calls")
    running = RunningGateway(root, upstream.port)
    before, after = POLICY.format(port=upstream.port).split("rules:\n")
    # Deciding rules first: the general rules allow whatever is left.
    (root / "policy.yaml").write_text(f"{before}rules:\n{RULES}{after}")
    with running:
        yield running


@pytest.fixture(params=WIRES, ids=str)
def wire(request):
    return request.param


def ask(gateway, wire, session, *, streamed=True, **more):
    body = {"model": "gpt-x", "stream": streamed, "messages": [], "input": [], "max_tokens": 9}
    return gateway.ask(body, wire.path, session=session, **more)


def play(gateway, upstream, wire, name, items, size=7):
    """Let the upstream stream an answer; return what the client has of it and the record."""
    session = f"{wire}-{name}"
    upstream.scenarios[session] = stream(wire.stream(items, size))
    answer = ask(gateway, wire, session)
    assert answer.status == 200
    return answer, gateway.only_end(session)


def test_an_allowed_call_passes_byte_for_byte_and_its_decision_is_recorded(gateway, upstream, wire):
    answer, completed = play(gateway, upstream, wire, "allowed", ["Text.", OTHER])

    assert answer.body == b"".join(wire.stream(["Text.", OTHER]))
    (call,) = completed.tool_calls
    assert (call.name, call.file_paths) == (OTHER.name, ("/w/src/cart.py",))
    assert (call.effect, call.rule_id, call.reason_code) == ("allow", "engineers", "rule")
    assert completed.denied_tool_call_count == 0


@pytest.mark.parametrize("size", [1, 7])
def test_a_denied_call_never_arrives_and_its_arguments_are_evidence(gateway, upstream, wire, size):
    answer, completed = play(gateway, upstream, wire, f"denied-{size}", [EDIT], size)

    assert wire.seen(answer.body) == ([TOLD], TEXT_END[str(wire)])
    assert b"filePath" not in answer.body
    assert completed.event_type == "interaction.completed"
    assert completed.denied_tool_call_count == 1
    (call,) = completed.tool_calls
    assert (call.effect, call.rule_id, call.reason_code) == ("deny", "auth-code", "rule")
    assert call.file_paths == ("/w/src/auth/login.py",)
    assert gateway.text_of([call.arguments_part_id]) == [EDIT.arguments]
    assert completed.completion_bytes == len(answer.body)


def test_a_call_that_only_a_streams_last_event_tells_is_decided(gateway, upstream):
    """Some servers end a stream with the whole message, which clients may read."""
    arguments = json.dumps({"filePath": "/w/src/auth/login.py"})
    function = {"name": EDIT.name, "arguments": arguments}
    message = {"role": "assistant", "tool_calls": [{"id": "c", "function": function}]}
    choice = {"index": 0, "delta": {}, "message": message, "finish_reason": "tool_calls"}
    item = {"type": "function_call", "id": "fc_1", "call_id": "c", **function}
    completed = {"type": "response.completed", "response": {"id": "r", "output": [item]}}
    frames = {
        "/chat/completions": [event({"choices": [choice]}, named=False), b"data: [DONE]\n\n"],
        "/responses": [event(completed)],
    }

    for path, said in frames.items():
        upstream.scenarios[f"late-{path}"] = stream(said)
        body = {"model": "gpt-x", "stream": True, "messages": [], "input": []}
        answer = gateway.ask(body, path, session=f"late-{path}")
        (call,) = gateway.only_end(f"late-{path}").tool_calls

        assert b"login.py" not in answer.body
        assert (call.effect, call.rule_id) == ("deny", "auth-code")


def test_one_of_two_calls_is_denied_and_the_other_arrives(gateway, upstream, wire):
    answer, completed = play(gateway, upstream, wire, "two", ["Text.", EDIT, OTHER])

    assert OTHER in wire.seen(answer.body).items
    assert EDIT not in wire.seen(answer.body).items
    assert [call.effect for call in completed.tool_calls] == ["deny", "allow"]


def test_a_review_refuses_and_says_that_holding_is_not_there_yet(gateway, upstream, wire):
    answer, completed = play(gateway, upstream, wire, "review", [SHELL])

    (text,) = wire.seen(answer.body).items
    assert "needs a review (no-shell)" in text
    assert completed.tool_calls[0].reason_code == "review_unavailable"


def test_a_denied_call_of_a_whole_answer_never_arrives(gateway, upstream, wire):
    session = f"{wire}-whole"
    upstream.scenarios[session] = whole(json.dumps(wire.whole(["Text.", EDIT])).encode())

    answer = ask(gateway, wire, session, streamed=False)

    seen = wire.seen_whole(answer.json)
    assert EDIT not in seen.items
    assert TOLD in str(seen.items)
    assert seen.end == TEXT_END[str(wire)]
    completed = gateway.only_end(session)
    assert completed.tool_calls[0].rule_id == "auth-code"
    assert gateway.text_of([completed.tool_calls[0].arguments_part_id])


def test_a_secret_in_the_arguments_is_masked_in_what_arrives_and_in_the_record(
    gateway, upstream, wire
):
    arguments = json.dumps({"filePath": "a.py", "content": f"k = '{SECRET}'"})

    answer, completed = play(
        gateway, upstream, wire, "secret", [Call("create_file", arguments), EDIT]
    )

    assert SECRET.encode() not in answer.body
    assert b"REDACTED_TEST_KEY" in answer.body
    (text,) = gateway.text_of([completed.tool_calls[0].arguments_part_id])
    assert "REDACTED_TEST_KEY" in text


def test_an_upstream_that_dies_while_a_call_is_held_delivers_nothing_of_it(gateway, upstream, wire):
    session = f"{wire}-dies"
    frames = wire.stream(["Text.", OTHER])
    cut = next(n for n, frame in enumerate(frames) if OTHER.name.encode() in frame) + 3
    sent = [Send(chunk(frame)) for frame in frames[:cut]]
    upstream.scenarios[session] = [Send(SSE_HEAD), *sent, Wait(0.05), Close()]

    answer = ask(gateway, wire, session)

    assert OTHER.name.encode() not in answer.body
    assert b'"code":"upstream_reset"' in answer.body
    failed = gateway.only_end(session)
    assert failed.reason_code == "upstream_reset"
    (call,) = failed.tool_calls
    assert (call.name, call.effect, call.reason_code) == (OTHER.name, "deny", "incomplete")


def test_a_client_that_leaves_while_a_call_is_held_is_recorded(gateway, upstream):
    frames = CHAT.stream(["Text.", OTHER])
    sent = [Send(chunk(frame)) for frame in frames[:8]]
    upstream.scenarios["left"] = [Send(SSE_HEAD), *sent, Wait(3)]

    ask(gateway, CHAT, "left", stop_after=b"xt.")

    failed = gateway.only_end("left")
    assert (failed.reason_code, failed.client_left) == ("client_left", True)
    assert failed.tool_calls[0].reason_code == "incomplete"
    assert time.monotonic() - upstream.closed_at["left"] < 3


def test_chunks_hold_what_was_delivered_and_never_what_is_held(gateway, upstream, monkeypatch):
    kept = []
    chunk_of = Recorder.chunk

    async def keep(self, exchange, number, released):
        kept.append(released)
        await chunk_of(self, exchange, number, released)

    monkeypatch.setattr(Recorder, "chunk", keep)
    frames = CHAT.stream(["Text.", EDIT])
    upstream.scenarios["chunks"] = [*stream(frames[:-1], 0.01, end=False), Close()]

    answer = ask(gateway, CHAT, "chunks")

    # The upstream closed without its last word: all that was delivered is in chunks.
    assert answer.body.startswith(b"".join(kept))
    assert TOLD.encode() in b"".join(kept)
    assert b"filePath" not in b"".join(kept)


def test_a_comment_shows_life_while_a_call_is_held(gateway, upstream, monkeypatch):
    monkeypatch.setattr(forwarding, "_LIFE_SECONDS", 0.02)
    upstream.scenarios["life"] = stream(CHAT.stream([OTHER]), 0.01)

    answer = ask(gateway, CHAT, "life")

    assert answer.body.count(b": a tool call is being checked\n\n") >= 2
    assert CHAT.seen(answer.body) == ([OTHER], "tool_calls")
    assert gateway.only_end("life").event_type == "interaction.completed"


def test_code_blocks_of_an_answer_are_counted(gateway, upstream):
    text = "Do:\n```python\nx = 1\n```\nor\n~~~\ny\n~~~\nand\n```Python title=a\nz"

    _, completed = play(gateway, upstream, CHAT, "code", [text])

    assert (completed.code_block_count, completed.code_languages) == (3, ("python",))


# ---- the decision itself ----


def policy(rules):
    return load_policy(f"version: 1\nrules:\n{rules}", "policy.yaml")


@pytest.mark.parametrize(
    ("rule", "watches"),
    [
        ("{id: a, effect: allow}", False),
        ("{id: a, on: chat, when: \"paths.exists(p, p == 'a')\", effect: deny}", False),
        ("{id: a, on: [chat, tool_call], effect: allow}", True),
        ("{id: a, when: \"tool_name == 'bash'\", effect: deny}", True),
        ("{id: a, when: \"paths.exists(p, p == 'a')\", effect: deny}", True),
        ("{id: a, when: \"repository == 'acme/web'\", effect: deny}", False),
    ],
)
def test_a_policy_watches_calls_if_a_rule_can_tell_them_from_their_request(rule, watches):
    assert policy(f"  - {rule}\n").watches_tool_calls is watches


def decided(rules, tool, arguments, findings=()):
    called = CalledTool(name=tool)
    asked = operation(findings=("card",))
    deciding = ToolCallPolicy(policy(rules), asked, lambda name: name, lambda _: findings)
    return deciding.decide(Channel(0, "tool_arguments"), called, arguments), called


def test_a_call_is_decided_with_what_was_found_in_the_prompt_and_in_its_arguments():
    rules = (
        "  - {id: leak, on: tool_call, when: \"'card' in findings && 'aws' in findings\", "
        "effect: deny, message: No.}\n  - {id: rest, effect: allow}\n"
    )

    assert decided(rules, "bash", "{}", ("aws",))[0] == "The tool call `bash` was refused: No."
    assert decided(rules, "bash", "{}")[0] is None


@pytest.mark.parametrize(
    "arguments",
    [
        json.dumps({"files": [f"a{n}" for n in range(64)] + ["auth/a.py"]}),
        json.dumps({"path": "./" * 3000 + "auth/a.py"}),
        '{"file\\u0050ath": "auth/a.py",}',
    ],
    ids=["behind many", "behind a detour", "in broken JSON"],
)
def test_no_call_hides_a_file_from_a_rule_about_files(arguments):
    rules = RULES + "  - {id: rest, effect: allow}\n"

    told, tool = decided(rules, "edit", arguments)

    assert told is not None
    assert tool.rule_id == "auth-code"


def test_a_call_that_no_rule_names_is_denied():
    told, tool = decided(
        "  - {id: a, on: tool_call, when: \"tool_name == 'x'\", effect: allow}\n", "y", "{}"
    )

    assert told
    assert (tool.effect, tool.rule_id, tool.reason_code) == ("deny", "default", "no_rule")


def test_a_patch_is_decided_by_its_files_and_a_name_is_shown_without_its_marks():
    told, _ = decided(RULES, "ap`ply\n", PATCH)

    assert told == "The tool call `apply` was refused: Auth code needs a look."


def test_a_call_too_large_to_hold_is_denied():
    _, tool = decided(RULES, "create_file", None)

    assert (tool.effect, tool.reason_code) == ("deny", "held_too_large")


def test_a_call_that_never_ended_is_noted_even_if_it_had_no_name():
    completion = Completion()

    note_incomplete(completion, [Channel(0, "tool_arguments")])

    assert completion.tools[Channel(0, "tool_arguments")].reason_code == "incomplete"
