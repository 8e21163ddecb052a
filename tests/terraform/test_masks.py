"""BigQuery takes a mask only on columns of a type that its rule knows, and on none that arranges.

Source: BigQuery, "Introduction to data masking": the rules, and "Query masked columns in
partitioned tables".
"""

import copy
from collections.abc import Iterator
from typing import Any

from guarding import access, tables

# ALWAYS_NULL and DEFAULT_MASKING_VALUE take every type.
TYPES = {"SHA256": {"STRING", "BYTES"}, "EMAIL_MASK": {"STRING"}}


def refused(contract: dict[str, dict[str, Any]]) -> Iterator[str]:
    """List the columns that a masked reader's query would fail on."""
    rules = {
        mask["policy_tag"]: mask["predefined_expression"]
        for mask in access()["data_policies"].values()
    }
    for name, table in contract.items():
        arranges = {table["time_partitioning"]["field"], *table["clustering"]}
        for column in table["schema"]:
            rule = rules.get(column["classification"])
            if rule and column["name"] in arranges:
                yield f"{name}.{column['name']}: it partitions or clusters"
            if column["type"] not in TYPES.get(rule or "", {column["type"]}):
                yield f"{name}.{column['name']}: {rule} of {column['type']}"


def test_every_masked_column_can_be_masked():
    assert list(refused(tables())) == []


def test_a_masked_column_that_clusters_is_found():
    contract = copy.deepcopy(tables())
    contract["audit.interactions_v1"]["clustering"] = ["tenant_id", "principal_email"]

    assert list(refused(contract)) == [
        "audit.interactions_v1.principal_email: it partitions or clusters"
    ]


def test_a_mask_that_does_not_know_the_type_is_found():
    contract = copy.deepcopy(tables())
    columns = contract["audit.interactions_v1"]["schema"]
    next(each for each in columns if each["name"] == "client_country")["type"] = "INTEGER"

    assert list(refused(contract)) == ["audit.interactions_v1.client_country: SHA256 of INTEGER"]
