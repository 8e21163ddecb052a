"""Check what every table promises."""

import pytest

from schemas.base import Classification, described
from schemas.tables import TABLES, Table

TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.id)


@TABLE
def test_table_is_found_by_its_own_name(table: Table) -> None:
    assert TABLES[table.id] is table
    assert table.id == f"{table.view_id}_v{table.version}"


@TABLE
def test_rows_with_content_are_kept_for_the_shortest_time(table: Table) -> None:
    classes = {described(info)[1] for info in table.row.model_fields.values()}
    longest = 190 if Classification.CONTENT in classes else 3653

    assert 0 < table.retention_days <= longest


@TABLE
def test_only_the_content_dataset_holds_content(table: Table) -> None:
    classes = {described(info)[1] for info in table.row.model_fields.values()}

    assert (Classification.CONTENT in classes) is (table.dataset == "content")
