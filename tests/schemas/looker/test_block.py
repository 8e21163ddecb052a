"""Hold the LookML block to the contract: columns, grants, filters, and what a dashboard names."""

import re
from datetime import UTC, datetime
from itertools import pairwise

import lkml
import pytest
from lookml import BLOCK, Compiler, Period, Query, dashboards, load

from schemas.access_matrix import ROLES, classes_of
from schemas.base import Classification
from schemas.bigquery import columns
from schemas.lookml import USER_ATTRIBUTE
from schemas.question_sql import VIEWS
from schemas.questions import questions

LOADED = load()
FILES = sorted(BLOCK.rglob("*.lkml"))
TABLES = {table.name: table for table in VIEWS.values() if table.dataset == "audit"}
SHOWN = sorted(TABLES.keys() & LOADED.views.keys())
EXPLORES = {n: e for n, e in LOADED.explores.items() if e.get("extension") != "required"}
BOARDS = {board["dashboard"]: board for board in dashboards()}
TILES = {
    f"{name}.{tile['name']}": tile
    for name, board in BOARDS.items()
    for tile in board["elements"]
    if tile["type"] != "text"
}
FITTING = {
    "STRING": "string", "INTEGER": "number", "FLOAT": "number", "NUMERIC": "number",
    "BOOLEAN": "yesno", "TIMESTAMP": "time",
}  # fmt: skip
PERIOD = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
NUMBERS = {"count", "count_distinct", "sum", "average", "max", "min", "number"}


def relative(path):
    return path.relative_to(BLOCK).as_posix()


def every_field():
    return [field for view in LOADED.views for field in LOADED.fields(view)]


def reached(name, seen=frozenset()):
    """A field and every field that it is made of."""
    if name in seen:
        return seen
    seen |= {name}
    for each in LOADED.references(name):
        seen = reached(each, seen)
    return seen


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_file_parses_and_is_the_same_when_written_again(path):
    text = path.read_text()

    assert str(lkml.parse(text)) == text


def test_every_include_names_files_and_every_file_is_included():
    model = BLOCK / "models" / "tailnumber.model.lkml"
    included = set()
    for pattern in lkml.load(model.read_text())["includes"]:
        suffix = ".lookml" if pattern.endswith(".dashboard") else ""
        found = set(BLOCK.glob(pattern.lstrip("/") + suffix))
        assert found, pattern
        included |= found

    files = {path for path in BLOCK.rglob("*") if path.is_file()}
    assert files - included == {model, BLOCK / "manifest.lkml"}


@pytest.mark.parametrize("name", SHOWN)
def test_each_column_of_the_table_is_a_dimension_of_its_type_and_nothing_else_is(name):
    view = LOADED.views[name]
    schema = {column["name"]: column for column in columns(TABLES[name].row)}
    found = {}
    for kind, told in view["fields"].values():
        for column in re.findall(r"\$\{TABLE\}\.(\w+)", told.get("sql", "")):
            assert column in schema, f"{name}.{told['name']} reads {column}"
            if told["sql"] == f"${{TABLE}}.{column}" and told["name"] != "row_key":
                found[column] = (kind, told)

    assert found.keys() == schema.keys()
    for column, (kind, told) in found.items():
        listed = schema[column]["mode"] == "REPEATED"
        assert told["type"] == ("string" if listed else FITTING[schema[column]["type"]]), column
        assert (kind == "dimension_group") == (schema[column]["type"] == "TIMESTAMP"), column
        assert told["description"]
        if listed:
            assert told["hidden"] == "yes"


@pytest.mark.parametrize("name", SHOWN)
def test_each_classed_column_needs_the_grant_of_its_class(name):
    for column, classification in classes_of(TABLES[name]):
        if classification is Classification.PUBLIC:
            continue
        field = f"{name}.{column}"
        assert LOADED.field(field).grants == {f"sees_{classification.value}"}
        listed = f"{name}__{column}.value"
        if f"{name}__{column}" in LOADED.views:
            assert LOADED.field(listed).grants == {f"sees_{classification.value}"}


def test_sessions_need_the_grants_of_the_columns_that_they_sum_up():
    classes = dict(classes_of(TABLES["interactions"]))
    for field in LOADED.fields("sessions"):
        classification = classes.get(field.name, Classification.PUBLIC)
        if classification is not Classification.PUBLIC:
            assert field.grants == {f"sees_{classification.value}"}


def test_a_field_needs_every_grant_of_what_it_is_made_of():
    for field in every_field():
        if field.kind != "filter":
            needed = {grant for each in reached(field.id) for grant in LOADED.field(each).grants}
            assert needed <= field.grants, field.id


def test_a_view_needs_the_grant_of_its_table_and_an_explore_that_of_its_view():
    for name, view in LOADED.views.items():
        assert view["required_access_grants"] == [f"reads_{name.partition('__')[0]}"]
    for name, explore in EXPLORES.items():
        assert explore["required_access_grants"] == [f"reads_{name}"]


def test_a_grant_lets_in_whom_bigquery_would_answer():
    for name, grant in LOADED.grants.items():
        assert grant["user_attribute"] == USER_ATTRIBUTE
        allowed = set(grant["allowed_values"])
        assert allowed <= ROLES.keys()
        if name.startswith("sees_"):
            seen = Classification(name.removeprefix("sees_"))
            assert allowed == {r.name for r in ROLES.values() if r.may(seen) != "none"}
    assert {"looker", "manager"} <= set(LOADED.grants["reads_findings"]["allowed_values"])
    assert "looker" not in LOADED.grants["reads_admin_changes"]["allowed_values"]


def test_grants_that_fields_need_are_all_there():
    needed = {grant for field in every_field() for grant in field.grants}

    assert needed == {name for name in LOADED.grants if name.startswith("sees_")}


def test_no_view_is_of_texts_keys_or_exact_records():
    assert not {"parts", "subject_keys", "events", "writers"} & LOADED.views.keys()
    shown = {c for name in SHOWN for _, c in classes_of(TABLES[name])}
    assert not shown & {Classification.CONTENT, Classification.KEY}
    for name, view in LOADED.views.items():
        if "__" in name or name == "sessions":
            continue
        assert view["sql_table_name"] == f"`@{{TAILNUMBER_DATASET}}.{name}`"


def test_nothing_is_persisted():
    for path in FILES:
        assert not re.search(r"persist_for|datagroup_trigger|sql_trigger|materialized|create_process",
                             path.read_text())  # fmt: skip


@pytest.mark.parametrize("name", EXPLORES)
def test_explore_cannot_be_asked_without_a_time(name):
    (field,) = LOADED.always(name)
    column = LOADED.field(field).told.get("sql", "").removeprefix("${TABLE}.")

    assert field.startswith(f"{name}.")
    if name != "sessions":
        assert column == TABLES[name].partition_field
    assert f"date_start {field}" in LOADED.views[name].get("derived_table", {}).get(
        "sql", f"date_start {field}"
    )


@pytest.mark.parametrize("name", EXPLORES)
def test_explore_shows_rows_of_the_readers_tenant_and_department(name):
    filters = {
        each["user_attribute"]: each["field"] for each in EXPLORES[name].get("access_filters", ())
    }
    fields = {field.id for field in LOADED.fields(name)}

    for attribute, column in (("tenant", "tenant_id"), ("department", "department")):
        expected = f"{name}.{column}" if f"{name}.{column}" in fields else None
        assert filters.get(f"tailnumber_{attribute}") == expected


def test_a_joined_table_is_bounded_by_its_own_partition_column():
    for name, explore in EXPLORES.items():
        for join in explore.get("joins", ()):
            assert join["relationship"] == "many_to_one"
            partition = TABLES[join["name"]].partition_field.removesuffix("_at")
            bounded = f"${{{join['name']}.{partition}_raw}}"
            assert f"{bounded} >= TIMESTAMP_SUB({{% date_start {name}." in join["sql_on"]
            assert f"{bounded} < {{% date_end {name}." in join["sql_on"]


def test_every_list_is_joined_by_the_explore_of_its_table():
    for name in LOADED.views:
        table, _, column = name.partition("__")
        if column:
            joins = Compiler(LOADED, Query(table, [], {})).explore["joins"]
            assert f"LEFT JOIN UNNEST(${{{table}.{column}}}) AS {name}" in [
                join.get("sql") for join in joins
            ]


def test_what_is_drilled_into_exists():
    for view in LOADED.views:
        for field in LOADED.fields(view):
            for name in field.told.get("drill_fields", ()):
                if name != "detail*":
                    LOADED.field(f"{view}.{name}")
    for path in (BLOCK / "refinements").glob("*.lkml"):
        for view in lkml.load(path.read_text())["views"]:
            for each in view.get("sets", ()):
                for name in each["fields"]:
                    LOADED.field(f"{view['name'].removeprefix('+')}.{name}")


@pytest.mark.parametrize("name", TILES)
def test_tile_names_fields_that_exist_and_fit_it(name):
    tile = TILES[name]
    fields = [LOADED.field(each) for each in tile["fields"]]
    measures = [each for each in fields if each.kind == "measure"]
    dimensions = [each for each in fields if each.kind != "measure"]

    assert tile["model"] == "tailnumber"
    for each in (*tile.get("pivots", ()), *tile.get("hidden_fields", ())):
        assert each in tile["fields"]
    for sort in tile.get("sorts", ()):
        assert sort.removesuffix(" desc") in tile["fields"]
    if tile["type"] == "single_value":
        assert {each.id for each in dimensions} == set(tile.get("hidden_fields", ()))
        assert all(each.type in NUMBERS for each in measures)
        assert len(measures) == 1 + (
            tile.get("show_comparison", False) and "dynamic_fields" not in tile
        )
    elif tile["type"] in ("looker_line", "looker_bar", "looker_column"):
        assert all(each.type in NUMBERS for each in measures)
        assert dimensions
        assert measures
        if tile["type"] == "looker_line":
            assert dimensions[0].kind == "dimension_group"
    else:
        assert tile["type"] == "looker_grid"


@pytest.mark.parametrize("name", TILES)
def test_tile_compiles_with_every_filter_of_its_dashboard_set(name):
    tile, board = TILES[name], BOARDS[name.partition(".")[0]]
    names = {each["name"]: each for each in board["filters"]}
    filters = dict(tile.get("filters", {}))
    assert tile["listen"].keys() <= names.keys()
    for field in tile["listen"].values():
        assert field not in filters, "one of both would not hold"
        filters[field] = "acme"
    always = LOADED.always(tile["explore"])
    assert set(always) <= filters.keys(), "neither the period nor a time of its own"
    filters |= dict.fromkeys(always, PERIOD)

    assert Compiler(LOADED, Query(tile["explore"], tile["fields"], filters)).sql()


@pytest.mark.parametrize("name", TILES)
def test_tile_listens_to_every_filter_whose_column_it_has(name):
    tile = TILES[name]
    fields = {field.id for field in LOADED.fields(tile["explore"])}
    for title, column in (
        ("Department", "department"), ("Repository", "repository"), ("Tenant", "tenant_id"),
    ):  # fmt: skip
        if f"{tile['explore']}.{column}" in fields:
            assert tile["listen"][title] == f"{tile['explore']}.{column}"


@pytest.mark.parametrize("name", TILES)
def test_note_says_what_the_number_means_and_which_question_gives_it(name):
    note = TILES[name]["note_text"]
    named = re.fullmatch(r"(.{40,}\.) Same numbers: tailnumber ask (\w+)\.", note)

    assert named, note
    assert named[2] in questions()


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_dashboard_has_eight_to_twelve_tiles_that_do_not_overlap(board):
    tiles = [tile for tile in board["elements"] if tile["type"] != "text"]
    assert 8 <= len(tiles) <= 12
    names = [each["name"] for each in board["elements"]]
    assert len(set(names)) == len(names)
    taken = [
        (row, col)
        for each in board["elements"]
        for row in range(each["row"], each["row"] + each["height"])
        for col in range(each["col"], each["col"] + each["width"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(col for _, col in taken) < 24
    rows = sorted({row for row, _ in taken})
    assert all(b - a == 1 for a, b in pairwise(rows)), "an empty row"


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_dashboard_filters_by_period_department_repository_and_tenant(board):
    filters = {each["name"]: each for each in board["filters"]}

    assert [*filters] == ["Period", "Department", "Repository", "Tenant"]
    assert filters["Period"]["required"] is True
    assert filters["Period"]["default_value"] == "28 days"
    for each in filters.values():
        LOADED.field(each["field"])


def test_compiler_refuses_what_looker_would_answer_wrongly():
    period = {"interactions.requested_date": PERIOD}

    for fields in (
        ["interactions__refs.ref", "interactions.cost"],
        ["findings.count"],
        ["interactions.no"],
    ):
        with pytest.raises(Exception, match=r"multiplied|does not join|no field"):
            Compiler(LOADED, Query("interactions", fields, period)).sql()
    with pytest.raises(Exception, match="without a period"):
        Compiler(LOADED, Query("interactions", ["interactions.count"], {})).sql()
