"""Check which changes to something published are refused, one row a change."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas.base import Classification
from schemas.bigquery import render_table
from schemas.compatibility import _RESTRICTION, breaks, event_breaks, table_breaks
from schemas.jsonschema import render_event
from schemas.registry import EVENTS
from schemas.render import documents
from schemas.tables import TABLES

Change = Callable[[dict[str, Any]], object]

EVENT = render_event("interaction.failed", 1, EVENTS["interaction.failed", 1])
TABLE = render_table(TABLES["audit.interactions_v1"])


def prop(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return schema["properties"][name]


def finding(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return schema["$defs"]["Finding"]["properties"][name]


def optional(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return prop(schema, name)["anyOf"][0]


def column(table: dict[str, Any], name: str) -> dict[str, Any]:
    return next(c for c in table["schema"] if c["name"] == name)


def new_column(mode: str) -> dict[str, Any]:
    return {
        "name": "later",
        "type": "STRING",
        "mode": mode,
        "description": "came later",
        "classification": "public",
    }


NEW_FIELD = {"description": "came later", "classification": "public", "type": "string"}

EVENT_REFUSED: dict[str, tuple[Change, str]] = {
    "field removed": (
        lambda s: s["properties"].pop("language"),
        "field language was removed or renamed",
    ),
    "field renamed": (
        lambda s: s["properties"].update(code_language=s["properties"].pop("language")),
        "field language was removed or renamed",
    ),
    "nested field removed": (
        lambda s: s["$defs"]["Finding"]["properties"].pop("tier"),
        "field findings[].tier was removed or renamed",
    ),
    "type changed": (
        lambda s: prop(s, "prompt_bytes").update(type="string"),
        "field prompt_bytes changed its type from integer to string",
    ),
    "type of an optional field changed": (
        lambda s: optional(s, "model").update(type="integer"),
        "field model changed its type from string to integer",
    ),
    "type of items changed": (
        lambda s: prop(s, "file_paths")["items"].update(type="object"),
        "field file_paths[] changed its type from string to object",
    ),
    "required field added": (
        lambda s: (s["properties"].update(later=NEW_FIELD), s["required"].append("later")),
        "required field later was added",
    ),
    "nested required field added": (
        lambda s: (
            s["$defs"]["Client"]["properties"].update(later=NEW_FIELD),
            s["$defs"]["Client"]["required"].append("later"),
        ),
        "required field client.later was added",
    ),
    "optional field made required": (
        lambda s: s["required"].append("model"),
        "field model became required",
    ),
    "null refused": (
        lambda s: s["properties"].update(
            model={**prop(s, "model"), "anyOf": prop(s, "model")["anyOf"][:1]}
        ),
        "field model no longer takes null",
    ),
    "enum value removed": (
        lambda s: prop(s, "effect")["enum"].remove("review"),
        'field effect no longer takes "review"',
    ),
    "enum introduced": (
        lambda s: prop(s, "method").update(enum=["GET", "POST"]),
        "field method no longer takes other values",
    ),
    "constant changed": (
        lambda s: prop(s, "event_version").update(const=2),
        "field event_version no longer takes 1",
    ),
    "pattern changed": (
        lambda s: prop(s, "event_id").update(pattern="^[0-9a-f]{32}$"),
        "field event_id has another pattern",
    ),
    "pattern introduced": (
        lambda s: prop(s, "rule_id").update(pattern="^[a-z]+$"),
        "field rule_id has another pattern",
    ),
    "max_length tightened": (
        lambda s: prop(s, "path").update(maxLength=1024),
        "field path has the narrower maxLength 1024",
    ),
    "max_length tightened in an optional field": (
        lambda s: optional(s, "model").update(maxLength=8),
        "field model has the narrower maxLength 8",
    ),
    "min_length introduced": (
        lambda s: prop(s, "operation").update(minLength=1),
        "field operation has the narrower minLength 1",
    ),
    "minimum raised": (
        lambda s: finding(s, "start_offset").update(minimum=1),
        "field findings[].start_offset has the narrower minimum 1",
    ),
    "maximum lowered": (
        lambda s: prop(s, "http_status").update(maximum=499),
        "field http_status has the narrower maximum 499",
    ),
    "class loosened": (
        lambda s: finding(s, "fingerprint").update(classification="public"),
        (
            "field findings[].fingerprint changed its class from secret_evidence to public,"
            " which other people may read"
        ),
    ),
    "class exchanged for its equal": (
        lambda s: s["$defs"]["Principal"]["properties"]["email"].update(classification="network"),
        (
            "field principal.email changed its class from identity to network,"
            " which other people may read"
        ),
    ),
    "class removed": (
        lambda s: s["$defs"]["Principal"]["properties"]["email"].pop("classification"),
        "field principal.email lost its class identity",
    ),
}

EVENT_TAKEN: dict[str, Change] = {
    "nothing": lambda s: s,
    "optional field added": lambda s: s["properties"].update(later=NEW_FIELD),
    "nested optional field added": lambda s: s["$defs"]["Client"]["properties"].update(
        later=NEW_FIELD
    ),
    "required field made optional": lambda s: s["required"].remove("http_status"),
    "null taken": lambda s: s["properties"].update(
        method={"classification": "public", "anyOf": [prop(s, "method"), {"type": "null"}]}
    ),
    "enum value added": lambda s: prop(s, "effect")["enum"].append("delay"),
    "enum dropped": lambda s: prop(s, "effect").pop("enum"),
    "pattern dropped": lambda s: prop(s, "event_id").pop("pattern"),
    "max_length raised": lambda s: prop(s, "path").update(maxLength=8192),
    "maximum dropped": lambda s: prop(s, "http_status").pop("maximum"),
    "class tightened": lambda s: prop(s, "path").update(classification="network"),
    "description reworded": lambda s: prop(s, "path").update(description="the path"),
    "definition renamed": lambda s: (
        s["$defs"].update(Program=s["$defs"].pop("Client")),
        prop(s, "client").update({"$ref": "#/$defs/Program"}),
    ),
}

OUT = "publish it as a new version of the table, beside this one"

TABLE_REFUSED: dict[str, tuple[Change, str]] = {
    "column removed": (
        lambda t: t["schema"].remove(column(t, "language")),
        f"column language was removed or renamed; {OUT}",
    ),
    "column renamed": (
        lambda t: column(t, "language").update(name="lang"),
        f"column language was removed or renamed; {OUT}",
    ),
    "nested column removed": (
        lambda t: column(t, "tool_calls")["fields"].pop(0),
        f"column tool_calls.call_id was removed or renamed; {OUT}",
    ),
    "required column added": (
        lambda t: t["schema"].append(new_column("REQUIRED")),
        "REQUIRED column later was added; make it NULLABLE",
    ),
    "nested required column added": (
        lambda t: column(t, "tool_calls")["fields"].append(new_column("REQUIRED")),
        "REQUIRED column tool_calls.later was added; make it NULLABLE",
    ),
    "column added in the middle": (
        lambda t: t["schema"].insert(3, new_column("NULLABLE")),
        "the columns changed their order; leave the published ones first, in their order",
    ),
    "columns reordered": (
        lambda t: t["schema"].reverse(),
        "the columns changed their order; leave the published ones first, in their order",
    ),
    "nested columns reordered": (
        lambda t: column(t, "tool_calls")["fields"].reverse(),
        (
            "the columns of tool_calls changed their order;"
            " leave the published ones first, in their order"
        ),
    ),
    "nullable made required": (
        lambda t: column(t, "model").update(mode="REQUIRED"),
        f"column model changed its mode from NULLABLE to REQUIRED; {OUT}",
    ),
    "repeated made nullable": (
        lambda t: column(t, "file_paths").update(mode="NULLABLE"),
        f"column file_paths changed its mode from REPEATED to NULLABLE; {OUT}",
    ),
    "nullable made repeated": (
        lambda t: column(t, "model").update(mode="REPEATED"),
        f"column model changed its mode from NULLABLE to REPEATED; {OUT}",
    ),
    "type changed": (
        lambda t: column(t, "sequence").update(type="STRING"),
        f"column sequence changed its type from INTEGER to STRING; {OUT}",
    ),
    "type narrowed": (
        lambda t: column(t, "duration_seconds").update(type="INTEGER"),
        f"column duration_seconds changed its type from FLOAT to INTEGER; {OUT}",
    ),
    "partition column's type changed": (
        lambda t: column(t, "requested_at").update(type="DATE"),
        f"column requested_at changed its type from TIMESTAMP to DATE; {OUT}",
    ),
    "partition field changed": (
        lambda t: t["time_partitioning"].update(field="occurred_at"),
        f"the partition field changed from requested_at to occurred_at; {OUT}",
    ),
    "partition type changed": (
        lambda t: t["time_partitioning"].update(type="MONTH"),
        f"the partition type changed from DAY to MONTH; {OUT}",
    ),
    "retention shortened": (
        lambda t: t.update(retention_days=30),
        (
            "retention was shortened from 1096 to 30 days, which deletes rows;"
            " keep 1096, and erase single subjects instead"
        ),
    ),
    "class loosened": (
        lambda t: column(t, "principal_email").update(classification="public"),
        (
            "column principal_email changed its class from identity to public,"
            f" which other people may read; {OUT}"
        ),
    ),
    "class removed": (
        lambda t: column(t, "principal_email").pop("classification"),
        f"column principal_email lost its class identity; {OUT}",
    ),
}

TABLE_TAKEN: dict[str, Change] = {
    "nothing": lambda t: t,
    "nullable column added": lambda t: t["schema"].append(new_column("NULLABLE")),
    "repeated column added": lambda t: t["schema"].append(new_column("REPEATED")),
    "nested nullable column added": lambda t: column(t, "tool_calls")["fields"].append(
        new_column("NULLABLE")
    ),
    "record added with a required column": lambda t: t["schema"].append(
        {**new_column("NULLABLE"), "type": "RECORD", "fields": [new_column("REQUIRED")]}
    ),
    "required made nullable": lambda t: column(t, "method").update(mode="NULLABLE"),
    "integer widened to numeric": lambda t: column(t, "sequence").update(type="NUMERIC"),
    "integer widened to float": lambda t: column(t, "sequence").update(type="FLOAT"),
    "clustering changed": lambda t: t.update(clustering=["session_id"]),
    "retention prolonged": lambda t: t.update(retention_days=4000),
    "class tightened": lambda t: column(t, "repository").update(classification="identity"),
    "description reworded": lambda t: column(t, "path").update(description="the path"),
}


def changed(document: dict[str, Any], change: Change) -> dict[str, Any]:
    result = copy.deepcopy(document)
    change(result)
    return result


@pytest.mark.parametrize(("change", "sentence"), EVENT_REFUSED.values(), ids=EVENT_REFUSED)
def test_change_that_breaks_an_event_is_refused(change: Change, sentence: str) -> None:
    assert list(event_breaks(EVENT, changed(EVENT, change))) == [sentence]


@pytest.mark.parametrize("change", EVENT_TAKEN.values(), ids=EVENT_TAKEN)
def test_change_that_widens_an_event_is_taken(change: Change) -> None:
    assert list(event_breaks(EVENT, changed(EVENT, change))) == []


@pytest.mark.parametrize(("change", "sentence"), TABLE_REFUSED.values(), ids=TABLE_REFUSED)
def test_change_that_bigquery_cannot_make_is_refused(change: Change, sentence: str) -> None:
    assert list(table_breaks(TABLE, changed(TABLE, change))) == [sentence]


@pytest.mark.parametrize("change", TABLE_TAKEN.values(), ids=TABLE_TAKEN)
def test_change_that_bigquery_makes_in_place_is_taken(change: Change) -> None:
    assert list(table_breaks(TABLE, changed(TABLE, change))) == []


def test_each_finding_names_the_event_the_field_and_the_way_out() -> None:
    path = "events/interaction.failed.1.schema.json"
    narrower = json.dumps(changed(EVENT, lambda s: prop(s, "path").update(maxLength=9)))

    assert breaks(documents(), {**documents(), path: narrower}) == [
        (
            "interaction.failed.1: field path has the narrower maxLength 9;"
            " publish it as a new version of the event, beside this one."
        )
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("events/writer.opened.1.schema.json", "writer.opened.1"),
        ("tables/audit.events_v1.json", "audit.events_v1"),
        ("views/audit.sessions.sql", "audit.sessions"),
    ],
)
def test_removed_event_table_or_view_is_refused(path: str, name: str) -> None:
    new = {kept: text for kept, text in documents().items() if kept != path}

    assert breaks(documents(), new) == [
        f"{name} was removed: what is published stays, {path} must exist."
    ]


def test_new_event_table_and_view_are_taken() -> None:
    assert breaks({}, documents()) == []


def test_changed_query_of_a_view_is_taken() -> None:
    assert breaks(documents(), {**documents(), "views/audit.events.sql": "SELECT 1\n"}) == []


def test_every_class_has_its_place_among_the_restrictions() -> None:
    assert set(_RESTRICTION) == set(Classification)
