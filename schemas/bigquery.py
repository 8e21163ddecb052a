"""Render each table as the JSON that terraform and the one-machine stack create it from. Pure.

Only this rendering knows BigQuery's types. A column carries its class and a placeholder, never the
resource name of a policy tag: which taxonomy a class leads to is a matter of the environment, and
``api_schema`` (here) or terraform puts it in.
"""

import types
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from schemas.base import Classification, ContractError, Record, described
from schemas.retention import RetentionError
from schemas.tables import Table

# Source: BigQuery, "Data types" and the REST resource TableFieldSchema.
_TYPES: Final[Mapping[type, str]] = types.MappingProxyType(
    {
        str: "STRING",
        int: "INTEGER",
        float: "FLOAT",
        bool: "BOOLEAN",
        datetime: "TIMESTAMP",
        bytes: "BYTES",
        Decimal: "NUMERIC",
    }
)

# Source: BigQuery, "Create clustered tables": up to four columns.
CLUSTER_FIELDS_MAX: Final = 4

# Members of a rendered column that BigQuery's API does not take, or not as they stand.
_OURS: Final = frozenset({"classification", "policyTags"})

_DAY_MILLISECONDS: Final = 24 * 60 * 60 * 1000


def render_table(table: Table) -> dict[str, Any]:
    """Return a table's document: columns with type, mode and class, partitioning, retention.

    Raises:
        ContractError: BigQuery would refuse the table, or a column has a type without a mapping.
    """
    schema = columns(table.row)
    _check(table, schema)
    return {
        "dataset": table.dataset,
        "table_id": f"{table.name}_v{table.version}",
        "description": table.description,
        "schema": schema,
        "time_partitioning": {
            "type": table.partition_type,
            "field": table.partition_field,
            "expiration_ms": table.retention_days * _DAY_MILLISECONDS,
        },
        "require_partition_filter": True,
        "clustering": list(table.cluster_fields),
        "retention_days": table.retention_days,
        "retention_class": _retention_class(table),
        "held_in": table.held_id,
    }


def columns(record: type[Record]) -> list[dict[str, Any]]:
    """Return a record's fields as BigQuery columns, in the record's own order.

    Raises:
        ContractError: a field has no BigQuery type, or a nested record a class of its own.
    """
    return [_column(f"{record.__name__}.{n}", n, i) for n, i in record.model_fields.items()]


def api_schema(
    schema: Iterable[Mapping[str, Any]], policy_tags: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return rendered columns as BigQuery's API takes them.

    ``policy_tags`` maps a class to the resource name of its policy tag; a class that is not in
    it (``public``, or all of them on a warehouse without tags) gets none.
    """
    result = []
    for column in schema:
        field = {name: value for name, value in column.items() if name not in _OURS}
        if "fields" in column:
            field["fields"] = api_schema(column["fields"], policy_tags)
        elif tag := policy_tags.get(column["classification"]):
            field["policyTags"] = {"names": [tag]}
        result.append(field)
    return result


def unwrap(annotation: Any) -> tuple[Any, bool, bool]:
    """Return an annotation's element type, and whether it may be null and may repeat.

    ``Annotated[str, …] | None`` is ``(str, True, False)``; ``tuple[Part, ...]`` is
    ``(Part, False, True)``; a ``Literal`` is the type of its values.

    Raises:
        ContractError: a union of several types, or a literal of several types.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return unwrap(arguments[0])
    if origin in (Union, types.UnionType):
        members = [member for member in arguments if member is not types.NoneType]
        if len(members) != 1:
            raise ContractError("a column has one type")
        element, _, repeated = unwrap(members[0])
        return element, len(members) < len(arguments), repeated
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return unwrap(arguments[0])[0], False, True
    if origin is Literal:
        kinds = {type(value) for value in arguments}
        if len(kinds) != 1:
            raise ContractError("a literal has values of one type")
        return kinds.pop(), False, False
    return annotation, False, False


def _column(where: str, name: str, info: FieldInfo) -> dict[str, Any]:
    description, classification = described(info)
    try:
        element, nullable, repeated = unwrap(info.annotation)
    except ContractError as error:
        raise ContractError(f"{where}: {error}") from None
    column: dict[str, Any] = {
        "name": name,
        "type": _TYPES.get(element, "RECORD"),
        "mode": "REPEATED" if repeated else "NULLABLE" if nullable else "REQUIRED",
        "description": description,
        "classification": classification.value,
    }
    if classification is not Classification.PUBLIC:
        # A placeholder for terraform's templatefile: the taxonomy belongs to the environment.
        column["policyTags"] = {"names": [f"${{policy_tags.{classification.value}}}"]}
    if element in _TYPES:
        return column
    if not (isinstance(element, type) and issubclass(element, Record)):
        raise ContractError(f"{where}: no BigQuery type")
    # Source: BigQuery, "Column-level access control": a policy tag stands on a leaf column only.
    if classification is not Classification.PUBLIC:
        raise ContractError(f"{where}: a nested record is public, its fields have the classes")
    return {**column, "fields": columns(element)}


def _retention_class(table: Table) -> str:
    try:
        table.retention.check(table.retention_days)
    except RetentionError as error:
        raise ContractError(f"{table.id}: {error}") from None
    return table.retention.name


def _check(table: Table, schema: Iterable[Mapping[str, Any]]) -> None:
    by_name = {column["name"]: column for column in schema}
    for name in (table.partition_field, table.latest_first, *table.cluster_fields, *table.identity):
        if name not in by_name:
            raise ContractError(f"{table.id}: no column {name!r}")
        if by_name[name]["mode"] == "REPEATED":
            raise ContractError(f"{table.id}: column {name!r} repeats")
    partition = by_name[table.partition_field]
    if (partition["type"], partition["mode"]) != ("TIMESTAMP", "REQUIRED"):
        raise ContractError(f"{table.id}: the partition field is a required TIMESTAMP")
    if len(table.cluster_fields) > CLUSTER_FIELDS_MAX:
        raise ContractError(f"{table.id}: at most {CLUSTER_FIELDS_MAX} cluster fields")
    if table.partition_field not in table.identity:
        raise ContractError(f"{table.id}: the partition field belongs to the identity")
