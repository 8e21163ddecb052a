"""Check that each role gets exactly its rights, and run the row policies."""

import itertools
import json
from typing import Any

import pytest
from local_warehouse import Warehouse, ask

from pipeline.tables import apply_contract
from schemas import access_matrix as access
from schemas.base import Classification
from schemas.bigquery import render_table
from schemas.render import documents
from schemas.tables import TABLES
from schemas.views import views

PLAN = access.document()
TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.id)


def _leaves(schema: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [leaf for c in schema for leaf in (_leaves(c["fields"]) if "fields" in c else [c])]


@TABLE
def test_every_column_that_is_not_public_has_its_policy_tag(table: Any) -> None:
    for column in _leaves(render_table(table)["schema"]):
        tag = column["classification"]
        expected = None if tag == "public" else {"names": [f"${{policy_tags.{tag}}}"]}

        assert column.get("policyTags") == expected, column["name"]


@TABLE
def test_mask_of_a_class_fits_the_types_of_its_columns(table: Any) -> None:
    for column in _leaves(render_table(table)["schema"]):
        if column["classification"] in ("identity", "network", "secret_evidence"):
            assert column["type"] == "STRING", column["name"]


@TABLE
def test_columns_that_rows_are_filtered_or_told_apart_by_are_public(table: Any) -> None:
    classes = dict(access.classes_of(table))
    names = {*table.identity, *table.cluster_fields, table.partition_field}

    assert {classes[name] for name in names} == {Classification.PUBLIC}
    assert classes.get("department", Classification.PUBLIC) is Classification.PUBLIC


def test_content_and_keys_have_one_group_of_readers() -> None:
    groups = [name for name, role in access.ROLES.items() if role.member == "group"]
    for tag in ("content", "key"):
        readers = PLAN["fine_grained_readers"][tag]
        assert [name for name in readers if name in groups] == ["investigator"]
    for dataset in ("content", "keys"):
        readers = [n for n, r in access.ROLES.items() if dataset in r.datasets]
        assert readers == ["investigator"]
    openers = [n for n, grants in PLAN["roles"].items() if grants["kms_roles"]]
    assert openers == ["investigator"]
    assert PLAN["data_policies"]["content_masked"]["predefined_expression"] == "ALWAYS_NULL"


def test_loader_may_append_and_nothing_else() -> None:
    grants = PLAN["roles"]["loader"]

    assert set(grants["dataset_roles"].values()) == {"tailnumberLoader"}
    assert set(grants["dataset_roles"]) == {table.dataset for table in TABLES.values()}
    assert (grants["project_roles"], grants["table_roles"]) == ([], {})
    assert not any("getData" in p or "jobs" in p for p in access.LOADER_PERMISSIONS)
    readers = itertools.chain(*PLAN["fine_grained_readers"].values())
    assert "loader" not in readers
    assert all("loader" not in each["roles"] for each in PLAN["row_policies"])


def test_keeper_opens_no_sealed_text_and_cannot_touch_a_table() -> None:
    grants = PLAN["roles"]["keeper"]

    assert "keeper" not in PLAN["fine_grained_readers"]["key"]
    assert (grants["kms_roles"], grants["table_roles"]) == ([], {})
    assert grants["project_roles"] == ["roles/bigquery.jobUser"]
    allowed = {p for role in grants["dataset_roles"].values() for p in PLAN["custom_roles"][role]}
    assert allowed == {
        "bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.updateData",
    }  # fmt: skip
    changed = {d for d, role in grants["dataset_roles"].items() if role == access.KEEPER_CHANGES}
    assert changed == {"content", "keys", "hold"}


def test_admin_gets_no_tag() -> None:
    assert all("admin" not in readers for readers in PLAN["fine_grained_readers"].values())
    assert all("admin" not in p["masked_readers"] for p in PLAN["data_policies"].values())


def test_manager_reads_only_tables_whose_rows_tell_a_department() -> None:
    grants = PLAN["roles"]["manager"]

    assert grants["dataset_roles"] == {}
    for name in grants["table_roles"]:
        (table,) = (t for t in TABLES.values() if name in (t.id, t.view_id))
        assert "department" in table.row.model_fields


def test_no_role_reads_a_class_both_ways_and_every_dataset_has_a_reader() -> None:
    for role in access.ROLES.values():
        assert not role.clear & role.masked
        assert role.masked <= access.MASKS.keys()
    read = {dataset for role in access.ROLES.values() for dataset in role.datasets}
    assert {table.dataset for table in TABLES.values()} <= read


def test_every_table_has_row_policies_so_that_a_stranger_sees_no_row() -> None:
    covered = {table for policy in access.row_policies() for table in policy.tables}

    assert covered == set(TABLES)


def test_views_for_dashboards_show_public_columns_alone_and_are_authorized() -> None:
    for name, query in access.reporting_views().items():
        (table,) = (t for t in TABLES.values() if t.name == name.split(".")[1])
        shown = set(query.split("FROM")[0].split("`")[1::2])
        assert shown == {n for n, c in access.classes_of(table) if c is Classification.PUBLIC}
        assert {"view": name, "source_dataset": "audit"} in PLAN["authorized_views"]
        assert not set(views()) & {name}


def test_rendered_document_is_what_terraform_reads() -> None:
    assert json.loads(documents()["access.json"]) == PLAN


def test_quote_in_a_tenant_stays_inside_its_literal() -> None:
    (tenant, *_) = access.row_policies()

    sql = tenant.statement("audit.events_v1", ("group:a@b.example",), tenant="o'neill")

    assert "FILTER USING (tenant_id = 'o\\'neill')" in sql
    assert "`tenant_o_neill`" in sql


@pytest.mark.slow
def test_row_policies_show_each_reader_the_own_rows(warehouse: Warehouse) -> None:
    client = warehouse.client()
    apply_contract(client)
    rows = [("acme", "payments"), ("acme", "search"), ("other", "payments")]
    table = "audit.tool_calls_v1"
    base = {
        c["name"]: {"INTEGER": 0, "TIMESTAMP": "2026-11-20T10:00:00Z"}.get(c["type"], "x")
        for c in render_table(TABLES[table])["schema"]
        if c["mode"] == "REQUIRED"
    }
    errors = client.insert_rows_json(
        table,
        [
            {**base, "event_id": str(n), "tenant_id": tenant, "department": department}
            for n, (tenant, department) in enumerate(rows)
        ],
        timeout=10,
    )
    assert not errors
    tenant, department, _, everything = access.row_policies()
    for policy, group, values in (
        (tenant, "auditors", {"tenant": "acme"}),
        (department, "payments-leads", {"tenant": "acme", "department": "payments"}),
        (everything, "admins", {}),
    ):
        ask(client, policy.statement(table, (f"group:{group}@acme.example",), **values))

    def seen(group: str) -> list[tuple[str, str]]:
        client._connection.extra_headers = {"X-Bqemu-Groups": f"{group}@acme.example"}
        found = ask(
            client,
            "SELECT tenant_id, department FROM audit.tool_calls"
            " WHERE occurred_at >= TIMESTAMP '2026-01-01' ORDER BY tenant_id, department",
        )
        return [(row["tenant_id"], row["department"]) for row in found]

    assert seen("auditors") == [("acme", "payments"), ("acme", "search")]
    assert seen("payments-leads") == [("acme", "payments")]
    assert seen("admins") == rows
    assert seen("strangers") == []


@pytest.mark.slow
def test_dashboard_views_run(warehouse: Warehouse) -> None:
    client = warehouse.client()
    apply_contract(client)
    client.create_dataset(access.REPORTING, timeout=10)

    for name, query in access.reporting_views().items():
        ask(client, f"CREATE OR REPLACE VIEW `{name}` AS\n{query}")
        assert ask(client, f"SELECT * FROM `{name}`") == []


def test_page_on_access_names_every_role_and_class() -> None:
    from schemas.pages import access_page

    page = access_page()

    assert all(f"| `{name}` |" in page for name in access.ROLES)
    assert all(f"| `{cls}` |" in page for cls in Classification)
