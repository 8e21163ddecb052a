"""Render the views that people ask: each table once per row, and the sessions. Pure.

Delivery is at least once, so a table may hold a row twice; ``audit.interactions`` besides holds
one row per stage. The view without a version keeps the last row of each identity. The partition
field belongs to every identity: BigQuery passes a filter through a window function only if the
filtered column is among ``PARTITION BY``, and the tables refuse a query without such a filter.

Columns are written out, because a view over ``*`` keeps the columns of the day it was created.
Names carry no project: ``audit.events_v1`` is found in the project that asks. Whoever creates the
views for askers in other projects puts the project before the dataset in the one ``FROM`` line.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from schemas import standards
from schemas.tables import TABLES, Table

# What breaks a tie between rows that are equally late, as far as a table has it.
TIE_BREAKERS: Final = ("loaded_at", "event_id")

SESSIONS_VIEW_ID: Final = "audit.sessions"
SESSIONS_FUNCTION_ID: Final = "audit.sessions_since"


@dataclass(frozen=True, slots=True)
class TableFunction:
    """A query with parameters that SQL calls like a table."""

    id: str
    description: str
    parameters: Mapping[str, str]
    query: str


# Rows from then on are all rows. A constant, not today minus retention, so that rows under a legal
# hold stay visible.
_ALWAYS: Final = "TIMESTAMP '1970-01-01 00:00:00+00'"

# Reads the view `audit.interactions`, so that each interaction counts once.
_SESSIONS_SQL: Final = """\
WITH
  sessions AS (
    SELECT
      tenant_id,
      session_id,
      principal_id,
      MAX(principal_kind) AS principal_kind,
      MAX(principal_subject) AS principal_subject,
      MAX(principal_email) AS principal_email,
      MAX(client_name) AS client_name,
      MAX(client_version) AS client_version,
      MAX(client_editor) AS client_editor,
      MIN(requested_at) AS first_requested_at,
      MAX(requested_at) AS last_requested_at,
      COUNT(*) AS interaction_count,
      COUNTIF(operation = 'chat') AS chat_count,
      COUNTIF(operation = 'inline') AS inline_count,
      COUNTIF(operation NOT IN ('chat', 'inline')) AS other_count,
      COUNTIF(status = 'requested') AS unfinished_count,
      COUNTIF(status = 'completed') AS completed_count,
      COUNTIF(status = 'failed') AS failed_count,
      COUNTIF(status = 'blocked') AS blocked_count,
      SUM(prompt_finding_count + completion_finding_count) AS finding_count,
      SUM(ARRAY_LENGTH(tool_calls)) AS tool_call_count,
      SUM(input_tokens) AS input_tokens,
      SUM(output_tokens) AS output_tokens,
      ARRAY_AGG(COALESCE(model_used, model)) AS models,
      ARRAY_AGG(repository) AS repositories
    FROM `audit.interactions`
    WHERE requested_at >= SINCE
    GROUP BY tenant_id, session_id, principal_id
  )
SELECT
  * REPLACE (
    ARRAY(
      SELECT DISTINCT one FROM UNNEST(models) AS one WHERE one IS NOT NULL ORDER BY one
    ) AS models,
    ARRAY(
      SELECT DISTINCT one FROM UNNEST(repositories) AS one WHERE one IS NOT NULL ORDER BY one
    ) AS repositories
  )
FROM sessions
"""


def render_view(
    table: Table, view_id: str | None = None, names: Iterable[str] | None = None
) -> str:
    """Return the query that shows each row of a table once: the last of each identity.

    ``view_id`` and ``names`` are of a view beside the table's own that shows some columns. Every
    name is quoted, because some are words of SQL. ``WHERE TRUE`` stands there because QUALIFY
    long asked for a WHERE, GROUP BY or HAVING beside it.
    """
    ties = [
        name
        for name in TIE_BREAKERS
        if name in table.row.model_fields and name not in (table.latest_first, *table.identity)
    ]
    order = ", ".join(f"`{name}` DESC" for name in (table.latest_first, *ties))
    identity = ", ".join(f"`{name}`" for name in table.identity)
    columns = ",\n".join(f"  `{name}`" for name in names or table.row.model_fields)
    return (
        f"-- {view_id or table.view_id}: {table.description} Filter on {table.partition_field}.\n"
        f"SELECT\n{columns}\n"
        f"FROM `{table.id}`\n"
        "WHERE TRUE\n"
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {identity} ORDER BY {order}) = 1\n"
    )


def views() -> Mapping[str, str]:
    """Return every view's query by its name, each after the views that it reads."""
    head = (
        f"-- {SESSIONS_VIEW_ID}: one row per session, ever. It reads every partition: for a time,"
        f" ask {SESSIONS_FUNCTION_ID}.\n"
    )
    sessions = head + _SESSIONS_SQL.replace("SINCE", _ALWAYS)
    return {
        **{t.view_id: render_view(t) for t in TABLES.values()},
        SESSIONS_VIEW_ID: sessions,
        standards.OTEL_VIEW_ID: standards.otel_view(),
        standards.OCSF_VIEW_ID: standards.ocsf_view(),
    }


def functions() -> Mapping[str, TableFunction]:
    """Return every table function by its name; create them after the views that they read."""
    since = TableFunction(
        SESSIONS_FUNCTION_ID,
        "One row per session, summed up over its interactions from `since` on; reads no partition "
        "before.",
        MappingProxyType({"since": "TIMESTAMP"}),
        _SESSIONS_SQL.replace("SINCE", "since"),
    )
    return {since.id: since}
