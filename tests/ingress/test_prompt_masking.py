"""A secret leaves neither way, and nothing that the gateway writes down holds one (G9)."""

import json
import re
from pathlib import Path

import pytest
from fake_upstream import DONE, chat_answer, chat_frame, stream, whole
from running_gateway import SECRET, RunningGateway

PLACEHOLDER = re.compile(r"REDACTED_TEST_KEY_[A-Z2-7]{10}")


@pytest.mark.parametrize(
    ("location", "body"),
    [
        ("messages[0].content", {"messages": [{"role": "user", "content": f"k = '{SECRET}'"}]}),
        (
            "messages[0].content[0].text",
            {"messages": [{"role": "user", "content": [{"type": "text", "text": SECRET}]}]},
        ),
        (
            "messages[0].tool_calls[0]",
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {"function": {"name": "f", "arguments": json.dumps({"a": SECRET})}}
                        ],
                    }
                ]
            },
        ),
        (
            "messages[0].content",
            {"messages": [{"role": "tool", "content": json.dumps({"a": json.dumps([SECRET])})}]},
        ),
        ("body", {"messages": [], "tools": [{"function": {"description": SECRET}}]}),
        ("body", {"messages": [], f"x {SECRET} y": 1}),
        ("body", {"messages": [], "model": SECRET}),
    ],
    ids=["content", "item", "arguments", "json-in-json", "tools", "member-name", "model"],
)
def test_a_key_in_a_prompt_never_reaches_the_upstream(gateway, upstream, location, body, request):
    session = "mask-" + request.node.callspec.id

    assert gateway.ask(body, session=session).status == 200

    (seen,) = upstream.of(session)
    assert SECRET.encode() not in seen.body
    assert PLACEHOLDER.search(json.dumps(json.loads(seen.body)))
    requested = gateway.events(session)[0]
    assert SECRET not in str(requested)
    (finding,) = requested.findings
    assert (finding.rule_id, finding.location) == ("test-key", location)
    assert (finding.direction, finding.action) == ("to_upstream", "masked")
    (text,) = gateway.text_of([finding.part_id])
    assert PLACEHOLDER.search(text)


def test_keys_before_and_after_the_cursor_are_masked(gateway, upstream):
    body = {"prompt": f"# Path: {SECRET}.py\na = 1", "suffix": f"b = '{SECRET}'"}

    gateway.ask(body, "/v1/engines/e/completions", session="cursor")

    (seen,) = upstream.of("cursor")
    assert SECRET.encode() not in seen.body
    requested = gateway.events("cursor")[0]
    assert {finding.location for finding in requested.findings} == {"prompt", "suffix"}
    assert SECRET not in str(requested)


def test_a_clean_prompt_means_the_same_at_the_upstream(gateway, upstream):
    body = b'{ "messages" : [ {"role":"user","content":"\\u00fc \\n"} ] , "temperature": 0.10 }'

    gateway.ask(body, session="clean")

    assert json.loads(upstream.of("clean")[0].body) == json.loads(body)


def test_a_key_in_an_answer_never_reaches_the_client(gateway, upstream):
    upstream.scenarios["leak"] = whole(chat_answer(f"use {SECRET} now"))

    answer = gateway.chat("key?", session="leak")

    assert SECRET.encode() not in answer.body
    completed = gateway.only_end("leak")
    (finding,) = completed.findings
    assert (finding.direction, finding.location) == ("to_client", "choices[0].text")
    (text,) = gateway.text_of([finding.part_id])
    assert text == answer.json["choices"][0]["message"]["content"]


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_a_key_in_a_member_written_twice_never_reaches_the_client(gateway, upstream, streams):
    session = f"twice-answered-{streams}"
    sly = SECRET.replace("_", "\\u005f").encode()
    twice = b'"content":"%b","content":"b"' % sly
    if streams:
        frame = chat_frame("c").replace(b'"content": "c"', twice)
        upstream.scenarios[session] = stream([chat_frame("a"), frame, DONE])
    else:
        body = chat_answer("c").replace(b'"content": "c"', twice)
        upstream.scenarios[session] = whole(body)

    answer = gateway.chat("hi", stream=streams, session=session)

    assert answer.status == 200
    assert b"b" in answer.body
    assert sly not in answer.body


def test_a_key_in_an_upstreams_error_never_reaches_the_client(gateway, upstream):
    body = json.dumps({"error": {"message": f"bad key {SECRET}"}}).encode()
    upstream.scenarios["error-leak"] = whole(body, "400 Bad Request", "Retry-After: 7")

    answer = gateway.chat("hi", session="error-leak")

    assert (answer.status, answer.headers["retry-after"]) == (400, "7")
    assert SECRET.encode() not in answer.body
    assert gateway.only_end("error-leak").reason_code == "upstream_refused"


@pytest.mark.parametrize("width", [1, 3, 7])
def test_a_key_split_over_deltas_never_reaches_the_client(gateway, upstream, width):
    session = f"split-{width}"
    text = f"before {SECRET} after"
    pieces = [text[start : start + width] for start in range(0, len(text), width)]
    frames = [*map(chat_frame, pieces), chat_frame("", "stop"), DONE]
    upstream.scenarios[session] = stream(frames)

    answer = gateway.chat("key?", stream=True, session=session)

    got = _content(answer.body)
    assert re.fullmatch(f"before {PLACEHOLDER.pattern} after", got)
    completed = gateway.only_end(session)
    assert gateway.text_of(completed.completion_part_ids) == [got]
    (finding,) = completed.findings
    assert (finding.start_offset, finding.end_offset) == (7, 7 + len(SECRET))
    assert finding.part_id == completed.completion_part_ids[0]


def test_no_file_log_metric_or_error_holds_the_secret_or_the_prompt(
    tmp_path: Path, upstream, capfd
):
    canary = "canary prompt of the quiet test"
    upstream.scenarios["canary-stream"] = stream([chat_frame(f"{canary} {SECRET}"), DONE])
    upstream.scenarios["canary-broken"] = stream([b"data: {" + canary.encode() + b"\n\n"])
    with RunningGateway(tmp_path, upstream.port) as gateway:
        answers = [
            gateway.chat(f"{canary} {SECRET}", session="canary"),
            gateway.chat(canary, session="canary-stream", stream=True),
            gateway.chat(canary, session="canary-broken", stream=True),
            gateway.ask(f'{{"messages": "{canary}{SECRET}'.encode(), session="canary-bad"),
            gateway.ask({"a": f"{canary}{SECRET}"}, "/nowhere", session="canary-path"),
            gateway.ask({"messages": []}, "/c/nowhere/chat/completions", session="canary-down"),
            gateway.chat(f"{canary} {SECRET}", key="wrong", session="canary-key"),
            gateway.ask(None, "/metrics", method="GET"),
            gateway.ask(None, "/readyz", method="GET"),
        ]
        gateway.events("canary-broken")
        published = b"".join(message.data for message in list(gateway.transport.taken))
        files = {
            path: path.read_bytes()
            for path in gateway.settings.data_dir.rglob("*")
            if path.is_file()
        }
    captured = capfd.readouterr()

    assert any("segment" in path.name for path in files)
    haystack = [*files.values(), published, captured.out.encode(), captured.err.encode()]
    haystack += [answer.body for answer in answers[2:]]
    for hay in haystack:
        assert SECRET.encode() not in hay
        assert canary.encode() not in hay
    assert all(SECRET.encode() not in answer.body for answer in answers)
    assert all(gateway.key.encode() not in hay for hay in haystack)


def _content(body: bytes) -> str:
    documents = [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: {")]
    return "".join(
        choice["delta"].get("content") or "" for one in documents for choice in one["choices"]
    )
