"""Analyse each shipped question and each query of a notebook with ZetaSQL, BigQuery's front end."""

import pytest
from notebook_files import ASKING, parameters, queries
from zetasql_views import analysed, catalog, name_of  # noqa: F401  (catalog is a fixture)

from schemas.questions import questions

# Compiling its WebAssembly takes 25 s of CPU in each process.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("question", questions().values(), ids=lambda question: question.name)
def test_columns_have_the_names_and_types_that_the_header_says(question, catalog):  # noqa: F811
    kinds = [(each.name, each.type) for each in question.parameters]
    statement = analysed(question.sql, catalog, kinds)

    found = [(each.name, name_of(each.column.type)) for each in statement.output_column_list]
    assert found == [(column.name, column.type) for column in question.columns]


# Parameters of notebooks that are no texts.
NOTEBOOK_TYPES = {
    "since": "TIMESTAMP", "until": "TIMESTAMP", "first_at": "TIMESTAMP",
    "people": "ARRAY<STRING>", "models": "ARRAY<STRING>", "groups": "ARRAY<STRING>",
}  # fmt: skip


@pytest.mark.parametrize(
    "sql", [pytest.param(sql, id=file.stem) for file in ASKING for sql in queries(file)]
)
def test_queries_of_notebooks_are_sql_that_bigquery_understands(sql, catalog):  # noqa: F811
    kinds = [(name, NOTEBOOK_TYPES.get(name, "STRING")) for name in parameters(sql)]

    assert analysed(sql, catalog, kinds).output_column_list
