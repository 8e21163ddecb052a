"""Create the contract's datasets, tables and views in BigQuery, and add columns to them.

For the one-machine stack and tests; on Google Cloud terraform owns the tables and reads the same
rendered documents. Safe to run again: what is there stays, new columns are added, anything else
that differs is refused.
"""

import contextlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from pipeline.errors import TableError, WarehouseError
from schemas.bigquery import api_schema, render_table
from schemas.tables import TABLES
from schemas.views import functions, views

# Longest time that one call, and all attempts at it together, may take.
CALL_SECONDS: Final = 15.0
_RETRY: Final = DEFAULT_RETRY.with_timeout(CALL_SECONDS)

_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})

# BigQuery answers with either name of a type. Source: REST resource TableFieldSchema.
_CANONICAL_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
)
_SQL_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
)

Change = Literal["created", "unchanged", "extended"]


def open_client(project: str, url: str | None = None) -> bigquery.Client:
    """Return a client: of the server at ``url`` without credentials, else of Google's."""
    if url is None:
        return bigquery.Client(project=project)
    return bigquery.Client(
        project=project,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # unannotated upstream
        client_options=ClientOptions(api_endpoint=url),
    )


def apply_contract(
    client: bigquery.Client, policy_tags: Mapping[str, str] = _NO_TAGS
) -> Mapping[str, Change]:
    """Bring tables, views and functions to the contract; return what happened to each table.

    ``policy_tags`` maps a column's class to the resource name of its policy tag.

    Raises:
        TableError: a table is there and differs in more than new columns.
        WarehouseError: BigQuery did not answer, or not in time.
    """
    try:
        for dataset in sorted({table.dataset for table in TABLES.values()}):
            client.create_dataset(dataset, exists_ok=True, retry=_RETRY, timeout=CALL_SECONDS)
        changes = {
            name: apply_table(client, render_table(table), policy_tags)
            for name, table in TABLES.items()
        }
        for name, query in views().items():
            _run(client, f"CREATE OR REPLACE VIEW `{name}` AS\n{query}")
        for name, function in functions().items():
            parameters = ", ".join(f"{n} {kind}" for n, kind in function.parameters.items())
            head = f"CREATE OR REPLACE TABLE FUNCTION `{name}`({parameters})"
            _run(client, f"{head} AS\n{function.query}")
    except (exceptions.GoogleAPIError, OSError) as error:
        raise WarehouseError(f"BigQuery did not take the tables: {error}") from error
    return changes


def apply_table(
    client: bigquery.Client, document: Mapping[str, Any], policy_tags: Mapping[str, str] = _NO_TAGS
) -> Change:
    """Bring one table to its rendered document.

    Raises:
        TableError: it is there and differs in more than new columns that may be empty.
    """
    wanted = bigquery.Table.from_api_repr(_resource(client.project, document, policy_tags))
    with contextlib.suppress(exceptions.Conflict):
        client.create_table(wanted, retry=_RETRY, timeout=CALL_SECONDS)
        return "created"
    return _extend(client, wanted)


def added_columns(
    table_id: str, present: Iterable[Mapping[str, Any]], wanted: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the wanted columns that a table lacks. Pure.

    Raises:
        TableError: a column is of another type or mode, is no longer wanted, or is new and
            required. BigQuery alters none of these in place.
    """
    there = {column["name"]: column for column in present}
    missing = []
    for column in wanted:
        name = column["name"]
        if name not in there:
            if column["mode"] == "REQUIRED":
                raise TableError(f"{table_id}.{name}: a new column cannot be REQUIRED")
            missing.append(column)
        elif not _becomes(there.pop(name), column):
            raise TableError(f"{table_id}.{name}: type or mode differs from the contract")
    if there:
        raise TableError(f"{table_id}: columns not in the contract: {', '.join(sorted(there))}")
    return missing


def relaxed_columns(
    present: Iterable[bigquery.SchemaField], wanted: Iterable[bigquery.SchemaField]
) -> list[str]:
    """Return the columns that a table requires and may be empty from now on. Pure."""
    required = {field.name for field in present if field.mode == "REQUIRED"}
    return [field.name for field in wanted if field.mode == "NULLABLE" and field.name in required]


def _extend(client: bigquery.Client, wanted: bigquery.Table) -> Change:
    present = client.get_table(wanted.reference, retry=_RETRY, timeout=CALL_SECONDS)
    name = f"{wanted.dataset_id}.{wanted.table_id}"
    if _partition(present) != _partition(wanted):
        raise TableError(f"{name}: partitioned otherwise than the contract says")
    missing = added_columns(
        name,
        [field.to_api_repr() for field in present.schema],
        [field.to_api_repr() for field in wanted.schema],
    )
    relaxed = relaxed_columns(present.schema, wanted.schema)
    if not missing and not relaxed:
        return "unchanged"
    for column_name in relaxed:
        _run(client, f"ALTER TABLE `{name}` ALTER COLUMN `{column_name}` DROP NOT NULL")
    for column in missing:
        _run(client, f"ALTER TABLE `{name}` ADD COLUMN `{column['name']}` {_sql_type(column)}")
    # SQL says neither description nor policy tag; the resource does.
    client.update_table(wanted, ["schema"], retry=_RETRY, timeout=CALL_SECONDS)
    return "extended"


def _run(client: bigquery.Client, statement: str) -> None:
    job = client.query(statement, retry=_RETRY, job_retry=None, timeout=CALL_SECONDS)
    job.result(retry=_RETRY, job_retry=None, timeout=CALL_SECONDS)


def _resource(
    project: str, document: Mapping[str, Any], policy_tags: Mapping[str, str]
) -> dict[str, Any]:
    partitioning = document["time_partitioning"]
    return {
        "tableReference": {
            "projectId": project,
            "datasetId": document["dataset"],
            "tableId": document["table_id"],
        },
        "description": document["description"],
        "schema": {"fields": api_schema(document["schema"], policy_tags)},
        "timePartitioning": {
            "type": partitioning["type"],
            "field": partitioning["field"],
            # Absent: rows stay for ever, as those under a legal hold do.
            **_expiry(partitioning["expiration_ms"]),
        },
        "requirePartitionFilter": document["require_partition_filter"],
        "clustering": {"fields": document["clustering"]},
    }


def _expiry(milliseconds: int | None) -> dict[str, str]:
    return {} if milliseconds is None else {"expirationMs": str(milliseconds)}


def _partition(table: bigquery.Table) -> tuple[str, str] | None:
    partitioning = table.time_partitioning
    return None if partitioning is None else (partitioning.type_, partitioning.field)


def _shape(column: Mapping[str, Any]) -> tuple[object, ...]:
    kind = str(column["type"])
    nested = sorted((field["name"], _shape(field)) for field in column.get("fields", ()))
    return _CANONICAL_TYPES.get(kind, kind), column.get("mode", "NULLABLE"), *nested


def _becomes(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether a column is as wanted, or required where it may be empty from now on."""
    if (there.get("mode"), wanted.get("mode")) == ("REQUIRED", "NULLABLE"):
        there = {**there, "mode": "NULLABLE"}
    return _shape(there) == _shape(wanted)


def _sql_type(column: Mapping[str, Any]) -> str:
    kind = column["type"]
    if kind == "RECORD":
        fields = ", ".join(f"`{f['name']}` {_sql_type(f)}" for f in column["fields"])
        kind = f"STRUCT<{fields}>"
    kind = _SQL_TYPES.get(kind, kind)
    return f"ARRAY<{kind}>" if column["mode"] == "REPEATED" else kind
