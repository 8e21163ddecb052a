"""Render the form of every published message as a Protocol Buffers definition. Pure.

Pub/Sub takes it as a topic's schema, in JSON encoding. It has one message with one ``record`` that
holds the fields of all events, because Pub/Sub takes one type and no imports. So it checks names
and types, not which event has which field: the pipeline does that.

Source: Pub/Sub, "Create a schema for a topic"; Protocol Buffers, "ProtoJSON Format".
"""

import hashlib
import textwrap
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from schemas.base import ContractError, Record, described
from schemas.bigquery import unwrap
from schemas.message import Content, ContentKey, Overflow
from schemas.registry import EVENTS

_SCALARS: Final[Mapping[type, str]] = MappingProxyType(
    {str: "string", datetime: "string", int: "int64", float: "double", bool: "bool"}
)

# Field numbers are told from names, so that no revision ever moves one; Pub/Sub refuses a
# revision that does. Protocol Buffers keep 19000 to 19999 and all above 2**29 - 1 for themselves.
_FIRST_NUMBER: Final = 20_000
_LAST_NUMBER: Final = 2**29 - 1

_HEADER: Final = """\
// Form of every message on the topic of events; rendered by `python -m schemas render`.
// JSON names stand here as they are on the wire.
syntax = "proto3";
"""


def render_messages() -> str:
    """Return the definition of the topic's messages.

    Raises:
        ContractError: two events disagree on a field's type, or two fields on a number.
    """
    nested: dict[str, str] = {}
    record = _merged("Record", EVENTS.values(), nested)
    contents = _merged("Content", (Content,), nested)
    overflow = _merged("Overflow", (Overflow,), nested)
    key = _merged("Key", (ContentKey,), nested)
    members = (
        ("Record record", "record", "an event"),
        ("string record_hash", "record_hash", "SHA-256 of the record's exact bytes"),
        ("repeated Content contents", "contents", "its texts"),
        ("Overflow overflow", "overflow", "texts that did not fit beside their event"),
        ("Key key", "key", "a wrapped content key"),
    )
    lines = [f"{what} = {_number(name)}; // {why}" for what, name, why in members]
    blocks = (*nested.values(), record, contents, overflow, key)
    return f"{_HEADER}\nmessage Message {{\n{_indented((*lines, *blocks))}\n}}\n"


def _merged(name: str, records: Iterable[type[Record]], nested: dict[str, str]) -> str:
    """Return one message with the fields of several records; add what they hold to ``nested``."""
    fields: dict[str, tuple[str, str]] = {}
    for record in records:
        for field, info in record.model_fields.items():
            element, _, repeated = unwrap(info.annotation)
            kind = ("repeated " if repeated else "") + _kind(element, nested)
            before, _ = fields.setdefault(field, (kind, described(info)[0]))
            if before != kind:
                raise ContractError(f"{name}.{field} is {before} and {kind}")
    numbers = {_number(field): field for field in fields}
    if len(numbers) != len(fields):
        raise ContractError(f"two fields of {name} have one number; rename the newer")
    lines = (
        f"{kind} {field} = {_number(field)}; // {why}" for field, (kind, why) in fields.items()
    )
    return f"message {name} {{\n{_indented(lines)}\n}}"


def _kind(element: object, nested: dict[str, str]) -> str:
    if isinstance(element, type) and issubclass(element, Record):
        rendered = _merged(element.__name__, (element,), nested)
        if nested.setdefault(element.__name__, rendered) != rendered:
            raise ContractError(f"two records are called {element.__name__}")
        return element.__name__
    for scalar, kind in _SCALARS.items():
        if element is scalar:
            return kind
    raise ContractError(f"no Protocol Buffers type for {element}")


def _indented(lines: Iterable[str]) -> str:
    return textwrap.indent("\n".join(lines), "  ")


def _number(field: str) -> int:
    digest = int.from_bytes(hashlib.sha256(field.encode()).digest()[:8])
    return _FIRST_NUMBER + digest % (_LAST_NUMBER - _FIRST_NUMBER)
