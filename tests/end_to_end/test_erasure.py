"""A person is held, exported and erased on a running stack; every proof still verifies."""

import hashlib
import json
import zipfile
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.xdist_group("stack")]

CANARY = "the plum canary sings at noon"
PARTS = 3  # of one exchange: what was asked, the request's other members, what was answered
DAY = "> TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)"


def ask(stack, key, text):
    answer = httpx.post(
        f"{stack.gateway}/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json={"model": "gpt-5", "messages": [{"role": "user", "content": text}]},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text


def keys_of_parts(stack, count):
    """Return the key of each row; a part that is recorded anew is a row more, of the same id."""
    rows = stack.query_until(
        "SELECT p.key_id FROM content.parts AS p JOIN audit.interactions AS i "
        "ON i.interaction_id = p.interaction_id "
        f"WHERE p.occurred_at {DAY} AND i.requested_at {DAY} AND i.principal_subject = 'ivy'",
        count,
    )
    assert len(rows) == count
    return {row["key_id"] for row in rows}


def test_person_is_held_exported_and_erased(stack, tmp_path):
    key = stack.run("keys", "create", "--user", "ivy", "--group", "engineering")["key"]
    who = ("--subject", "urn:tailnumber:local/ivy", "--reason", "ticket 9")
    ask(stack, key, CANARY)
    before = keys_of_parts(stack, PARTS)
    assert len(before) == 1

    stack.run("hold", "place", "--name", "case-ivy", "--reason", "counsel", "--principal", "ivy")
    with pytest.raises(RuntimeError, match="legal hold case-ivy"):
        stack.run("erase", *who, "--yes")
    stack.run("hold", "release", "--name", "case-ivy", "--reason", "settled")
    assert CANARY in exported(stack, who, tmp_path / "before.zip")
    erased = stack.run("erase", *who, "--yes")
    assert [each["key_count"] for each in erased["erasures"]] == [1]

    ask(stack, key, CANARY)
    after = keys_of_parts(stack, 2 * PARTS)
    assert len(after) == 2  # the same gateway, a new key
    stack.run("erase", *who, "--yes")
    assert CANARY not in exported(stack, who, tmp_path / "after.zip")
    rows = stack.query_until(
        "SELECT event_type, refusal_code, reason, ARRAY_LENGTH(content_key_ids) AS keys "
        f"FROM audit.admin_changes WHERE occurred_at {DAY} AND holder_subject = 'ivy' "
        "AND object_type = 'content' ORDER BY occurred_at",
        3,
    )
    assert [(row["event_type"], row["refusal_code"], row["keys"]) for row in rows] == [
        ("erasure.refused", "refused_hold", 0),
        ("content.erased", None, 1),
        ("content.erased", None, 1),
    ]
    holds = stack.query_until(
        "SELECT hold_name, status FROM audit.legal_holds "
        f"WHERE placed_at {DAY} AND status = 'released'",
        1,
    )
    assert holds == [{"hold_name": "case-ivy", "status": "released"}]
    gone = ", ".join(f"'{each}'" for each in after)
    left = f"SELECT key_id FROM keys.subject_keys WHERE occurred_at {DAY} AND key_id IN ({gone})"
    assert stack.query(left) == []
    every_record_is_as_it_was_hashed(stack)
    no_file_holds(stack.data_dir, CANARY.encode())


def exported(stack, who, path):
    stack.run("export", *who, "--output", str(path))
    with zipfile.ZipFile(path) as archive:
        return b"".join(archive.read(name) for name in archive.namelist()).decode()


def every_record_is_as_it_was_hashed(stack):
    rows = stack.query(
        "SELECT writer_id, sequence, previous_hash, record_hash, record FROM audit.events "
        f"WHERE occurred_at {DAY} ORDER BY writer_id, sequence"
    )
    assert rows
    last = {}
    for row in rows:
        assert hashlib.sha256(row["record"].encode()).hexdigest() == row["record_hash"]
        assert json.loads(row["record"])["previous_hash"] == row["previous_hash"]
        if row["sequence"] - 1 == last.get(row["writer_id"], (None, None))[0]:
            assert row["previous_hash"] == last[row["writer_id"]][1]
        last[row["writer_id"]] = (row["sequence"], row["record_hash"])


def no_file_holds(root: Path, text: bytes) -> None:
    files = [path for path in root.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if text in path.read_bytes()] == []
