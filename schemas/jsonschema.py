"""Render each event as a JSON Schema for whoever does not speak Python. Pure.

The dialect is draft 2020-12. Beside the standard's words every property carries
``classification``, which a validator ignores and a reader needs. What JSON Schema cannot say
stays with the records: that 1.0 is no integer, and that a record's bytes fit their hash.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from schemas.base import ContractError, Record, described
from schemas.bigquery import unwrap
from schemas.envelope import Envelope

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

# What `described` says of a field, and pydantic repeats inside the union of `X | None`.
_MOVED: Final = ("description", "classification", "title")


def render_event(event_type: str, event_version: int, record: type[Envelope]) -> dict[str, Any]:
    """Return an event's JSON Schema; each property has a description and a classification.

    Raises:
        ContractError: two nested records share a name.
    """
    rendered = record.model_json_schema(schema_generator=GenerateJsonSchema, mode="validation")
    definitions = rendered.pop("$defs", {})
    nested = _nested(record)
    if definitions.keys() != nested.keys():
        raise ContractError(f"{event_type}: nested records are not found by their names")
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "$id": f"urn:tailnumber:event:{event_type}:{event_version}",
        "title": f"{event_type} version {event_version}",
        **_object(rendered, record),
    }
    if nested:
        schema["$defs"] = {n: _object(definitions[n], nested[n]) for n in sorted(nested)}
    return schema


def _nested(record: type[Record]) -> dict[str, type[Record]]:
    found: dict[str, type[Record]] = {}
    for info in record.model_fields.values():
        element, _, _ = unwrap(info.annotation)
        if isinstance(element, type) and issubclass(element, Record):
            found |= {element.__name__: element, **_nested(element)}
    return found


def _object(rendered: Mapping[str, Any], record: type[Record]) -> dict[str, Any]:
    properties = {}
    for name, info in record.model_fields.items():
        description, classification = described(info)
        properties[name] = {
            "description": description,
            "classification": classification.value,
            **_bare(rendered["properties"][name]),
        }
    return {
        "description": " ".join(str(record.__doc__).split()),
        "type": "object",
        "additionalProperties": False,
        "required": [n for n, info in record.model_fields.items() if info.is_required()],
        "properties": properties,
    }


def _bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    bare = {name: value for name, value in schema.items() if name not in _MOVED}
    if "anyOf" in bare:
        bare["anyOf"] = [_bare(choice) for choice in bare["anyOf"]]
    return bare
