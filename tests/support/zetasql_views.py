"""The contract's views as a catalogue of ZetaSQL, BigQuery's own front end."""

import pytest

from schemas.bigquery import columns
from schemas.question_sql import VIEWS

zetasql = pytest.importorskip("zetasql", reason="ZetaSQL is not installed: `make setup` does it")
from zetasql import api, types  # noqa: E402

KINDS = {
    "STRING": "STRING", "INTEGER": "INT64", "INT64": "INT64", "FLOAT": "DOUBLE", "FLOAT64": "DOUBLE",
    "BOOLEAN": "BOOL", "BOOL": "BOOL", "TIMESTAMP": "TIMESTAMP", "DATE": "DATE", "BYTES": "BYTES",
    "NUMERIC": "NUMERIC",
}  # fmt: skip
NAMES = {"DOUBLE": "FLOAT64"}


def simple(name):
    return api.TypeFactory.create_simple_type(types.TypeKind[f"TYPE_{KINDS[name]}"])


def type_of(name):
    if name.startswith("ARRAY<"):
        return api.TypeFactory.create_array_type(simple(name[6:-1]))
    return simple(name)


def column_type(column):
    if column["type"] == "RECORD":
        fields = [(field["name"], column_type(field)) for field in column["fields"]]
        kind = api.TypeFactory.create_struct_type(fields)
    else:
        kind = simple(column["type"])
    return api.TypeFactory.create_array_type(kind) if column["mode"] == "REPEATED" else kind


def name_of(kind):
    if kind.array_type is not None:
        return f"ARRAY<{name_of(kind.array_type.element_type)}>"
    name = types.TypeKind(kind.type_kind).name.removeprefix("TYPE_")
    return NAMES.get(name, name)


def language():
    options = types.LanguageOptions.maximum_features()
    options.product_mode = types.ProductMode.PRODUCT_EXTERNAL
    return options


@pytest.fixture(scope="session")
def catalog():
    """The views of the contract, a catalogue a dataset, with BigQuery's functions."""
    functions = types.ZetaSQLBuiltinFunctionOptions(language_options=language())
    root = api.CatalogBuilder("project").with_builtin_functions(functions).build()
    datasets = {}
    for view, table in VIEWS.items():
        dataset, name = view.split(".")
        if dataset == "keys":
            # Its name is that of the KEYS functions, over which ZetaSQL's catalogue stumbles.
            continue
        built = api.TableBuilder(name)
        for column in columns(table.row):
            built.add_column(column["name"], column_type(column))
        datasets.setdefault(dataset, api.CatalogBuilder(dataset)).add_table(built.build())
    root.catalog.extend(builder.build() for builder in datasets.values())
    return root


def analysed(sql, catalog, parameters=()):
    """What ZetaSQL makes of a statement; ``parameters`` are names with BigQuery's types."""
    options = types.AnalyzerOptions(language_options=language())
    options.query_parameters.extend(
        types.AnalyzerOptions.QueryParameter(name=name, type=type_of(kind))
        for name, kind in parameters
    )
    return api.Analyzer(options, catalog).analyze_statement(sql)
