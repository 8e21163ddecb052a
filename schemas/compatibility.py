"""Refuse a change that breaks what was published: events for their readers, tables for BigQuery.

Compares rendered documents, old with new, so it needs none of the old code. An event's version
may widen and gain optional fields; all else is a new version beside the old one. A table may
change as far as BigQuery alters one in place, if it keeps its rows as long and guards each column
as well as before. ``schemas.access_changes`` compares who may read what. Pure;
``schemas.published`` fetches the old documents.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from schemas.access_changes import access_breaks

Document = Mapping[str, Any]

_EVENT_WAY_OUT: Final = "publish it as a new version of the event, beside this one"
_TABLE_WAY_OUT: Final = "publish it as a new version of the table, beside this one"

# Who may read: a higher number fewer people. Classes of one number have different readers, so
# a change from one to the other shows the old rows to someone new.
_RESTRICTION: Final[Mapping[str, int]] = {
    "public": 0,
    "network": 1,
    "identity": 1,
    "secret_evidence": 2,
    "content": 3,
    "key": 4,
}

# Source: BigQuery, "ALTER COLUMN SET DATA TYPE statement".
_TYPE_WIDENS_TO: Final[Mapping[str, tuple[str, ...]]] = {
    "INTEGER": ("NUMERIC", "BIGNUMERIC", "FLOAT"),
    "NUMERIC": ("BIGNUMERIC", "FLOAT"),
}

# Words of JSON Schema that bound a value from above and from below.
_UPPER: Final = ("maxLength", "maximum", "maxItems")
_LOWER: Final = ("minLength", "minimum", "minItems")


def breaks(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Return one sentence for each change from ``old`` to ``new`` that is refused.

    Both map a path under ``generated`` to the file's text. A file that only ``new`` has is a new
    event, table or view, and fine.

    Raises:
        ValueError: an old document is not what some version of this package rendered.
    """
    sentences = []
    for path in sorted(old):
        kind, name = path.split("/", 1)[0], PurePosixPath(path).name
        if path not in new:
            what = name.removesuffix(".schema.json").removesuffix(".json").removesuffix(".sql")
            sentences.append(f"{what} was removed: what is published stays, {path} must exist.")
        elif kind == "events":
            was, now = json.loads(old[path]), json.loads(new[path])
            sentences += (
                f"{name.removesuffix('.schema.json')}: {finding}; {_EVENT_WAY_OUT}."
                for finding in event_breaks(was, now)
            )
        elif kind == "tables":
            was, now = json.loads(old[path]), json.loads(new[path])
            sentences += (f"{name.removesuffix('.json')}: {f}." for f in table_breaks(was, now))
        elif name == "access.json":
            was, now = json.loads(old[path]), json.loads(new[path])
            sentences += (f"access: {finding}." for finding in access_breaks(was, now))
        elif name == "retention.json":
            was, now = json.loads(old[path]), json.loads(new[path])
            sentences += (f"retention: {finding}." for finding in _floor_breaks(was, now))
    return sentences


def event_breaks(old: Document, new: Document) -> Iterator[str]:
    """Yield what of an event's JSON Schema breaks the readers and writers of its version."""
    yield from _object_breaks("", old, new, old.get("$defs", {}), new.get("$defs", {}))


def table_breaks(old: Document, new: Document) -> Iterator[str]:
    """Yield what of a table BigQuery cannot alter, or what loses rows or shows them to more."""
    yield from _column_breaks("", old["schema"], new["schema"])
    for word in ("field", "type"):
        was, now = old["time_partitioning"][word], new["time_partitioning"][word]
        if was != now:
            yield f"the partition {word} changed from {was} to {now}; {_TABLE_WAY_OUT}"
    was, now = old["retention_days"], new["retention_days"]
    if now < was:
        yield (
            f"retention was shortened from {was} to {now} days, which deletes rows;"
            f" keep {was}, and erase single subjects instead"
        )


def _floor_breaks(old: Document, new: Document) -> Iterator[str]:
    for name, was in old.items():
        floor = new.get(name, {}).get("floor_days", 0)
        if floor < was["floor_days"]:
            yield (
                f"the floor of class {name} sank from {was['floor_days']} to {floor} days;"
                f" keep {was['floor_days']}: environments may have relied on it"
            )


def _object_breaks(
    where: str, old: Document, new: Document, old_defs: Document, new_defs: Document
) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, was in before.items():
        path = f"{where}{name}"
        if name not in after:
            yield f"field {path} was removed or renamed"
            continue
        now = after[name]
        if name in new.get("required", ()) and name not in old.get("required", ()):
            yield f"field {path} became required"
        yield from _class_breaks(f"field {path}", was, now)
        yield from _value_breaks(path, was, now, old_defs, new_defs)
    for name in after:
        if name not in before and name in new.get("required", ()):
            yield f"required field {where}{name} was added"


def _value_breaks(
    path: str, old: Document, new: Document, old_defs: Document, new_defs: Document
) -> Iterator[str]:
    (was, was_nullable), (now, now_nullable) = _resolve(old, old_defs), _resolve(new, new_defs)
    if was_nullable and not now_nullable:
        yield f"field {path} no longer takes null"
    if was.get("type") != now.get("type"):
        yield f"field {path} changed its type from {was.get('type')} to {now.get('type')}"
        return
    yield from _narrowings(path, was, now)
    if was.get("type") == "object":
        yield from _object_breaks(f"{path}.", was, now, old_defs, new_defs)
    if was.get("type") == "array":
        items = was.get("items", {}), now.get("items", {})
        yield from _value_breaks(f"{path}[]", *items, old_defs, new_defs)


def _resolve(schema: Document, definitions: Document) -> tuple[Document, bool]:
    """Return a property's schema without null and reference, and whether it takes null."""
    if "anyOf" in schema:
        choices = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]
        if len(choices) != 1:
            raise ValueError("a field has one type and may be null")
        inner, _ = _resolve(choices[0], definitions)
        return inner, len(choices) < len(schema["anyOf"])
    if "$ref" in schema:
        return definitions[schema["$ref"].rsplit("/", 1)[1]], False
    return schema, False


def _narrowings(path: str, old: Document, new: Document) -> Iterator[str]:
    was, now = _values(old), _values(new)
    if now is not None and (was is None or not was <= now):
        gone = "other values" if was is None else ", ".join(sorted(was - now))
        yield f"field {path} no longer takes {gone}"
    for word in ("pattern", "format"):
        if word in new and new[word] != old.get(word):
            yield f"field {path} has another {word}"
    for word in (*_UPPER, *_LOWER):
        bound = new.get(word)
        if bound is None:
            continue
        before = old.get(word)
        if before is None or (bound < before if word in _UPPER else bound > before):
            yield f"field {path} has the narrower {word} {bound}"


def _values(schema: Document) -> frozenset[str] | None:
    if "const" in schema:
        return frozenset({json.dumps(schema["const"])})
    if "enum" in schema:
        return frozenset(json.dumps(value) for value in schema["enum"])
    return None


def _class_breaks(what: str, old: Document, new: Document) -> Iterator[str]:
    was, now = old.get("classification"), new.get("classification")
    if was is None or was == now:
        return
    if now is None:
        yield f"{what} lost its class {was}"
    elif _RESTRICTION[now] <= _RESTRICTION[was]:
        yield f"{what} changed its class from {was} to {now}, which other people may read"


def _column_breaks(where: str, old: list[Document], new: list[Document]) -> Iterator[str]:
    before = {column["name"]: column for column in old}
    after = {column["name"]: column for column in new}
    for name, was in before.items():
        path = f"{where}{name}"
        if name not in after:
            yield f"column {path} was removed or renamed; {_TABLE_WAY_OUT}"
            continue
        yield from (f"{x}; {_TABLE_WAY_OUT}" for x in _one_column(path, was, after[name]))
        if was["type"] == after[name]["type"] == "RECORD":
            yield from _column_breaks(f"{path}.", was["fields"], after[name]["fields"])
    # Source: BigQuery, "Modifying table schemas", "Add a column": never REQUIRED, always last.
    for name, now in after.items():
        if name not in before and now["mode"] == "REQUIRED":
            yield f"REQUIRED column {where}{name} was added; make it NULLABLE"
    kept = [name for name in before if name in after]
    if len(kept) == len(before) and list(after)[: len(kept)] != kept:
        yield (
            f"the columns {f'of {where[:-1]} ' if where else ''}changed their order;"
            " leave the published ones first, in their order"
        )


def _one_column(path: str, old: Document, new: Document) -> Iterator[str]:
    if old["type"] != new["type"] and new["type"] not in _TYPE_WIDENS_TO.get(old["type"], ()):
        yield f"column {path} changed its type from {old['type']} to {new['type']}"
    if (old["mode"], new["mode"]) not in {(old["mode"], old["mode"]), ("REQUIRED", "NULLABLE")}:
        yield f"column {path} changed its mode from {old['mode']} to {new['mode']}"
    yield from _class_breaks(f"column {path}", old, new)
