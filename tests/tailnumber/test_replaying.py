from datetime import UTC, datetime

import pytest

from tailnumber.errors import CommandError
from tailnumber.replaying import build_turns, opened_parts, session_turns
from tailnumber.trail import Answer

NONE = dict.fromkeys(
    ("model", "model_used", "repository", "reason_code", "http_status", "duration_seconds")
)


def interaction(name, prompt, completion=(), tool_calls=()):
    return {
        **NONE,
        "interaction_id": name,
        "requested_at": datetime(2026, 11, 20, tzinfo=UTC),
        "prompt_part_ids": list(prompt),
        "completion_part_ids": list(completion),
        "tool_calls": list(tool_calls),
    }


def part(name, key="key-1"):
    return {
        "part_id": name, "key_id": key, "role": "user", "kind": "text", "size_bytes": 1,
        "ciphertext": f"sealed {name}".encode(),
    }  # fmt: skip


def finding(interaction_id):
    names = ("rule_id", "tier", "direction", "action", "location", "fingerprint")
    return {"interaction_id": interaction_id, **dict.fromkeys(names, "x"), "part_id": "p"}


def open_text(row):
    return (
        None if row["key_id"] == "erased" else row["ciphertext"].decode().replace("sealed", "open")
    )


def test_part_is_new_only_in_the_first_turn_that_holds_it():
    rows = [interaction("1", ["a"], ["b"]), interaction("2", ["a", "b", "c"])]

    turns = build_turns(rows, [part("a"), part("b"), part("c")], [], open_text)

    assert [(p["part_id"], p["new"]) for p in turns[1]["prompt"]] == [
        ("a", False), ("b", False), ("c", True),
    ]  # fmt: skip
    assert turns[1]["prompt"][2]["text"] == "open c"


def test_text_whose_key_is_gone_is_erased_and_the_rest_is_read():
    turns = build_turns(
        [interaction("1", ["a", "b"])], [part("a", "erased"), part("b")], [], open_text
    )

    assert [(p["state"], p["text"]) for p in turns[0]["prompt"]] == [
        ("erased", None), ("readable", "open b"),
    ]  # fmt: skip


def test_text_that_is_not_in_the_warehouse_is_said_to_be_so():
    turns = build_turns([interaction("1", ["a"])], [], [], open_text)

    assert (turns[0]["prompt"][0]["state"], turns[0]["prompt"][0]["text"]) == ("not stored", None)


def test_tool_call_shows_its_arguments():
    call = {"name": "bash", "call_id": "c1", "arguments_part_id": "a", "file_paths": ["x.py"]}

    turns = build_turns([interaction("1", [], [], [call])], [part("a")], [], open_text)

    assert turns[0]["tool_calls"] == [
        {"name": "bash", "call_id": "c1", "file_paths": ["x.py"], "arguments": "open a"}
    ]


def test_findings_stand_with_their_turn():
    rows = [interaction("1", []), interaction("2", [])]

    turns = build_turns(rows, [], [finding("2")], open_text)

    assert [len(turn["findings"]) for turn in turns] == [0, 1]


class Warehouse:
    """Answers the question for session ids, and nothing to any other."""

    def __init__(self, *ids):
        self.ids = ids

    def ask(self, sql, **parameters):
        begin = parameters["session_id"]
        ids = [each for each in self.ids if each.startswith(begin)]
        return Answer((), [{"session_id": each} for each in ids] if "DISTINCT" in sql else [])


def test_beginning_of_an_id_that_fits_several_sessions_is_refused_with_their_names():
    with pytest.raises(CommandError, match="abc1, abc2"):
        session_turns(Warehouse("abc1", "abc2"), None, "abc", datetime.now(UTC))


def test_whole_id_wins_over_a_longer_one():
    class Reader:
        part = staticmethod(open_text)

    found, _ = session_turns(Warehouse("abc", "abc2"), Reader(), "abc", datetime.now(UTC))

    assert found == "abc"


def test_what_a_replay_shows_is_told_for_the_record():
    row = {**interaction("1", ["a", "b"], ["c"]), "principal_id": "p"}

    opened = opened_parts("s", build_turns([row], [part("a"), part("c")], [], open_text))

    ids = {"session_id": "s", "interaction_id": "1", "principal_id": "p"}
    assert opened == [{**ids, "part_id": name} for name in "abc"]
