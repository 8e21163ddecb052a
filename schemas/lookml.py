"""Render the base views of the LookML block, and its access grants, from the table models. Pure.

A view a table of ``audit``, a dimension a column, a view of its own a repeated column. Measures,
explores, dashboards and tests stand beside them in ``schemas/looker``, by hand. A column's class
becomes a grant, and so does the table: whom BigQuery would refuse, Looker does not show the field.
Who that is comes from ``schemas.access_matrix``, as terraform's grants do.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from schemas.access_matrix import MASKS, REPORTING, ROLES, Role, readable_tables, reporting_views
from schemas.base import Classification
from schemas.bigquery import columns
from schemas.tables import TABLES, Table
from schemas.views import SESSIONS_FUNCTION_ID

# Texts, keys, exact records and writers' lives are for SQL, and for few: no view of Looker's.
_SHOWN: Final = (
    "interactions",
    "findings",
    "tool_calls",
    "access_denials",
    "admin_changes",
    "legal_holds",
    "record_views",
    "dead_letters",
)

# The user attribute of Looker that holds a person's role of docs/access.md.
USER_ATTRIBUTE: Final = "tailnumber_role"

# Columns that explain nothing to a reader of dashboards; SQL finds rows again by them.
_TECHNICAL: Final = frozenset(
    {
        "event_id",
        "writer_id",
        "sequence",
        "status_rank",
        "loaded_at",
        "finding_index",
        "call_index",
        "call_id",
        "part_id",
        "arguments_part_id",
        "prompt_part_ids",
        "completion_part_ids",
        "viewed_part_ids",
        "start_offset",
        "end_offset",
        "request_id",
        "turn_id",
        "message_hash",
    }
)

_TYPES: Final[Mapping[str, str]] = {
    "STRING": "string",
    "INTEGER": "number",
    "FLOAT": "number",
    "NUMERIC": "number",
    "BOOLEAN": "yesno",
}
_TIMEFRAMES: Final = "[raw, time, date, week, month, quarter, year]"
_WORDS: Final[Mapping[str, str]] = {"id": "ID", "ids": "IDs", "http": "HTTP", "usd": "USD"}
_HEAD: Final = "# Rendered by `python -m schemas render`; change schemas/ instead.\n"


def lookml() -> Mapping[str, str]:
    """Return the text of every rendered file by its path under ``schemas/looker/views``."""
    shown = [table for table in TABLES.values() if table.name in _SHOWN]
    return {
        "access_grants.lkml": _grants(shown),
        **{f"{table.name}.view.lkml": _views(table) for table in shown},
    }


def _grants(shown: Iterable[Table]) -> str:
    """One grant a class that is masked for some, and one a table."""
    classes = [c for c in MASKS if c is not Classification.CONTENT]
    grants = {f"sees_{c.value}": [r for r in ROLES.values() if r.may(c) != "none"] for c in classes}
    for table in shown:
        grants[f"reads_{table.name}"] = [r for r in ROLES.values() if _reads(r, table)]
    sessions = SESSIONS_FUNCTION_ID.split(".")[0]
    grants["reads_sessions"] = [r for r in ROLES.values() if sessions in r.datasets]
    return _HEAD + "".join(
        _block(
            f"\naccess_grant: {name}",
            [
                f"user_attribute: {USER_ATTRIBUTE}",
                f"allowed_values: [{', '.join(_text(role.name) for role in roles)}]",
            ],
        )
        for name, roles in grants.items()
    )


def _reads(role: Role, table: Table) -> bool:
    reported = f"{REPORTING}.{table.name}" in reporting_views() and REPORTING in role.datasets
    return reported or table.dataset in role.datasets or table.view_id in readable_tables(role)


def _views(table: Table) -> str:
    own = columns(table.row)
    body = [
        f"label: {_text(_label(table.name))}",
        f"sql_table_name: `@{{TAILNUMBER_DATASET}}.{table.name}` ;;",
        f"required_access_grants: [reads_{table.name}]",
        *_key(table),
        *(line for column in own for line in _dimension(column)),
    ]
    lists = [column for column in own if column["mode"] == "REPEATED"]
    shown = [column for column in lists if column["name"] not in _TECHNICAL]
    text = f"{_HEAD}# {table.description}\n" + _block(f"view: {table.name}", body)
    return text + "".join(_nested(table, column) for column in shown) + _joins(table, shown)


def _key(table: Table) -> Iterator[str]:
    """Looker counts a row once across joins by it; the partition field follows from the rest."""
    parts = [name for name in table.identity if name != table.partition_field]
    sql = f"${{TABLE}}.{parts[0]}"
    if len(parts) > 1:
        casts = ", '/', ".join(f"CAST(${{TABLE}}.{name} AS STRING)" for name in parts)
        sql = f"CONCAT({casts})"
    yield from _field(
        "dimension: row_key", "string", ["primary_key: yes", "hidden: yes", f"sql: {sql} ;;"]
    )


def _dimension(column: Mapping[str, Any], element: str = "") -> Iterator[str]:
    """``element`` names one of a list, which has no name in SQL but the join's."""
    name, classification = column["name"], column["classification"]
    lines = [f"description: {_text(column['description'])}"]
    if name in _TECHNICAL or column["mode"] == "REPEATED":
        lines.append("hidden: yes")
    if classification != "public":
        lines.append(f"tags: [{_text(classification)}]")
        lines.append(f"required_access_grants: [sees_{classification}]")
    lines.append("sql: ${TABLE} ;;" if element else f"sql: ${{TABLE}}.{name} ;;")
    if column["type"] == "TIMESTAMP":
        # A day of Looker's is a day of the partitions and of the shipped questions: UTC.
        time = [f"timeframes: {_TIMEFRAMES}", "convert_tz: no", "datatype: timestamp"]
        yield from _field(f"dimension_group: {name.removesuffix('_at')}", "time", [*time, *lines])
        return
    kind = "string" if column["mode"] == "REPEATED" else _TYPES[column["type"]]
    label = f"label: {_text(_label(name))}"
    yield from _field(f"dimension: {element or name}", kind, [label, *lines])


def _nested(table: Table, column: Mapping[str, Any]) -> str:
    """A repeated column as a view, to be joined by UNNEST; the lists within one are left out."""
    members = [each for each in column.get("fields", ()) if each["mode"] != "REPEATED"]
    lines = [line for member in members for line in _dimension(member)]
    if not members:
        lines = [*_dimension({**column, "mode": "NULLABLE"}, element="value")]
    label = f"{_label(table.name)}: {_label(column['name']).lower()}"
    head = (f"label: {_text(label)}", f"required_access_grants: [reads_{table.name}]")
    return "\n" + _block(f"view: {table.name}__{column['name']}", [*head, *lines])


def _joins(table: Table, lists: Iterable[Mapping[str, Any]]) -> str:
    """What an explore of the table extends to have its lists."""
    lines = ["extension: required"]
    for column in lists:
        array, view = f"{table.name}.{column['name']}", f"{table.name}__{column['name']}"
        join = f"sql: LEFT JOIN UNNEST(${{{array}}}) AS {view} ;;"
        lines += ["", f"join: {view} {{", f"  {join}", "  relationship: one_to_many", "}"]
    return "\n" + _block(f"explore: {table.name}__lists", lines) if len(lines) > 1 else ""


def _field(head: str, kind: str, lines: Iterable[str]) -> Iterator[str]:
    yield from ("", f"{head} {{", f"  type: {kind}", *(f"  {line}" for line in lines), "}")


def _block(head: str, lines: Iterable[str]) -> str:
    body = "".join(f"  {line}\n" if line else "\n" for line in lines)
    return f"{head} {{\n{body}}}\n"


def _label(name: str) -> str:
    words = [_WORDS.get(word, word) for word in name.split("_")]
    return " ".join((words[0][:1].upper() + words[0][1:], *words[1:]))


def _text(value: str) -> str:
    return '"' + value.replace('"', "'").replace("``", "`") + '"'
