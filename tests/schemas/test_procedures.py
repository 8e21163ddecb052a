"""The procedure that opens texts is BigQuery's SQL, by the word of BigQuery's own analyser."""

import pytest

from schemas.bigquery import columns
from schemas.procedures import REVEAL_ONE_KEY, procedures
from schemas.tables import TABLES

KINDS = {"STRING": "STRING", "INTEGER": "INT64", "TIMESTAMP": "TIMESTAMP", "BYTES": "BYTES"}
PARAMETERS = {
    "kms_resource": "STRING", "wrapped_keyset": "BYTES", "key_id": "STRING",
    "since": "TIMESTAMP", "until": "TIMESTAMP",
}  # fmt: skip


def test_procedure_runs_the_statement_with_every_parameter_that_it_names() -> None:
    (procedure,) = procedures().values()

    assert REVEAL_ONE_KEY in procedure.statement
    assert all(f"@{name}" in REVEAL_ONE_KEY for name in PARAMETERS)
    assert all(f" AS {name}" in procedure.statement for name in PARAMETERS)


@pytest.fixture(scope="module")
def analyse():
    zetasql = pytest.importorskip(
        "zetasql", reason="ZetaSQL is not installed: `make setup` does it"
    )
    del zetasql
    from zetasql import api, types

    language = types.LanguageOptions.maximum_features()
    language.product_mode = types.ProductMode.PRODUCT_EXTERNAL
    functions = types.ZetaSQLBuiltinFunctionOptions(language_options=language)
    table = api.TableBuilder("content.parts")
    for column in columns(TABLES["content.parts_v1"].row):
        table.add_column(column["name"], types.TypeKind[f"TYPE_{KINDS[column['type']]}"])
    catalog = (
        api.CatalogBuilder("project")
        .add_table(table.build())
        .with_builtin_functions(functions)
        .build()
    )

    def analysed(sql):
        options = types.AnalyzerOptions(language_options=language)
        options.query_parameters.extend(
            types.AnalyzerOptions.QueryParameter(
                name=name,
                type=api.TypeFactory.create_simple_type(types.TypeKind[f"TYPE_{kind}"]),
            )
            for name, kind in PARAMETERS.items()
        )
        return api.Analyzer(options, catalog).analyze_statement(sql)

    return analysed


# Compiling its WebAssembly takes 25 s of CPU in each process.
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_statement_is_typed_as_bigquery_types_it(analyse) -> None:
    statement = analyse(REVEAL_ONE_KEY)

    assert [each.name for each in statement.output_column_list][-2:] == ["kind", "text"]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("keyset", "place"), [("(@kms_resource, ciphertext)", 2), ("(key_id, @wrapped_keyset)", 1)]
)
def test_a_view_over_a_column_of_keys_would_be_refused(analyse, keyset, place) -> None:
    sql = REVEAL_ONE_KEY.replace("(@kms_resource, @wrapped_keyset)", keyset)

    with pytest.raises(Exception, match=f"Argument {place} to KEYS.KEYSET_CHAIN must be a literal"):
        analyse(sql)
