"""Run the views: each row once, each session once.

The SQL is translated to DuckDB's, as the one-machine warehouse does it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import duckdb
import pytest
import sqlglot

from schemas.bigquery import render_table
from schemas.tables import TABLES, Table
from schemas.views import SESSIONS_FUNCTION_ID, SESSIONS_VIEW_ID, functions, render_view, views

DUCKDB_TYPES = {"INTEGER": "BIGINT", "FLOAT": "DOUBLE", "BYTES": "BLOB", "TIMESTAMP": "TIMESTAMPTZ"}
NINE, TEN, ELEVEN = (f"2026-11-20 {hour:02}:00:00+00" for hour in (9, 10, 11))


def duckdb_type(column: dict[str, Any]) -> str:
    base = DUCKDB_TYPES.get(column["type"], column["type"])
    if "fields" in column:
        members = ", ".join(f'"{field["name"]}" {duckdb_type(field)}' for field in column["fields"])
        base = f"STRUCT({members})"
    return f"{base}[]" if column["mode"] == "REPEATED" else base


class Warehouse:
    """Hold the tables and views in memory."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        for dataset in {table.dataset for table in TABLES.values()}:
            self.connection.execute(f"CREATE SCHEMA {dataset}")
        for table in TABLES.values():
            members = ", ".join(
                f'"{c["name"]}" {duckdb_type(c)}' for c in render_table(table)["schema"]
            )
            self.connection.execute(f"CREATE TABLE {table.id} ({members})")
        for name, query in views().items():
            (translated,) = sqlglot.transpile(query, read="bigquery", write="duckdb")
            self.connection.execute(f"CREATE VIEW {name} AS {translated}")

    def insert(self, table: Table, **values: Any) -> None:
        row = {**{name: filler(table, name) for name in table.row.model_fields}, **values}
        places = ", ".join("?" for _ in row)
        self.connection.execute(f"INSERT INTO {table.id} VALUES ({places})", list(row.values()))

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()


def filler(table: Table, name: str) -> Any:
    column = next(c for c in render_table(table)["schema"] if c["name"] == name)
    if column["mode"] != "REQUIRED":
        return [] if column["mode"] == "REPEATED" else None
    fillers = {"INTEGER": 0, "FLOAT": 0.0, "BOOLEAN": False, "BYTES": b"", "TIMESTAMP": NINE}
    return fillers.get(column["type"], "x")


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    opened = Warehouse()
    yield opened
    opened.connection.close()


INTERACTIONS = TABLES["audit.interactions_v1"]


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.id)
def test_row_delivered_twice_is_shown_once(warehouse: Warehouse, table: Table) -> None:
    latest = {table.latest_first: TEN} if table.latest_first != "status_rank" else {}
    warehouse.insert(table)
    warehouse.insert(table, **latest)

    (shown,) = warehouse.ask(f"SELECT CAST({table.latest_first} AS VARCHAR) FROM {table.view_id}")

    assert not latest or shown[0].startswith(TEN[:19])


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.id)
def test_view_shows_every_column_in_the_table_s_order(warehouse: Warehouse, table: Table) -> None:
    described = warehouse.connection.execute(f"SELECT * FROM {table.view_id}").description

    assert [column[0] for column in described] == list(table.row.model_fields)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.id)
def test_filter_on_the_partition_field_reaches_the_table(table: Table) -> None:
    (window,) = sqlglot.parse_one(render_view(table), read="bigquery").find_all(sqlglot.exp.Window)

    partition_by = {expression.name for expression in window.args["partition_by"]}

    assert partition_by == set(table.identity)
    assert table.partition_field in partition_by


@pytest.mark.parametrize("order", [(0, 2), (2, 0)], ids=["in order", "late"])
def test_interaction_shows_its_last_stage_whichever_came_first(
    warehouse: Warehouse, order: tuple[int, int]
) -> None:
    for loaded_at, rank in zip((NINE, TEN), order, strict=True):
        warehouse.insert(
            INTERACTIONS,
            status="completed" if rank else "requested",
            status_rank=rank,
            loaded_at=loaded_at,
        )

    assert warehouse.ask("SELECT status FROM audit.interactions") == [("completed",)]


def test_session_counts_each_interaction_once(warehouse: Warehouse) -> None:
    chat = {"interaction_id": "i1", "session_id": "s", "operation": "chat", "requested_at": NINE}
    warehouse.insert(INTERACTIONS, **chat, status="requested", model="gpt-5")
    for _ in range(2):
        warehouse.insert(
            INTERACTIONS,
            **chat,
            status="completed",
            status_rank=2,
            model="gpt-5",
            model_used="gpt-5-mini",
            prompt_finding_count=1,
            completion_finding_count=2,
            input_tokens=70,
            tool_calls=[
                {"call_id": None, "name": "t", "arguments_part_id": None, "file_paths": []}
            ],
        )
    inline = {"session_id": "s", "operation": "inline", "requested_at": ELEVEN, "status_rank": 2}
    for name in ("i2", "i3"):
        warehouse.insert(
            INTERACTIONS, **inline, interaction_id=name, status="blocked", repository="acme/api"
        )

    (row,) = warehouse.ask(
        "SELECT session_id, epoch(first_requested_at), epoch(last_requested_at), interaction_count, chat_count,"
        " inline_count, other_count, unfinished_count, completed_count, failed_count, blocked_count,"
        f" finding_count, tool_call_count, input_tokens, models, repositories FROM {SESSIONS_VIEW_ID}"
    )

    times = (datetime.fromisoformat(NINE).timestamp(), datetime.fromisoformat(ELEVEN).timestamp())
    counts = (3, 1, 2, 0, 0, 1, 0, 2, 3, 1, 70)
    assert row == ("s", *times, *counts, ["gpt-5-mini"], ["acme/api"])


def test_session_without_model_and_repository_has_empty_lists(warehouse: Warehouse) -> None:
    warehouse.insert(INTERACTIONS, status="requested")

    assert warehouse.ask(f"SELECT models, repositories FROM {SESSIONS_VIEW_ID}") == [([], [])]


def test_two_principals_never_share_a_session(warehouse: Warehouse) -> None:
    for name in ("p1", "p2"):
        warehouse.insert(INTERACTIONS, interaction_id=name, session_id="s", principal_id=name)

    assert warehouse.ask(f"SELECT COUNT(*) FROM {SESSIONS_VIEW_ID}") == [(2,)]


def test_views_come_after_the_views_that_they_read() -> None:
    names = list(views())

    for place, query in enumerate(views().values()):
        read = {each for each in names if f"FROM `{each}`" in query}
        assert read <= set(names[:place])


def test_session_function_filters_the_partitions_by_its_parameter() -> None:
    function = functions()[SESSIONS_FUNCTION_ID]

    assert "WHERE requested_at >= since\n" in function.query
    assert views()[SESSIONS_VIEW_ID].count("requested_at >= TIMESTAMP") == 1
