"""Explain an event or a table to a person: field, type, class, description. Pure."""

import difflib
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from schemas.base import ContractError, Record, described
from schemas.bigquery import render_table, unwrap
from schemas.procedures import procedures
from schemas.registry import EVENTS
from schemas.tables import TABLES, Table
from schemas.views import functions, views

_WORDS: Final = {"str": "string", "int": "integer", "bool": "boolean", "datetime": "time"}
_GAP: Final = "  "


class UnknownNameError(ContractError):
    """Nothing in the contract has this name; the message offers those that are near."""


def names() -> list[str]:
    """Return the names that ``explain`` knows: events with version and what is of BigQuery."""
    events = [f"{event_type}@{version}" for event_type, version in EVENTS]
    return [*events, *TABLES, *views(), *functions(), *procedures()]


def explain(name: str) -> str:
    """Return a plain-text page on an event, table, view or function, with a newline at its end.

    An event without ``@VERSION`` is its newest version.

    Raises:
        UnknownNameError: no such name.
    """
    event_type, _, version = name.partition("@")
    versions = [v for t, v in EVENTS if t == event_type and version in ("", str(v))]
    if versions:
        return _event(event_type, max(versions))
    for table in TABLES.values():
        if name in (table.id, table.view_id):
            return _table(table)
    if name in functions():
        called = functions()[name]
        given = ", ".join(f"{n} {kind}" for n, kind in called.parameters.items())
        return f"{name}({given}): {called.description}\n\n{called.query}"
    if name in procedures():
        return procedures()[name].statement
    if name in views():
        return views()[name]
    near = difflib.get_close_matches(name, names(), n=3, cutoff=0.4)
    hint = (
        f"; did you mean {' or '.join(near)}?" if near else "; leave the name out to list them all"
    )
    raise UnknownNameError(f"nothing is called {name!r}{hint}")


def _event(event_type: str, version: int) -> str:
    record = EVENTS[event_type, version]
    head = [f"{event_type}@{version}: {_first_line(record)}", ""]
    rows = [("FIELD", "TYPE", "CLASS", "DESCRIPTION"), *_fields("", record)]
    return "\n".join([*head, *_aligned(rows)]) + "\n"


def _fields(prefix: str, record: type[Record]) -> Iterator[tuple[str, ...]]:
    for name, info in record.model_fields.items():
        description, classification = described(info)
        element, _, repeated = unwrap(info.annotation)
        nested = isinstance(element, type) and issubclass(element, Record)
        word = _word(info.annotation) + ("[]" if repeated else "")
        optional = "" if info.is_required() else "?"
        yield f"{prefix}{name}", word + optional, classification.value, description
        if nested:
            yield from _fields(f"{prefix}{name}{'[]' if repeated else ''}.", element)


def _word(annotation: Any) -> str:
    """Return a type in a reader's words; a literal by its values."""
    for member in (annotation, *get_args(annotation)):
        inner = get_args(member)[0] if get_origin(member) is Annotated else member
        if get_origin(inner) is Literal:
            return "|".join(str(value) for value in get_args(inner))
    element, _, _ = unwrap(annotation)
    return (
        "record" if issubclass(element, Record) else _WORDS.get(element.__name__, element.__name__)
    )


def _table(table: Table) -> str:
    document = render_table(table)
    partition = f"{table.partition_field}, one per {table.partition_type.lower()}"
    head = [
        f"{table.id}: {table.description}",
        "",
        f"view       {table.view_id} shows each row once, by {', '.join(table.identity)}",
        f"partition  {partition}; every query filters on it",
        f"cluster    {', '.join(table.cluster_fields)}",
        f"retention  {table.retention_days} days",
        "",
    ]
    rows = [("COLUMN", "TYPE", "MODE", "CLASS", "DESCRIPTION"), *_columns("", document["schema"])]
    return "\n".join([*head, *_aligned(rows)]) + "\n"


def _columns(prefix: str, schema: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for column in schema:
        name = f"{prefix}{column['name']}"
        yield name, column["type"], column["mode"], column["classification"], column["description"]
        yield from _columns(f"{name}.", column.get("fields", []))


def _first_line(record: type[Record]) -> str:
    return (record.__doc__ or "").strip().splitlines()[0]


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
