"""The warehouse: every table as schemas/ renders it, nothing that keeps or opens more."""

import functools
import json
from collections.abc import Iterator
from typing import Any

from guarding import CONTRACT, access, differences, guard, tables
from terraform_plan import Plan, Resource, add, change, change_column, drop, drop_column

TABLE = "google_bigquery_table"
DATASET = "google_bigquery_dataset"
DAY_MS = 24 * 60 * 60 * 1000
EVENTS = {"dataset_id": "audit", "table_id": "events_v1"}
# Datasets of texts and keys, where an erasure must be final soon: hours of time travel.
SHORT_TRAVEL = {"content", "hold", "keys", "raw"}
KEY_OF = {"content": "content", "hold": "content", "keys": "subject-keys", "raw": "content"}


def real_tables(plan: Plan) -> list[Resource]:
    """List the tables that hold rows: views are resources of the same kind."""
    return [table for table in plan.all(TABLE) if not table.get("view")]


def name_of(table: Resource) -> str:
    """Name a table as the contract does."""
    return f"{table['dataset_id']}.{table['table_id']}"


def contract_tables(plan: Plan) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Pair each table with what schemas/ says of it; those of held rows with their source."""
    rendered = tables()
    sources = {table["held_in"]: table for table in rendered.values() if table.get("held_in")}
    for table in real_tables(plan):
        wanted = rendered.get(name_of(table)) or sources.get(name_of(table))
        if wanted:
            yield table, wanted


def published(plan: Plan) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Pair the tables of the contract alone."""
    for table, wanted in contract_tables(plan):
        if name_of(table) != wanted.get("held_in"):
            yield table, wanted


@guard(
    "the tables are those that schemas/ renders, those of held rows and the safety net",
    drop(TABLE, **EVENTS),
    add(
        TABLE,
        dataset_id="audit",
        table_id="extra_v1",
        require_partition_filter=True,
        clustering=["x"],
        description="An extra table that nobody asked for.",
        deletion_protection=True,
        schema="[]",
        time_partitioning=[{"type": "DAY", "expiration_ms": DAY_MS, "field": "x"}],
        encryption_configuration=[{"kms_key_name": "r/cryptoKeys/audit"}],
    ),
)
def tables_are_the_contracts(plan: Plan) -> Iterator[str]:
    rendered = tables()
    held = {table["held_in"] for table in rendered.values() if table.get("held_in")}
    yield from differences(
        {*rendered, *held, "raw.messages_v1"}, [name_of(t) for t in real_tables(plan)]
    )


@guard(
    "every column has the name, type, mode and description of the contract",
    change_column("audit.events_v1", "event_type", type="BYTES"),
    change_column("audit.events_v1", "event_type", mode="NULLABLE"),
    change_column("audit.events_v1", "event_type", description="kind"),
    drop_column("audit.events_v1", "event_type"),
    drop_column("hold.audit_events_v1", "event_type"),
)
def columns_are_the_contracts(plan: Plan) -> Iterator[str]:
    def plain(columns: list[dict[str, Any]]) -> list[Any]:
        return [
            (c["name"], c["type"], c["mode"], c["description"], plain(c.get("fields", [])))
            for c in columns
        ]

    for table, wanted in contract_tables(plan):
        if plain(columns_of(table["schema"])) != plain(wanted["schema"]):
            yield table.address


@guard(
    "every column of a class has the policy tag of that class",
    change_column("audit.interactions_v1", "principal_email", policyTags=None),
    change_column("content.parts_v1", "ciphertext", policyTags={"names": ["t/policyTags/network"]}),
    change_column("hold.content_parts_v1", "text", policyTags=None),
    change_column("raw.messages_v1", "data", policyTags=None),
)
def columns_are_tagged(plan: Plan) -> Iterator[str]:
    for table, wanted in contract_tables(plan):
        tags = tags_of(table)
        for column in wanted["schema"]:
            found, right = tags.get(column["name"]), column["classification"]
            if right != "public" and column["name"] in tags and found != right:
                yield f"{table.address}: {column['name']} has {found}, not {right}"
    for table in plan.all(TABLE, dataset_id="raw"):
        if tags_of(table).get("data") != "content":
            yield f"{table.address}: data is not tagged as content"


@functools.cache  # the same text in hundreds of broken plans
def columns_of(schema: str) -> list[dict[str, Any]]:
    """Read a table's columns; not to be changed."""
    columns: list[dict[str, Any]] = json.loads(schema)
    return columns


def tags_of(table: Resource) -> dict[str, str | None]:
    """Map each column to its policy tag's short name."""
    return {
        column["name"]: next(
            (name.rsplit("/", 1)[-1] for name in column.get("policyTags", {}).get("names", [])),
            None,
        )
        for column in columns_of(table["schema"])
    }


@guard(
    "no public column has a policy tag, which would hide it from everybody",
    change_column("audit.events_v1", "event_type", policyTags={"names": ["t/policyTags/identity"]}),
)
def public_columns_are_open(plan: Plan) -> Iterator[str]:
    for table, wanted in contract_tables(plan):
        tags = tags_of(table)
        for column in wanted["schema"]:
            if column["classification"] == "public" and tags.get(column["name"]):
                yield f"{table.address}: {column['name']}"


@guard(
    "every table is partitioned by the column and unit of the contract",
    change(TABLE, "time_partitioning.0.field", "loaded_at", **EVENTS),
    change(TABLE, "time_partitioning.0.type", "YEAR", **EVENTS),
)
def tables_are_partitioned(plan: Plan) -> Iterator[str]:
    for table, wanted in contract_tables(plan):
        by = table.at("time_partitioning.0") or {}
        right = wanted["time_partitioning"]
        if (by.get("field"), by.get("type")) != (right["field"], right["type"]):
            yield table.address


@guard(
    "no table can be read without a filter on its partition",
    change(TABLE, "require_partition_filter", False, **EVENTS),
    change(TABLE, "require_partition_filter", None, dataset_id="raw"),
)
def partition_filter_is_required(plan: Plan) -> Iterator[str]:
    for table in real_tables(plan):
        if table["require_partition_filter"] is not True:
            yield table.address


@guard(
    "every table's rows expire when the contract says, not earlier and not later",
    change(TABLE, "time_partitioning.0.expiration_ms", 2191 * DAY_MS, **EVENTS),
    change(TABLE, "time_partitioning.0.expiration_ms", None, **EVENTS),
    change(TABLE, "time_partitioning.0.expiration_ms", 401 * DAY_MS, dataset_id="content"),
)
def rows_expire(plan: Plan) -> Iterator[str]:
    for table, wanted in published(plan):
        found = table.at("time_partitioning.0.expiration_ms")
        if found != wanted["time_partitioning"]["expiration_ms"]:
            yield f"{table.address}: {found}"


@guard(
    "what a legal hold keeps does not expire",
    change(TABLE, "time_partitioning.0.expiration_ms", DAY_MS, dataset_id="hold"),
)
def held_rows_stay(plan: Plan) -> Iterator[str]:
    for table in plan.all(TABLE, dataset_id="hold"):
        if table.at("time_partitioning.0.expiration_ms") is not None:
            yield table.address


@guard(
    "the safety net keeps its second copy of texts for 31 days at most",
    change(TABLE, "time_partitioning.0.expiration_ms", 90 * DAY_MS, dataset_id="raw"),
    change(TABLE, "time_partitioning.0.expiration_ms", None, dataset_id="raw"),
)
def safety_net_expires(plan: Plan) -> Iterator[str]:
    for table in plan.all(TABLE, dataset_id="raw"):
        if not 0 < (table.at("time_partitioning.0.expiration_ms") or 0) <= 31 * DAY_MS:
            yield table.address


@guard(
    "every table is clustered as the contract says",
    change(TABLE, "clustering", ["event_type"], **EVENTS),
)
def tables_are_clustered(plan: Plan) -> Iterator[str]:
    for table, wanted in contract_tables(plan):
        if table["clustering"] != wanted["clustering"]:
            yield table.address


@guard(
    "every table, view and dataset says what it holds",
    change(TABLE, "description", None, **EVENTS),
    change(TABLE, "description", "", dataset_id="reporting", table_id="findings"),
    change(DATASET, "description", None, dataset_id="audit"),
)
def everything_is_described(plan: Plan) -> Iterator[str]:
    rendered = tables()
    for resource in [*plan.all(TABLE), *plan.all(DATASET)]:
        if len(resource.get("description") or "") < 15:
            yield resource.address
    for table, _ in published(plan):
        if table["description"] and table["description"] != rendered[name_of(table)]["description"]:
            yield table.address


@guard(
    "every table and view is protected from deletion",
    change(TABLE, "deletion_protection", False, **EVENTS),
    change(TABLE, "deletion_protection", False, dataset_id="reporting", table_id="findings"),
)
def tables_are_protected(plan: Plan) -> Iterator[str]:
    yield from (t.address for t in plan.all(TABLE) if t["deletion_protection"] is not True)


@guard(
    "destroying a dataset never destroys its tables",
    change(DATASET, "delete_contents_on_destroy", True, dataset_id="audit"),
)
def datasets_keep_their_tables(plan: Plan) -> Iterator[str]:
    yield from (
        d.address for d in plan.all(DATASET) if d["delete_contents_on_destroy"] is not False
    )


@guard(
    "every dataset encrypts with the customer's key of its class",
    change(DATASET, "default_encryption_configuration", [], dataset_id="audit"),
    change(
        DATASET,
        "default_encryption_configuration.0.kms_key_name",
        "r/cryptoKeys/audit",
        dataset_id="content",
    ),
)
def datasets_are_encrypted(plan: Plan) -> Iterator[str]:
    for dataset in plan.all(DATASET):
        key = dataset.at("default_encryption_configuration.0.kms_key_name") or ""
        if key.rsplit("/", 1)[-1] != KEY_OF.get(dataset["dataset_id"], "audit"):
            yield f"{dataset.address}: {key}"


@guard(
    "every table encrypts with the customer's key of its class, held texts as texts",
    change(TABLE, "encryption_configuration", [], **EVENTS),
    change(
        TABLE,
        "encryption_configuration.0.kms_key_name",
        "r/cryptoKeys/audit",
        dataset_id="hold",
        table_id="content_parts_v1",
    ),
)
def tables_are_encrypted(plan: Plan) -> Iterator[str]:
    for table in real_tables(plan):
        held = table["dataset_id"] == "hold"
        dataset = table["table_id"].split("_")[0] if held else table["dataset_id"]
        key = table.at("encryption_configuration.0.kms_key_name") or ""
        if key.rsplit("/", 1)[-1] != KEY_OF.get(dataset, "audit"):
            yield f"{table.address}: {key}"


@guard(
    "every dataset is in the one region",
    change(DATASET, "location", "US", dataset_id="content"),
)
def datasets_are_in_the_region(plan: Plan) -> Iterator[str]:
    region = plan.variables["region"]
    yield from (d.address for d in plan.all(DATASET) if d["location"].lower() != region)


@guard(
    "texts and keys can be brought back by time travel for 48 hours at most",
    change(DATASET, "max_time_travel_hours", "168", dataset_id="keys"),
    change(DATASET, "max_time_travel_hours", None, dataset_id="content"),
)
def erasure_is_final_soon(plan: Plan) -> Iterator[str]:
    for dataset in plan.all(DATASET):
        if dataset["dataset_id"] in SHORT_TRAVEL:
            found = dataset["max_time_travel_hours"]
            if found is None or int(found) != 48:
                yield f"{dataset.address}: {found}"


@guard(
    "the trail itself can be brought back by time travel for seven days",
    change(DATASET, "max_time_travel_hours", "48", dataset_id="audit"),
)
def the_trail_comes_back(plan: Plan) -> Iterator[str]:
    for dataset in plan.all(DATASET):
        hours = int(dataset["max_time_travel_hours"] or 0)
        if dataset["dataset_id"] not in SHORT_TRAVEL and hours != 168:
            yield dataset.address


@guard(
    "the views are those that schemas/ renders",
    drop(TABLE, dataset_id="reporting", table_id="findings"),
    add(
        TABLE,
        dataset_id="reporting",
        table_id="everything",
        view=[{"query": "SELECT 1 FROM `acme-tailnumber.a.b`", "use_legacy_sql": False}],
        description="A view that nobody asked for.",
        deletion_protection=True,
    ),
)
def views_are_the_contracts(plan: Plan) -> Iterator[str]:
    views = [name_of(table) for table in plan.all(TABLE) if table.get("view")]
    yield from differences({p.stem for p in (CONTRACT / "views").glob("*.sql")}, views)


@guard(
    "views are in standard SQL and name the project they read",
    change(TABLE, "view.0.use_legacy_sql", True, dataset_id="audit", table_id="findings"),
    change(
        TABLE,
        "view.0.query",
        "SELECT 1 FROM `audit.findings_v1`",
        dataset_id="audit",
        table_id="findings",
    ),
)
def views_name_their_project(plan: Plan) -> Iterator[str]:
    project = plan.variables["project_id"]
    for view in (table for table in plan.all(TABLE) if table.get("view")):
        query = view.at("view.0.query")
        if view.at("view.0.use_legacy_sql") is not False or f"`{project}." not in query:
            yield view.address


@guard(
    "one taxonomy holds the tags, and its fine-grained control is on",
    change("google_data_catalog_taxonomy", "activated_policy_types", []),
    change("google_data_catalog_taxonomy", "region", "us"),
)
def taxonomy_is_active(plan: Plan) -> Iterator[str]:
    for taxonomy in plan.all("google_data_catalog_taxonomy"):
        if taxonomy["activated_policy_types"] != access()["taxonomy"]["activated_policy_types"]:
            yield f"{taxonomy.address}: {taxonomy['activated_policy_types']}"
        if taxonomy["region"] != plan.variables["region"]:
            yield f"{taxonomy.address}: {taxonomy['region']}"


@guard(
    "there is a policy tag for each class and for nothing else",
    drop("google_data_catalog_policy_tag", display_name="content"),
    add("google_data_catalog_policy_tag", display_name="other"),
)
def tags_are_the_contracts(plan: Plan) -> Iterator[str]:
    tags = [tag["display_name"] for tag in plan.all("google_data_catalog_policy_tag")]
    yield from differences(access()["taxonomy"]["policy_tags"], tags)


@guard(
    "each mask shows of its class what the contract says and no more",
    change(
        "google_bigquery_datapolicy_data_policy",
        "data_masking_policy.0.predefined_expression",
        "LAST_FOUR_CHARACTERS",
        data_policy_id="content_masked",
    ),
    change(
        "google_bigquery_datapolicy_data_policy",
        "policy_tag",
        "t/policyTags/identity",
        data_policy_id="content_masked",
    ),
    drop("google_bigquery_datapolicy_data_policy", data_policy_id="content_masked"),
)
def masks_are_the_contracts(plan: Plan) -> Iterator[str]:
    wanted = {
        (name, mask["policy_tag"], mask["predefined_expression"])
        for name, mask in access()["data_policies"].items()
    }
    found = {
        (
            mask["data_policy_id"],
            mask["policy_tag"].rsplit("/", 1)[-1],
            mask.at("data_masking_policy.0.predefined_expression"),
        )
        for mask in plan.all("google_bigquery_datapolicy_data_policy")
    }
    yield from differences(wanted, found)


@guard(
    "the functions and procedures are those that schemas/ renders",
    drop("google_bigquery_routine", routine_id="reveal"),
)
def routines_are_the_contracts(plan: Plan) -> Iterator[str]:
    rendered = {p.stem for kind in ("functions", "procedures") for p in (CONTRACT / kind).glob("*")}
    found = [f"{r['dataset_id']}.{r['routine_id']}" for r in plan.all("google_bigquery_routine")]
    yield from differences(rendered, found)


@guard(
    "rows are seen by tenant and department as the contract says",
    change(
        "google_bigquery_row_access_policy", "filter_predicate", "TRUE", policy_id="tenant_acme"
    ),
)
def rows_are_filtered(plan: Plan) -> Iterator[str]:
    predicates = {policy["name"]: policy["filter_predicate"] for policy in access()["row_policies"]}
    for policy in plan.all("google_bigquery_row_access_policy"):
        name = next(n for n in predicates if policy["policy_id"].startswith(n))
        tenant, department = plan.variables["tenant"], policy["policy_id"].rsplit("_", 1)[-1]
        wanted = predicates[name].replace("${tenant}", tenant).replace("${department}", department)
        if policy["filter_predicate"] != wanted:
            yield f"{policy.address}: {policy['filter_predicate']}"


@guard(
    "no table is without a row policy: without any, every row would be shown",
    drop("google_bigquery_row_access_policy", table_id="events_v1", policy_id="everything"),
    also=(
        "admin has exactly the rights of the contract",
        "keeper has exactly the rights of the contract",
    ),
)
def every_table_has_a_row_policy(plan: Plan) -> Iterator[str]:
    for table, _ in contract_tables(plan):
        where = {"dataset_id": table["dataset_id"], "table_id": table["table_id"]}
        policies = plan.all("google_bigquery_row_access_policy", **where)
        if not any(policy["filter_predicate"] == "TRUE" for policy in policies):
            yield table.address
