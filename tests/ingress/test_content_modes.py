"""`content: sealed | tagged | none`, by policy and by rule: what leaves the gateway of a text."""

import json
from base64 import b64decode

import pytest
from running_gateway import SECRET, RunningGateway

from ingress.policy.load import load_policy
from schemas.message import commitment

POLICY = """\
version: 1
connections:
  copilot: {{kind: copilot, upstream: "http://127.0.0.1:{port}", credential: secret/copilot}}
masking: {{rules: [tiny.toml], tier2: mask}}
content: tagged
rules:
  - {{id: quiet, when: "'quiet' in principal.groups", effect: allow, content: none}}
  - {{id: vault, when: "'vault' in principal.groups", effect: allow, content: sealed}}
  - {{id: refused, when: "'refused' in principal.groups", effect: deny, content: none}}
  - {{id: engineers, when: "'engineering' in principal.groups", effect: allow}}
"""
WORDS = f"the canary \u20ac asks with {SECRET}"


@pytest.fixture(scope="module")
def tagging(upstream, tmp_path_factory):
    root = tmp_path_factory.mktemp("tagging")
    with RunningGateway(root, upstream.port, policy=POLICY) as running:
        yield running


def asked(gateway, session, *groups):
    """Ask once; return the interaction's events and their messages' contents by part id."""
    gateway.chat(WORDS, session=session, key=gateway.reading.key(session, *groups))
    events = gateway.events(session)
    sent = [json.loads(data) for data in gateway.events_raw()]
    mine = [data for data in sent if data["record"].get("session_id") == session]
    return events, {item["part_id"]: item for data in mine for item in data["contents"]}


def test_tagged_texts_travel_masked_in_clear_with_a_proof_in_the_record(tagging):
    events, contents = asked(tagging, "tagged", "engineering")

    texts = [contents[part_id]["text"] for part_id in events[0].prompt_part_ids]
    assert any(text.startswith("the canary \u20ac asks with ") for text in texts)
    assert SECRET not in json.dumps([contents])
    assert not any("ciphertext" in item for item in contents.values())
    for part in (part for event in events for part in event.parts):
        salt, text = contents[part.part_id]["salt"], contents[part.part_id]["text"]
        assert part.commitment == commitment(b64decode(salt), text.encode())
        assert (part.key_id, part.ciphertext_hash) == (None, None)
    assert {event.content_mode for event in events} == {"tagged"}


def test_equal_texts_have_unequal_commitments(tagging):
    first, _ = asked(tagging, "equal-1", "engineering")
    second, _ = asked(tagging, "equal-2", "engineering")

    assert {p.commitment for p in first[0].parts}.isdisjoint(p.commitment for p in second[0].parts)


@pytest.mark.parametrize("group", ["quiet", "refused"])
def test_a_rule_that_keeps_no_texts_keeps_ids_and_findings(tagging, group):
    events, contents = asked(tagging, f"none-{group}", group)

    assert contents == {}
    assert events[0].prompt_part_ids
    assert [finding.rule_id for finding in events[0].findings] == ["test-key"]
    assert all((event.parts, event.content_mode) == ((), "none") for event in events)
    assert all(b"canary" not in m.data for m in tagging.transport.taken if b"none-" in m.data)


def test_a_rule_seals_where_the_policy_tags(tagging):
    events, contents = asked(tagging, "vault", "vault")

    assert all(set(item) == {"part_id", "key_id", "ciphertext"} for item in contents.values())
    assert {event.content_mode for event in events} == {"sealed"}
    opened = tagging.reading.texts([data for data in tagging.events_raw() if b'"vault"' in data])
    assert any("canary" in opened[part_id] for part_id in events[0].prompt_part_ids)


def test_tagging_what_generic_rules_found_is_warned_of():
    text = "version: 1\ncontent: tagged\nrules:\n  - {id: a, effect: allow}\n"

    (warning,) = load_policy(text, "p.yaml").document.warnings

    assert (warning.line, "tier2" in str(warning)) == (2, True)


def test_an_unknown_mode_is_refused_where_it_stands():
    text = "version: 1\nrules:\n  - {id: a, effect: allow, content: clear}\n"

    with pytest.raises(Exception, match="sealed, tagged"):
        load_policy(text, "p.yaml")
