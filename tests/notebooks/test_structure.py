"""Read the notebooks as files: stripped, with parameters, importing nothing of ours, cheap to ask."""

import ast
import re
import sys

import pytest
from notebook_files import ASKING, FILES, NOTEBOOKS, calls, code, parameters, queries, read

from schemas.question_sql import examine
from schemas.questions import questions

MODULES = sorted(NOTEBOOKS.glob("*.py"))
# What a notebook may import, and what the files beside it may.
ALLOWED = sys.stdlib_module_names | {"altair", "polars", "show", "warehouse"}
BESIDE = ALLOWED | {
    "IPython", "google", "nbclient", "nbformat", "platformdirs", "traitlets", "vl_convert",
}  # fmt: skip
MACHINE_PATH = re.compile(r"/(?:home|root|work|tmp|Users|opt|mnt)/|[A-Z]:\\\\")
SHARED = {"since", "until", "tenant", "case", "project"}


notebook = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_there_are_five_notebooks():
    assert [file.name[:3] for file in FILES] == ["01_", "02_", "03_", "04_", "05_"]


@notebook
def test_outputs_are_stripped(file):
    for cell in read(file)["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@notebook
def test_kernel_is_the_plain_one_of_every_jupyter(file):
    assert read(file)["metadata"]["kernelspec"]["name"] == "python3"


@notebook
def test_title_is_a_question_and_names_the_role(file):
    first = "".join(read(file)["cells"][0]["source"])

    assert re.match(r"# .*\?\n", first)
    assert "docs/access.md" in first


@notebook
def test_first_code_cell_is_tagged_parameters_and_holds_the_shared_ones(file):
    cell = next(cell for cell in read(file)["cells"] if cell["cell_type"] == "code")
    tree = ast.parse("".join(cell["source"]))

    assert cell["metadata"]["tags"] == ["parameters"]
    names = {node.targets[0].id for node in tree.body if isinstance(node, ast.Assign)}
    assert names >= SHARED
    assert all(isinstance(ast.literal_eval(node.value), str | int) for node in tree.body)


@pytest.mark.parametrize("file", [*FILES, *MODULES], ids=lambda file: file.name)
def test_no_path_of_a_machine_stands_in_it(file):
    assert MACHINE_PATH.search(file.read_text("utf-8")) is None


@pytest.mark.parametrize("file", [*FILES, *MODULES], ids=lambda file: file.name)
def test_it_imports_nothing_of_ours(file):
    imported = set()
    for node in ast.walk(ast.parse(code(file))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])

    assert imported <= (ALLOWED if file.suffix == ".ipynb" else BESIDE)


@notebook
def test_questions_that_it_asks_are_shipped(file):
    assert set(calls(file, "ask")) <= set(questions())


@pytest.mark.parametrize("file", ASKING, ids=lambda file: file.name)
def test_own_queries_keep_the_rules_of_shipped_questions(file):
    """Views of the contract alone, each filtered on its partition; no star, no clock, one order."""
    asked = queries(file)

    for sql in asked:
        examine(sql, parameters(sql), re.findall(r"\w+", sql))
    assert asked
