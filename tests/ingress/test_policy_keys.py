"""What a rule asks beyond allow and deny, through a real server: models, limits, masking, files."""

import json

import pytest
import running_gateway
from fake_upstream import DONE, stream
from running_gateway import SECRET, RunningGateway

POLICY = """\
version: 1
connections:
  copilot: {{kind: copilot, upstream: "http://127.0.0.1:{port}", credential: secret/copilot}}
masking: {{rules: [tiny.toml], tier2: audit}}
models: [gpt-x, "inline-*"]
exclude: ["**/secrets/**"]
rules:
  - id: careful
    when: "'careful' in principal.groups"
    effect: mask
    masking: {{pii: [email]}}
  - id: few
    when: "'few' in principal.groups"
    effect: allow
    limits: {{requests_per_hour: 2}}
  - id: short
    when: "'short' in principal.groups"
    effect: allow
    limits: {{tokens_per_hour: 4}}
  - id: hasty
    when: "'hasty' in principal.groups && requests_last_hour >= 1"
    effect: deny
    message: Slow down.
  - id: posts
    when: "method == 'POST' && !path.startsWith('/v2/') && time > timestamp('2026-01-01T00:00:00Z')"
    effect: allow
  - id: reads
    on: [models, user, token]
    effect: allow
"""
MARKER = "this file is excluded by your organization's policy"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory, upstream):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running_gateway, "POLICY", POLICY)
        with RunningGateway(tmp_path_factory.mktemp("keyed"), upstream.port) as running:
            yield running


def test_a_model_that_is_not_allowed_is_refused_and_the_allowed_ones_named(keyed, upstream):
    messages = [{"role": "user", "content": "hi"}]

    answer = keyed.ask({"model": "o1", "messages": messages}, session="model")

    assert answer.status == 451
    assert "Choose one of: gpt-x, inline-*." in answer.json["error"]["message"]
    blocked = keyed.only_end("model")
    assert (blocked.rule_id, blocked.reason_code) == ("posts", "model_not_allowed")
    assert upstream.of("model") == []


def test_requests_beyond_the_limit_are_refused_and_told_when_it_opens_again(keyed, upstream):
    key = keyed.reading.key("fay", "few")

    statuses = [keyed.chat("hi", session="few", key=key).status for _ in range(3)]

    assert statuses == [200, 200, 451]
    said = keyed.chat("hi", session="few-said", key=key).json["error"]["message"]
    assert "2 requests per hour" in said
    assert "opens again at" in said
    assert keyed.only_end("few-said").reason_code == "limit_reached"
    assert len(upstream.of("few")) == 2


def test_tokens_that_the_upstream_told_are_counted(keyed):
    key = keyed.reading.key("sid", "short")

    assert keyed.chat("hi", session="short", key=key).status == 200
    said = keyed.chat("hi", session="short-said", key=key).json["error"]["message"]

    assert "4 tokens per hour" in said
    assert "estimated" not in said


def test_a_condition_may_ask_what_was_used(keyed):
    key = keyed.reading.key("hal", "hasty")

    assert keyed.chat("hi", session="hasty", key=key).status == 200
    assert keyed.chat("hi", session="hasty-2", key=key).status == 451
    assert keyed.only_end("hasty-2").rule_id == "hasty"


def test_a_mask_rule_masks_more_both_ways_and_counts_each_finding_once(keyed, upstream):
    text = f"mail ada@example.com about {SECRET}"
    upstream.scenarios["careful"] = stream(
        [b'data: {"choices":[{"index":0,"delta":{"content":"bob@example.com"}}]}\n\n', DONE]
    )

    answer = keyed.chat(text, stream=True, session="careful", key=keyed.reading.key("c", "careful"))
    keyed.chat(text, session="not-careful")

    (careful,), (plain,) = upstream.of("careful"), upstream.of("not-careful")
    assert SECRET.encode() not in careful.body + plain.body
    assert b"ada@example.com" in plain.body
    assert b"ada@example.com" not in careful.body
    assert b"bob@example.com" not in answer.body
    requested, _ = keyed.events("careful")
    assert requested.effect == "mask"
    assert [found.action for found in requested.findings] == ["masked", "masked"]
    assert requested.prompt_finding_count == 2


def test_an_excluded_file_leaves_the_prompt_and_the_record_names_it(keyed, upstream):
    attachment = f'<attachment filePath="/w/secrets/a.py">{SECRET} TOP</attachment>'

    answer = keyed.chat(f"<attachments>{attachment}</attachments>why?", session="excluded")

    assert answer.status == 200
    (seen,) = upstream.of("excluded")
    assert b"TOP" not in seen.body
    assert MARKER.encode() in seen.body
    requested, completed = keyed.events("excluded")
    assert requested.excluded_paths == completed.excluded_paths == ("/w/secrets/a.py",)
    assert requested.prompt_finding_count == 0
    assert "TOP" not in json.dumps(keyed.text_of(requested.prompt_part_ids))


def test_an_inline_prompt_of_an_excluded_file_is_refused_and_not_recorded(keyed, upstream):
    body = {"prompt": "# Path: secrets/a.py\nTOP", "suffix": "TOP"}

    answer = keyed.ask(body, "/v1/engines/inline-1/completions", session="excluded-inline")

    assert answer.status == 466
    assert b"keeps this file from AI assistants: secrets/a.py" in answer.body
    blocked = keyed.only_end("excluded-inline")
    assert blocked.reason_code == "path_excluded"
    assert "TOP" not in json.dumps(keyed.text_of(blocked.prompt_part_ids))
    assert upstream.of("excluded-inline") == []


def test_counts_are_kept_over_a_restart(tmp_path, upstream, monkeypatch):
    monkeypatch.setattr(running_gateway, "POLICY", POLICY)
    with RunningGateway(tmp_path, upstream.port) as running:
        key = running.reading.key("fay", "few")
        assert [running.chat("hi", key=key).status for _ in range(2)] == [200, 200]

    with RunningGateway(tmp_path, upstream.port) as running:
        assert running.chat("hi", key=key).status == 451
