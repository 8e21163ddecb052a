"""Analyse every shipped question with ZetaSQL, BigQuery's own front end, over the contract's views."""

import pytest
from zetasql_views import analysed, catalog, name_of  # noqa: F401  (catalog is a fixture)

from schemas.questions import questions

# Compiling its WebAssembly takes 25 s of CPU in each process.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("question", questions().values(), ids=lambda question: question.name)
def test_columns_have_the_names_and_types_that_the_header_says(question, catalog):  # noqa: F811
    parameters = [(each.name, each.type) for each in question.parameters]
    statement = analysed(question.sql, catalog, parameters)

    found = [(each.name, name_of(each.column.type)) for each in statement.output_column_list]
    assert found == [(column.name, column.type) for column in question.columns]
