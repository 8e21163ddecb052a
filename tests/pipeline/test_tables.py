"""Tables come to the contract: created, extended by new columns, refused otherwise."""

from copy import deepcopy
from typing import Any

import pytest
from local_warehouse import Warehouse, ask

from pipeline.errors import TableError
from pipeline.tables import added_columns, apply_contract, apply_table
from schemas.bigquery import render_table
from schemas.tables import TABLES
from schemas.views import views


def _columns(**types: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "type": kind.split()[0], "mode": kind.split()[1]}
        for name, kind in types.items()
    ]


def test_contract_is_created_and_then_left_alone(warehouse: Warehouse) -> None:
    client = warehouse.client()

    first, second = apply_contract(client), apply_contract(client)

    assert set(first.values()) == {"created"}
    assert set(second.values()) == {"unchanged"}
    assert list(first) == list(TABLES)


@pytest.mark.slow
def test_views_answer_and_have_the_columns_of_their_rows(warehouse: Warehouse) -> None:
    client = warehouse.client()
    apply_contract(client)

    for name in views():
        assert ask(client, f"SELECT * FROM `{name}`") == []
    view = client.get_table("audit.events", timeout=10)
    assert [f.name for f in view.schema] == list(TABLES["audit.events_v1"].row.model_fields)


@pytest.mark.slow
def test_session_function_counts_from_a_time_on(warehouse: Warehouse) -> None:
    client = warehouse.client()
    apply_contract(client)
    row = {
        **dict.fromkeys(("event_id", "tenant_id", "writer_id", "status", "session_id"), "x"),
        **dict.fromkeys(("assurance", "policy_digest", "connection", "protocol"), "x"),
        **dict.fromkeys(("operation", "method", "path", "effect", "rule_id"), "x"),
        **dict.fromkeys(("sequence", "status_rank", "prompt_bytes", "completion_bytes"), 0),
        **dict.fromkeys(("prompt_finding_count", "completion_finding_count"), 0),
        "chunk_count": 0,
        "streamed": False,
        "client_left": False,
    }
    times = ("2026-11-19T23:00:00Z", "2026-11-20T01:00:00Z")
    rows = [
        {**row, "interaction_id": t, "occurred_at": t, "requested_at": t, "loaded_at": t}
        for t in times
    ]
    errors = client.insert_rows_json("audit.interactions_v1", rows, timeout=10)
    assert not errors

    question = "SELECT interaction_count AS n FROM `audit.sessions_since`(TIMESTAMP '{}')"

    assert ask(client, question.format(times[0])) == [{"n": 2}]
    assert ask(client, question.format(times[1])) == [{"n": 1}]


def test_table_keeps_descriptions_partitions_and_clusters(warehouse: Warehouse) -> None:
    client = warehouse.client()
    apply_contract(client)
    document = render_table(TABLES["audit.events_v1"])

    table = client.get_table("audit.events_v1", timeout=10)

    assert table.description == document["description"]
    assert [(f.name, f.field_type, f.mode, f.description) for f in table.schema] == [
        (c["name"], c["type"], c["mode"], c["description"]) for c in document["schema"]
    ]
    assert table.time_partitioning.field == "occurred_at"
    assert table.time_partitioning.expiration_ms == document["time_partitioning"]["expiration_ms"]
    assert table.clustering_fields == document["clustering"]


@pytest.mark.slow
def test_new_nullable_and_repeated_columns_are_added(warehouse: Warehouse) -> None:
    client = warehouse.client()
    apply_contract(client)
    document = deepcopy(render_table(TABLES["audit.access_denials_v1"]))
    for name, kind, mode in (("risk", "FLOAT", "NULLABLE"), ("tags", "STRING", "REPEATED")):
        document["schema"].append(
            {
                "name": name,
                "type": kind,
                "mode": mode,
                "description": name,
                "classification": "public",
            }
        )

    change = apply_table(client, document)

    assert change == "extended"
    assert ask(client, "SELECT risk, tags FROM audit.access_denials_v1") == []
    assert apply_table(client, document) == "unchanged"
    assert client.get_table("audit.access_denials_v1", timeout=10).schema[-1].description == "tags"


def test_a_required_column_may_be_empty_from_now_on(warehouse: Warehouse) -> None:
    client = warehouse.client()
    client.create_dataset("content")
    document = deepcopy(render_table(TABLES["content.parts_v1"]))
    by_name = {column["name"]: column for column in document["schema"]}
    by_name["ciphertext"]["mode"] = by_name["key_id"]["mode"] = "REQUIRED"
    assert apply_table(client, document) == "created"

    by_name["ciphertext"]["mode"] = by_name["key_id"]["mode"] = "NULLABLE"

    assert apply_table(client, document) == "extended"
    assert apply_table(client, document) == "unchanged"


def test_another_partition_column_is_refused(warehouse: Warehouse) -> None:
    client = warehouse.client()
    apply_contract(client)
    document = deepcopy(render_table(TABLES["audit.events_v1"]))
    document["time_partitioning"]["field"] = "loaded_at"

    with pytest.raises(TableError, match="partitioned otherwise"):
        apply_table(client, document)


def test_class_of_a_column_becomes_its_policy_tag() -> None:
    from pipeline.tables import _resource

    resource = _resource("p", render_table(TABLES["content.parts_v1"]), {"content": "tag/1"})

    tagged = [f for f in resource["schema"]["fields"] if "policyTags" in f]
    assert [(f["name"], f["policyTags"]) for f in tagged] == [
        (name, {"names": ["tag/1"]}) for name in ("ciphertext", "text", "salt")
    ]
    assert resource["requirePartitionFilter"] is True


@pytest.mark.parametrize(
    ("present", "wanted", "message"),
    [
        (_columns(a="STRING NULLABLE"), _columns(a="INTEGER NULLABLE"), "a: type or mode"),
        (_columns(a="STRING NULLABLE"), _columns(a="STRING REQUIRED"), "a: type or mode"),
        (_columns(a="STRING NULLABLE", b="STRING NULLABLE"), _columns(a="STRING NULLABLE"), ": b"),
        (_columns(), _columns(a="STRING REQUIRED"), "a: a new column cannot be REQUIRED"),
    ],
    ids=["type", "mode", "dropped", "new and required"],
)
def test_change_that_bigquery_cannot_make_is_refused(
    present: Any, wanted: Any, message: str
) -> None:
    with pytest.raises(TableError, match=message):
        added_columns("audit.t_v1", present, wanted)


def test_either_name_of_a_type_is_the_same_type() -> None:
    assert added_columns("t", _columns(a="INT64 NULLABLE"), _columns(a="INTEGER NULLABLE")) == []
