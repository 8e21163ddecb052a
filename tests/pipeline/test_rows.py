"""One event becomes rows of its tables, and every row fits its table."""

from datetime import UTC, datetime
from typing import Any

import examples
import pytest
from audit_messages import Writer, clear_part, content_key, example, message, overflow, part, sealed

from pipeline.connections import encoders
from pipeline.decode import Incoming, decode
from pipeline.enrich import enrich
from pipeline.errors import RefusedError
from pipeline.rows import rows
from schemas.interaction import Ref
from schemas.registry import EVENTS
from schemas.tables import TABLES, CalledTool

PUBLISHED = datetime(2026, 11, 20, 18, tzinfo=UTC)
LOADED = datetime(2026, 11, 20, 18, 0, 1, tzinfo=UTC)


def _rows(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    return list(rows(enrich(decode(Incoming(data, "1", PUBLISHED)), LOADED)))


@pytest.mark.parametrize("example_", examples.valid_records(), ids=str)
def test_every_row_fits_its_table(example_: examples.Example) -> None:
    made = _rows(message(example_.file.read_bytes()))

    assert made[0][0] == "audit.events_v1"
    for table, row in made:
        encoders()[table].encode(row)
        TABLES[table].row.model_validate(_as_record(row))


NESTED = {"tool_calls": CalledTool, "refs": Ref}


def _as_record(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(NESTED[name](**each) for each in value) if name in NESTED else value
        for name, value in row.items()
        if value is not None
    }


def test_every_event_type_of_the_contract_has_an_example_here() -> None:
    assert {example_.event for example_ in examples.valid_records()} == set(EVENTS)


def test_event_row_holds_the_exact_record_and_when_it_came() -> None:
    data = message(Writer().record(), sealed(b"sealed"))

    row = dict(_rows(data))["audit.events_v1"]

    assert data.startswith(b'{"record":' + row["record"].encode() + b',"record_hash":"')
    assert (row["published_at"], row["loaded_at"]) == (PUBLISHED, LOADED)
    assert row["principal_id"] == "4aip2hhbvtaxhy5uqnnxmnpy2r"


def test_texts_become_parts_with_who_speaks() -> None:
    row = dict(_rows(message(Writer().record(), sealed(b"sealed"))))["content.parts_v1"]

    assert row["ciphertext"] == b"sealed"
    assert (row["role"], row["kind"], row["size_bytes"]) == ("user", "text", 6)
    assert row["ciphertext_hash"] == part(b"sealed")["ciphertext_hash"]


def test_text_that_travels_apart_becomes_the_same_part() -> None:
    record = Writer().record()

    made = _rows(overflow(record, sealed(b"sealed")))

    assert [table for table, _ in made] == ["content.parts_v1"]
    row = made[0][1]
    assert row["event_id"] == record["event_id"]
    assert row["ciphertext_hash"] == part(b"sealed")["ciphertext_hash"]
    encoders()["content.parts_v1"].encode(row)


def test_findings_become_rows_in_order() -> None:
    record = example("interaction.requested.1.masked_inline.pass.json")

    made = [row for table, row in _rows(message(record)) if table == "audit.findings_v1"]

    assert [row["rule_id"] for row in made] == [f["rule_id"] for f in record["findings"]]
    assert [row["finding_index"] for row in made] == list(range(len(made)))
    assert made, "the example has findings"


def test_each_tool_call_becomes_a_row_with_its_own_files_and_decision() -> None:
    record = example("interaction.completed.1.denied_tool_call.pass.json")

    (row,) = [row for table, row in _rows(message(record)) if table == "audit.tool_calls_v1"]

    assert (row["call_index"], row["name"], row["effect"]) == (0, "edit_file", "deny")
    assert row["rule_id"] == "auth-code-needs-a-look"
    assert list(row["file_paths"]) == ["src/auth/login.py"]
    assert row["interaction_id"] == record["interaction_id"]
    assert row["principal_email"] == "grace@acme.example"


@pytest.mark.parametrize(
    ("name", "status", "rank"),
    [
        ("interaction.requested.1.chat", "requested", 0),
        ("interaction.failed.1.client_left", "failed", 1),
        ("interaction.completed.1.tool_call", "completed", 2),
        ("interaction.blocked.1.by_policy", "blocked", 2),
    ],
)
def test_stage_of_an_interaction_ranks(name: str, status: str, rank: int) -> None:
    row = dict(_rows(message(example(f"{name}.pass.json"))))["audit.interactions_v1"]

    assert (row["status"], row["status_rank"]) == (status, rank)


def test_hold_on_a_repository_becomes_a_row_of_holds_and_one_of_changes() -> None:
    made = dict(_rows(message(example("legal_hold.released.1.repository.pass.json"))))

    row = made["audit.legal_holds_v1"]
    assert (row["status"], list(row["held_repositories"])) == ("released", ["acme/payments"])
    assert row["placed_at"] == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert row["held_to"] == datetime(2026, 10, 1, tzinfo=UTC)
    change = made["audit.admin_changes_v1"]
    assert (change["object_type"], change["object_id"]) == ("legal_hold", row["hold_id"])


@pytest.mark.parametrize(
    ("name", "keys", "refusal"),
    [("content.erased.1.two_keys", 2, None), ("erasure.refused.1.one_hold", 0, "refused_hold")],
)
def test_erasure_becomes_a_row_with_whose_texts_who_and_why(
    name: str, keys: int, refusal: str | None
) -> None:
    made = dict(_rows(message(example(f"{name}.pass.json"))))

    row = made["audit.admin_changes_v1"]
    assert (row["object_type"], row.get("refusal_code")) == ("content", refusal)
    assert len(row.get("content_key_ids", ())) == keys
    assert row["reason"].startswith("Request of the person")
    assert (row["holder_email"], row["requested_at"].hour) == ("ada@acme.example", 11)
    assert row["principal_subject"]


def test_revoked_key_becomes_a_row_with_who_did_it_and_whose_it_was() -> None:
    made = dict(_rows(message(example("key.revoked.1.by_command_line.pass.json"))))

    assert list(made) == ["audit.events_v1", "audit.admin_changes_v1"]
    row = made["audit.admin_changes_v1"]
    assert (row["object_type"], row["object_id"]) == ("gateway_key", "4fJ2kQ9x")
    assert (row["principal_subject"], row["holder_subject"]) == ("root", "00u1ada")
    assert row["gateway_key_id"] is None


def test_changed_policy_becomes_a_row_with_what_differs() -> None:
    row = dict(_rows(message(example("policy.changed.1.rules.pass.json"))))[
        "audit.admin_changes_v1"
    ]

    assert row["object_type"] == "policy"
    assert row["rules_removed"] == ("trial-group",)
    assert row["sections_changed"] == ("masking", "rule_order")


def test_denied_caller_becomes_a_row() -> None:
    made = dict(_rows(message(example("access.denied.1.no_key.pass.json"))))

    assert list(made) == ["audit.events_v1", "audit.access_denials_v1"]
    assert made["audit.access_denials_v1"]["http_status"] == 401


@pytest.mark.parametrize(
    ("name", "status", "last"),
    [
        ("writer.opened.1.first", "opened", None),
        ("writer.closed.1.stopped", "stopped", "sequence"),
        ("writer.closed.1.interrupted", "interrupted", "last_sequence"),
    ],
)
def test_writer_s_life_becomes_rows_that_name_it_and_its_last_record(
    name: str, status: str, last: str | None
) -> None:
    record = example(f"{name}.pass.json")

    made = dict(_rows(message(record)))

    row = made["integrity.writers_v1"]
    assert row["status"] == status
    assert row["life_writer_id"] == record.get("closed_writer_id", record["writer_id"])
    assert row.get("last_sequence") == (record[last] if last else None)
    if status == "stopped":
        assert row["last_record_hash"] == made["audit.events_v1"]["record_hash"]


def test_content_key_becomes_one_row_with_the_bytes_that_bigquery_unwraps() -> None:
    made = _rows(content_key(b"wrapped", kms_resource="gcp-kms://projects/p/k"))

    assert [table for table, _ in made] == ["keys.subject_keys_v1"]
    row = made[0][1]
    assert (row["wrapped_keyset"], row["kms_resource"]) == (b"wrapped", "gcp-kms://projects/p/k")
    encoders()["keys.subject_keys_v1"].encode(row)
    TABLES["keys.subject_keys_v1"].row.model_validate(row)


def test_who_read_which_texts_and_why_becomes_a_row() -> None:
    data = message(example("record.viewed.1.replay.pass.json"))

    row = dict(_rows(data))["audit.record_views_v1"]

    assert (row["principal_subject"], row["command"]) == ("root", "replay")
    assert row["reason"].startswith("incident 4711")
    assert row["viewed_session_ids"] == ("4f2a91",)


def test_text_in_clear_becomes_a_part_with_its_proof_also_when_it_travels_apart() -> None:
    record = Writer().record(parts=[clear_part(b"clear", b"salt")])
    content = {"part_id": "a" * 26, "text": "clear", "salt": "c2FsdA=="}

    beside = dict(_rows(message(record, content)))["content.parts_v1"]
    (_, apart), *_ = _rows(overflow(record, content))

    for row in (beside, apart):
        assert (row["text"], row["salt"]) == ("clear", b"salt")
        assert row["commitment"] == record["parts"][0]["commitment"]
        assert row.get("ciphertext") is None
        encoders()["content.parts_v1"].encode(row)


def test_text_apart_that_is_neither_sealed_nor_clear_is_refused() -> None:
    with pytest.raises(RefusedError):
        _rows(overflow(Writer().record(), {"part_id": "a" * 26}))
