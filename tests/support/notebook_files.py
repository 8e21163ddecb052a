"""What stands in the notebooks' files: their code, and the SQL of their own."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FILES = sorted(NOTEBOOKS.glob("*.ipynb"))
ASKING = [*FILES, NOTEBOOKS / "warehouse.py"]


def read(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


def code(file: Path) -> str:
    if file.suffix == ".py":
        return file.read_text("utf-8")
    cells = [cell for cell in read(file)["cells"] if cell["cell_type"] == "code"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def calls(file: Path, *methods: str) -> Iterator[str]:
    """The first argument of each call of the methods, where it is a text."""
    for node in ast.walk(ast.parse(code(file))):
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if called and node.func.attr in methods and isinstance(node.args[0], ast.Constant):
            yield node.args[0].value


def queries(file: Path) -> list[str]:
    return [*calls(file, "query", "stream")]


def parameters(sql: str) -> list[str]:
    return sorted(set(re.findall(r"@(\w+)", sql)))
