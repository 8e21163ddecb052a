"""Analyse the SQL of every field of the block with ZetaSQL, BigQuery's own front end."""

from datetime import UTC, datetime

import pytest
from lookml import FRAMES, Compiler, Period, Query, load
from zetasql_views import analysed, catalog, name_of  # noqa: F401  (catalog is a fixture)

# Compiling its WebAssembly takes 25 s of CPU in each process.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BLOCK = load()
PERIOD = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
NUMBERS = {"INT64", "FLOAT64", "NUMERIC"}
# Looker's type of a field -> what BigQuery must give for it.
FITTING = {
    "string": {"STRING"}, "yesno": {"BOOL"}, "date_time": {"TIMESTAMP"}, "raw": {"TIMESTAMP"},
    "time": {"TIMESTAMP"}, "date": {"DATE"}, "week": {"DATE"}, "month": {"DATE"},
    "quarter": {"DATE"}, "year": {"INT64"},
}  # fmt: skip


def views():
    for name, told in BLOCK.explores.items():
        # Sessions come from a table function, which the local warehouse answers in test_numbers.
        if told.get("extension") != "required" and name != "sessions":
            for join in (None, *Compiler(BLOCK, Query(name, [], {})).explore["joins"]):
                yield name, join["name"] if join else name


def every_frame(of):
    names = (f"{of.view}.{of.told['name']}_{frame}" for frame in FRAMES)
    return [BLOCK.field(name) for name in names] if of.kind == "dimension_group" else [of]


@pytest.mark.parametrize(("explore", "view"), [*views()])
def test_each_field_has_the_type_that_looker_is_told(explore, view, catalog):  # noqa: F811
    period = dict.fromkeys(BLOCK.always(explore), PERIOD)
    fields = [f for each in BLOCK.fields(view) for f in every_frame(each)]
    for kind in ("measure", "dimension"):
        asked = [f for f in fields if (f.kind == "measure") == (kind == "measure")]
        # A list can be shown, and not grouped by.
        asked = [f for f in asked if f.kind == "measure" or f.told.get("hidden") != "yes"]
        if not asked:
            continue
        sql = Compiler(BLOCK, Query(explore, [f.id for f in asked], period)).sql()
        # ZetaSQL takes a quoted name as one word, BigQuery as a path.
        statement = analysed(sql.replace("`", ""), catalog)

        found = {each.name: name_of(each.column.type) for each in statement.output_column_list}
        for field in asked:
            fitting = FITTING.get(field.type, NUMBERS)
            assert found[field.id.replace(".", "__")] in fitting, field.id
