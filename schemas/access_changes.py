"""Refuse what shows more to somebody than was published, unless it is said with its reason. Pure.

Compares two renderings of ``generated/access.json``. A role may lose rights, a mask may hide more,
a table, class or column may be new; anything the other way is one sentence, which stands in
``WIDENED`` of ``schemas.access_matrix`` (so in the document, and on docs/access.md) or is refused.
The class of each column is compared with its table, in ``schemas.compatibility``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Document = Mapping[str, Any]

_WAY_OUT: Final = "take it back, or say why in WIDENED of schemas/access_matrix.py"

# What a masked reader can still do: 0 nothing, 1 tell values apart, 2 read a part of one.
# Source: BigQuery, "Introduction to data masking", masking rules.
_SHOWN: Final[Mapping[str, int]] = {"ALWAYS_NULL": 0, "DEFAULT_MASKING_VALUE": 0, "SHA256": 1}
_SHOWS_A_PART: Final = 2


def access_breaks(old: Document, new: Document) -> Iterator[str]:
    """Yield what somebody may read or do that they could not, or what no longer protects."""
    said = new.get("widened", {})
    for sentence in (*_lost(old, new), *_gained(old, new)):
        if sentence not in said:
            yield f"{sentence}; {_WAY_OUT}"


def _lost(old: Document, new: Document) -> Iterator[str]:
    was, now = old["taxonomy"], new["taxonomy"]
    for policy_type in was["activated_policy_types"]:
        if policy_type not in now["activated_policy_types"]:
            yield f"the taxonomy no longer enforces {policy_type}"
    for tag in was["policy_tags"]:
        if tag not in now["policy_tags"]:
            yield f"class {tag} lost its policy tag"
    guarded = _filters(new)
    for table in _filters(old):
        if table not in guarded:
            yield f"{table} lost its row policies, so everyone with the dataset sees each row"


def _gained(old: Document, new: Document) -> Iterator[str]:
    for name, role in new["roles"].items():
        was = old["roles"].get(name)
        if was is None:
            yield f"role {name} was added"
            continue
        if role["member"] != was["member"]:
            yield f"role {name} is a {role['member']}, no longer a {was['member']}"
        yield from _roles_gained(name, was, role, frozenset(old["column_tags"]))
        yield from _classes_gained(name, old, new)
        yield from _rows_gained(name, old, new)
    for name, permissions in new["custom_roles"].items():
        for permission in permissions:
            if permission not in old["custom_roles"].get(name, permissions):
                yield f"custom role {name} gained {permission}"
    for view in new["authorized_views"]:
        if view not in old["authorized_views"]:
            yield f"{view['view']} may read {view['source_dataset']} for whoever reads it"


def _roles_gained(name: str, old: Document, new: Document, tables: frozenset[str]) -> Iterator[str]:
    for where, granted in (("the project", "project_roles"), ("the key of contents", "kms_roles")):
        for each in new[granted]:
            if each not in old[granted]:
                yield f"role {name} gained {each} on {where}"
    for kind in ("dataset_roles", "table_roles"):
        for where, each in new[kind].items():
            published = kind == "dataset_roles" or _version_of(where) & tables
            if published and old[kind].get(where) != each:
                yield f"role {name} gained {each} on {where}"


def _version_of(name: str) -> frozenset[str]:
    """Return what a table or view may be called as a table."""
    return frozenset({name, f"{name}_v1"})


def _classes_gained(name: str, old: Document, new: Document) -> Iterator[str]:
    for tag in old["taxonomy"]["policy_tags"]:
        if name in old["fine_grained_readers"].get(tag, ()):
            continue
        if name in new["fine_grained_readers"].get(tag, ()):
            yield f"role {name} reads class {tag} in clear"
            continue
        was, now = _mask(name, tag, old), _mask(name, tag, new)
        if now is not None and (was is None or _shown(now) > _shown(was)):
            yield f"role {name} reads class {tag} masked by {now}"


def _mask(name: str, tag: str, document: Document) -> str | None:
    for policy in document["data_policies"].values():
        if policy["policy_tag"] == tag and name in policy["masked_readers"]:
            return str(policy["predefined_expression"])
    return None


def _shown(expression: str) -> int:
    return _SHOWN.get(expression, _SHOWS_A_PART)


def _rows_gained(name: str, old: Document, new: Document) -> Iterator[str]:
    before = _filters(old)
    for table, filters in _filters(new).items():
        was = before.get(table, {}).get(name, frozenset())
        if table not in before or "TRUE" in was:
            continue
        for predicate in sorted(filters.get(name, frozenset()) - was):
            yield f"role {name} sees rows of {table} where {predicate}"


def _filters(document: Document) -> dict[str, dict[str, frozenset[str]]]:
    """Return table -> role -> predicates under which the role sees a row."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for policy in document["row_policies"]:
        for table in policy["tables"]:
            for role in policy["roles"]:
                seen = found.setdefault(table, {})
                predicates = seen.get(role, frozenset())
                seen[role] = predicates | {policy["filter_predicate"]}
    return found
