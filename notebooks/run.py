"""Run notebooks from top to bottom and keep what they showed: ``python notebooks/run.py 04 -o out``.

For each notebook the folder gets the executed ``.ipynb``, and the same as Markdown with its pictures
as SVG files beside it. ``-p name=value`` sets a name of the cell tagged ``parameters``, as papermill
does. Results name people: the folder is made for your account alone.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

HERE = Path(__file__).resolve().parent
CELL_SECONDS = 900
_ASSIGNED = re.compile(r"^([a-z]\w*) = (.+)$", re.MULTILINE)


def execute(file: Path, parameters: dict[str, Any]) -> Any:
    """Return the notebook with its outputs; a text given for a number is read as one.

    Raises:
        SystemExit: a parameter is none of the notebook's, or no number where it must be one.
        CellExecutionError: a cell failed; the message is the cell's own.
    """
    notebook = nbformat.read(file, as_version=4)
    at, first = next(
        (n, c) for n, c in enumerate(notebook.cells) if "parameters" in c.metadata.get("tags", ())
    )
    known = dict(_ASSIGNED.findall(first.source))
    if unknown := parameters.keys() - set(known):
        raise SystemExit(f"{file.name} has no parameter {min(unknown)}; it has: {', '.join(known)}")
    if parameters:
        given = "\n".join(
            f"{name} = {_literal(name, value, known[name])}" for name, value in parameters.items()
        )
        cell = nbformat.v4.new_code_cell(given, metadata={"tags": ["injected-parameters"]})
        notebook.cells.insert(at + 1, cell)
    # Other accounts of the machine can reach the kernel's ports on loopback, and read nothing there.
    sealed = Config({"KernelManager": {"transport_encryption": "required"}})
    where = {"metadata": {"path": str(HERE)}}
    return NotebookClient(notebook, timeout=CELL_SECONDS, resources=where, config=sealed).execute()


def _literal(name: str, value: Any, default: str) -> str:
    """Return a value as the notebook's code has it: a text, or a number like its default."""
    if not isinstance(value, str) or default.startswith('"'):
        return json.dumps(value)
    try:
        return repr(int(value) if value.strip().isdecimal() else float(value))
    except ValueError:
        raise SystemExit(f"{name} is a number, such as {default}; {value!r} is none") from None


def render(notebook: Any, name: str, *, leave_out: str = "") -> dict[str, str]:
    """Return files by name: the Markdown of an executed notebook, and its pictures.

    Code is left out: the notebook has it. So are cells with the tag ``leave_out``.
    """
    files: dict[str, str] = {}
    parts: list[str] = []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", ())
        if leave_out and leave_out in tags:
            continue
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif "injected-parameters" in tags:
            parts.append(f"```python\n{cell.source}\n```")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "image/svg+xml" in data:
                picture = f"{name}-{len(files) + 1}.svg"
                files[picture] = data["image/svg+xml"]
                parts.append(f"![]({picture})")
            elif "text/markdown" in data or "text/html" in data:
                parts.append(data.get("text/markdown") or data["text/html"])
    return {f"{name}.md": "\n\n".join(part.strip() for part in parts) + "\n", **files}


def main(arguments: list[str]) -> int:
    """Run the notebooks that are named, or all."""
    parser = argparse.ArgumentParser(description="Run notebooks and keep what they showed.")
    parser.add_argument(
        "notebooks", nargs="*", help="beginnings of their names, such as 04; none: all"
    )
    parser.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("notebooks-out"), metavar="FOLDER"
    )
    asked = parser.parse_args(arguments)
    files = [
        file
        for file in sorted(HERE.glob("[0-9]*.ipynb"))
        if not asked.notebooks or file.name.startswith(tuple(asked.notebooks))
    ]
    if not files:
        parser.error(f"no notebook begins with {' or '.join(asked.notebooks)}")
    parameters = dict(each.partition("=")[::2] for each in asked.parameter)
    asked.output.mkdir(mode=0o700, parents=True, exist_ok=True)
    failed = 0
    for file in files:
        try:
            done = execute(file, parameters)
        except CellExecutionError as error:
            print(f"{file.stem}: {error.ename}: {error.evalue}", file=sys.stderr)
            failed = 1
            continue
        nbformat.write(done, asked.output / file.name)
        for name, text in render(done, file.stem).items():
            (asked.output / name).write_text(text, "utf-8")
        print(asked.output / f"{file.stem}.md")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
