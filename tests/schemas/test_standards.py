"""Each mapped column exists, and the mapping views answer on the one-machine warehouse."""

from typing import Any

import pytest
from local_warehouse import Warehouse, ask

from pipeline.tables import apply_contract
from schemas import standards
from schemas.bigquery import render_table
from schemas.tables import TABLES
from schemas.views import views

pytestmark = pytest.mark.slow

FILLERS = {"INTEGER": 0, "FLOAT": 0.0, "BOOLEAN": False, "TIMESTAMP": "2026-11-20T10:00:00Z"}
INTERACTIONS = "audit.interactions_v1"
ADA = {"principal_subject": "ada"}


def _insert(client: Any, table: str, **values: Any) -> None:
    row = {
        c["name"]: FILLERS.get(c["type"], "x")
        for c in render_table(TABLES[table])["schema"]
        if c["mode"] == "REQUIRED"
    }
    assert not client.insert_rows_json(table, [{**row, **values}], timeout=10)


def test_every_line_of_the_crosswalk_is_about_a_column() -> None:
    columns = {name for table in TABLES.values() for name in table.row.model_fields}
    own = {f"{table.id}.{name}" for table in TABLES.values() for name in table.row.model_fields}

    assert set(standards.CROSSWALK) <= columns | own


def test_line_of_one_table_stands_before_the_line_of_all() -> None:
    findings, interactions = TABLES["audit.findings_v1"], TABLES["audit.interactions_v1"]

    assert standards.words_of(findings, "rule_id").ocsf is None
    assert standards.words_of(interactions, "rule_id").ocsf == "policy.name"
    assert str(standards.words_of(interactions, "chunk_count")) == ""


def test_no_two_columns_of_a_view_have_one_name() -> None:
    for view_id in (standards.OTEL_VIEW_ID, standards.OCSF_VIEW_ID):
        branch = views()[view_id].split("UNION ALL")[0]
        names = [
            line.rstrip(",").split(" AS ")[-1].strip("` ")
            for line in branch.splitlines()
            if line.startswith("  ")
        ]
        assert len(set(names)) == len(names)


def test_interaction_is_told_in_opentelemetry_s_words(warehouse: Warehouse) -> None:
    client = warehouse.client()
    apply_contract(client)
    told = {"operation": "inline", "model": "gpt-5", "model_used": "gpt-5-mini", "input_tokens": 7}
    _insert(client, "audit.interactions_v1", interaction_id="i1", **told)
    _insert(client, "audit.interactions_v1", interaction_id="i2", operation="push")

    (row,) = ask(
        client,
        f"SELECT * FROM `{standards.OTEL_VIEW_ID}`"
        " WHERE requested_at >= TIMESTAMP '2026-11-20 00:00:00+00'",
    )

    assert row["gen_ai_operation_name"] == "text_completion"
    assert (row["gen_ai_request_model"], row["gen_ai_response_model"]) == ("gpt-5", "gpt-5-mini")
    assert row["gen_ai_usage_input_tokens"] == 7


@pytest.mark.parametrize(
    ("table", "values", "disposition", "status"),
    [
        (INTERACTIONS, {"status": "completed", "effect": "allow", **ADA}, 1, 1),
        (INTERACTIONS, {"status": "completed", "effect": "mask", **ADA}, 11, 1),
        (INTERACTIONS, {"status": "blocked", "effect": "deny", **ADA}, 2, 2),
        ("audit.access_denials_v1", {}, 26, 2),
    ],
    ids=["allowed", "masked", "blocked", "denied"],
)
def test_event_is_told_as_ocsf_api_activity(
    warehouse: Warehouse, table: str, values: dict[str, Any], disposition: int, status: int
) -> None:
    client = warehouse.client()
    apply_contract(client)
    _insert(client, table, client_address="192.0.2.7", **values)

    (row,) = ask(
        client,
        "SELECT class_uid, type_uid, disposition_id, status_id, time, metadata.version AS version,"
        f" actor.user.name AS name, src_endpoint.ip AS ip FROM `{standards.OCSF_VIEW_ID}`"
        " WHERE event_at >= TIMESTAMP '2026-11-20 00:00:00+00'",
    )

    assert row == {
        "class_uid": 6003,
        "type_uid": 600399,
        "time": 1795168800000,
        "version": "1.8.0",
        "disposition_id": disposition,
        "status_id": status,
        "name": values.get("principal_subject"),
        "ip": "192.0.2.7",
    }
