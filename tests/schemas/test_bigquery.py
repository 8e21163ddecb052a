"""Check that tables are rendered as BigQuery takes them, with a class on every column."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

import pytest

from schemas.base import Classification, ContractError, Record, identity, public
from schemas.bigquery import api_schema, columns, render_table, unwrap
from schemas.tables import TABLES, Table

EVENTS = TABLES["audit.events_v1"]
TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.id)


def leaves(schema: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for column in schema:
        yield from leaves(column["fields"]) if "fields" in column else (column,)


class Inner(Record):
    name: Annotated[str, identity("a name")]


class Row(Record):
    text: Annotated[str, public("text")]
    number: Annotated[int, public("number")]
    ratio: Annotated[float, public("ratio")]
    flag: Annotated[bool, public("flag")]
    moment: Annotated[datetime, public("moment")]
    blob: Annotated[bytes, public("blob")]
    word: Annotated[Literal["a", "b"], public("word")]
    maybe: Annotated[str, public("maybe")] | None = None
    many: Annotated[tuple[str, ...], public("many")] = ()
    inner: Annotated[Inner | None, public("inner")] = None
    inners: Annotated[tuple[Inner, ...], public("inners")] = ()


def test_each_python_type_has_its_column_type_and_mode() -> None:
    assert [(c["name"], c["type"], c["mode"]) for c in columns(Row)] == [
        ("text", "STRING", "REQUIRED"),
        ("number", "INTEGER", "REQUIRED"),
        ("ratio", "FLOAT", "REQUIRED"),
        ("flag", "BOOLEAN", "REQUIRED"),
        ("moment", "TIMESTAMP", "REQUIRED"),
        ("blob", "BYTES", "REQUIRED"),
        ("word", "STRING", "REQUIRED"),
        ("maybe", "STRING", "NULLABLE"),
        ("many", "STRING", "REPEATED"),
        ("inner", "RECORD", "NULLABLE"),
        ("inners", "RECORD", "REPEATED"),
    ]


def test_nested_columns_have_their_own_class() -> None:
    assert columns(Row)[-1]["fields"] == [
        {
            "name": "name",
            "type": "STRING",
            "mode": "REQUIRED",
            "description": "a name",
            "classification": "identity",
            "policyTags": {"names": ["${policy_tags.identity}"]},
        }
    ]


def test_nested_record_with_a_class_of_its_own_is_refused() -> None:
    class Tagged(Record):
        inner: Annotated[Inner, identity("a policy tag cannot stand here")]

    with pytest.raises(ContractError, match=r"Tagged\.inner: a nested record is public"):
        columns(Tagged)


def test_type_without_a_column_type_is_refused() -> None:
    class Odd(Record):
        value: Annotated[complex, public("no such column")]

    with pytest.raises(ContractError, match=r"Odd\.value: no BigQuery type"):
        columns(Odd)


@pytest.mark.parametrize("annotation", [int | str, Literal["a", 1]])
def test_column_of_two_types_is_refused(annotation: object) -> None:
    with pytest.raises(ContractError):
        unwrap(annotation)


@TABLE
def test_every_column_has_a_description_and_a_class(table: Table) -> None:
    for column in leaves(render_table(table)["schema"]):
        assert column["description"]
        assert column["classification"] in set(Classification)


@TABLE
def test_table_demands_a_filter_and_expires_with_its_retention(table: Table) -> None:
    document = render_table(table)

    assert document["require_partition_filter"] is True
    assert document["time_partitioning"] == {
        "type": table.partition_type,
        "field": table.partition_field,
        "expiration_ms": table.retention_days * 86_400_000,
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"partition_field": "event_type"}, "required TIMESTAMP"),
        ({"partition_field": "published_at"}, "required TIMESTAMP"),
        ({"partition_field": "loaded_at"}, "belongs to the identity"),
        ({"cluster_fields": ("nothing",)}, "no column 'nothing'"),
        ({"cluster_fields": ("tenant_id",) * 5}, "at most 4 cluster fields"),
        ({"identity": ("occurred_at", "principal_groups")}, "no column 'principal_groups'"),
        ({"latest_first": "later"}, "no column 'later'"),
    ],
)
def test_table_that_bigquery_would_refuse_is_not_rendered(
    change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ContractError, match=reason):
        render_table(dataclasses.replace(EVENTS, **change))


def test_repeated_column_cannot_cluster() -> None:
    interactions = TABLES["audit.interactions_v1"]

    with pytest.raises(ContractError, match="'principal_groups' repeats"):
        render_table(dataclasses.replace(interactions, cluster_fields=("principal_groups",)))


def test_api_schema_puts_a_policy_tag_on_each_classified_leaf() -> None:
    tag = "projects/p/locations/eu/taxonomies/1/policyTags/2"

    schema = api_schema(columns(Row), {"identity": tag})

    assert schema[-1]["fields"][0]["policyTags"] == {"names": [tag]}
    assert [c["name"] for c in schema if "policyTags" in c] == []
    assert all("classification" not in c for c in [*schema, *leaves(schema)])


def test_api_schema_is_what_the_client_library_reads() -> None:
    from google.cloud.bigquery import SchemaField

    schema = api_schema(render_table(TABLES["audit.interactions_v1"])["schema"], {})

    assert [SchemaField.from_api_repr(column).to_api_repr() for column in schema] == schema
