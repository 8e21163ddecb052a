"""Say in BigQuery SQL which rows of a table a legal hold keeps. Pure.

Where a table lacks what a criterion asks for, the hold reaches none of its rows: a row of
``audit.dead_letters`` belongs to nobody.
"""

from dataclasses import dataclass, field
from typing import Final

from ingress.control.holds import Hold
from schemas.tables import TABLES, Table
from tailnumber.trail import Value

# A constant, not today minus retention: what a hold kept lies before that.
FLOOR: Final = "TIMESTAMP '1970-01-01 00:00:00+00'"
_INTERACTIONS: Final = TABLES["audit.interactions_v1"]


@dataclass(slots=True)
class Condition:
    """An SQL condition over one table's columns, and the values of its parameters."""

    sql: str
    values: dict[str, Value] = field(default_factory=dict)


def held_table(table: Table) -> str:
    """Return the id of the table that keeps a table's held rows beyond their time.

    Raises:
        ValueError: no hold copies this table's rows.
    """
    if table.held_id is None:
        raise ValueError(f"no hold copies rows of {table.id}")
    return table.held_id


def held_rows(table: Table, hold: Hold, prefix: str) -> Condition | None:
    """Return which rows of a table a hold keeps; None: none.

    A person's hold reaches rows that they did and rows that were done to them. Texts are stored
    once per session, so a period or a repository keeps whole sessions' texts: a prompt of July may
    refer to a text of June.

    Args:
        table: one of the contract's.
        hold: open or not.
        prefix: letters and digits that make its parameters' names unlike another hold's.
    """
    columns, scope = table.row.model_fields, hold.scope
    terms: list[str] = [f"{table.partition_field} >= {FLOOR}"]
    values: dict[str, Value] = {}
    if scope.principal_ids:
        named = [n for n in ("principal_id", "holder_principal_id") if n in columns]
        if not named:
            return None
        values[f"{prefix}_principals"] = scope.principal_ids
        each = (f"{name} IN UNNEST(@{prefix}_principals)" for name in named)
        terms.append(f"({' OR '.join(each)})")
    if scope.session_ids:
        if "session_id" not in columns:
            return None
        values[f"{prefix}_sessions"] = scope.session_ids
        terms.append(f"session_id IN UNNEST(@{prefix}_sessions)")
    of_session: list[str] = []
    if scope.repositories:
        values[f"{prefix}_repositories"] = scope.repositories
        of_session.append(f"repository IN UNNEST(@{prefix}_repositories)")
    in_period: list[str] = []
    by_session = table.dataset == "content"
    for bound, sign in ((scope.begin, ">="), (scope.end, "<")):
        if bound is not None:
            name = f"{prefix}_{'from' if sign == '>=' else 'to'}"
            values[name] = bound
            (of_session if by_session else in_period).append(
                f"{_INTERACTIONS.partition_field if by_session else table.partition_field}"
                f" {sign} @{name}"
            )
    if of_session:
        if "session_id" not in columns:
            return None
        terms.append(f"session_id IN ({_sessions(of_session)})")
    return Condition(" AND ".join([*terms, *in_period]), values)


def _sessions(conditions: list[str]) -> str:
    """Return the query of the sessions that hold such an interaction, expired ones included."""
    where = " AND ".join([f"{_INTERACTIONS.partition_field} >= {FLOOR}", *conditions])
    return " UNION ALL ".join(
        f"SELECT session_id FROM {table} WHERE {where}"  # noqa: S608  (the contract's names)
        for table in (_INTERACTIONS.id, held_table(_INTERACTIONS))
    )
