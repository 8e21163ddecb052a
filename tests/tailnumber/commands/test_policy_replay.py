from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from tailnumber.stack.layout import Layout

POLICY = """\
version: 1
rules:
  - {id: nobody, on: chat, effect: deny}
  - {id: everyone, effect: allow, limits: {requests_per_hour: 5}}
"""
ROW = {
    "interaction_id": "019a7c10",
    "requested_at": datetime(2026, 11, 20, tzinfo=UTC),
    "status": "completed",
    "operation": "chat",
    "principal_subject": "ada",
    "repository": "acme/web",
    "effect": "allow",
    "rule_id": "everyone",
}


class Recorded:
    """A warehouse with the same two rows on each day."""

    def stream(self, _sql, **_window):
        yield ROW
        yield {**ROW, "operation": "inline"}


@pytest.fixture
def policy(tmp_path, monkeypatch):
    @contextmanager
    def opened(_endpoints):
        yield Recorded()

    monkeypatch.setattr("tailnumber.trail.open_trail", opened)
    monkeypatch.setattr(Layout, "read_endpoints", lambda _layout: None)
    file = tmp_path / "new.yaml"
    file.write_text(POLICY)
    return str(file)


def test_replay_tells_what_would_change_and_what_rows_cannot_answer(tailnumber, policy):
    result = tailnumber.on_data("policy", "replay", policy, "--since", "2d")

    assert result.code == 0
    for said in ("allow by everyone", "deny by nobody (rule)", "ada", "acme/web", "019a7c10"):
        assert said in result.out
    assert "4 interactions: 2 would be decided with another effect." in result.out
    assert "Note: limits are not replayed" in result.out


def test_replay_fails_on_a_change_if_asked_to(tailnumber, policy):
    result = tailnumber.on_data("policy", "replay", policy, "--since", "1d", "--fail-on-change")

    assert result.code == 1
    assert "1 decisions would have another effect" in result.err


def test_replay_gives_scripts_one_document(tailnumber, policy):
    result = tailnumber.on_data("policy", "replay", policy, "--since", "1d", "--json")

    (change,) = result.document["changes"]
    assert (change["count"], change["new_rule"], change["samples"]) == (1, "nobody", ["019a7c10"])
    assert result.document["changed_count"] == 1


def test_refused_policy_is_told_before_anything_is_asked(tailnumber, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("version: 1\nrules:\n  - {id: a, effect: maybe}\n")

    result = tailnumber.on_data("policy", "replay", str(file))

    assert result.code == 1
    assert "bad.yaml:3:" in result.err
