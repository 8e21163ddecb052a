"""Run the notebooks on generated data and read what they show; also made into docs/notebooks.

python tests/support/notebook_runs.py docs/notebooks
"""

import contextlib
import fcntl
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

from local_warehouse import Warehouse, running_warehouse
from month import Month, Person, at, token
from planted import plant

from pipeline.tables import apply_contract

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
EXAMPLES = ("01_incident", "04_audit_check")
PERIOD = {"since": "2026-10-01", "until": "2026-11-01", "case": "CASE-26-117"}
NOTE = (
    "> An example, made by `make notebook-examples` of a generated month at a company of 200 people.\n"
    "> Nobody in it is real, and what is wrong in it was planted."
)
SECRET = token("shared", length=40)


def runner() -> ModuleType:
    """Return ``notebooks/run.py``, which lies in no package."""
    spec = importlib.util.spec_from_file_location("notebook_run", NOTEBOOKS / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Shown:
    """What an executed notebook shows."""

    notebook: Any

    @property
    def text(self) -> str:
        """Every sentence that a cell showed."""
        return "\n".join(self._of("text/markdown"))

    @property
    def pictures(self) -> list[str]:
        return self._of("image/svg+xml")

    def _of(self, kind: str) -> list[str]:
        outputs = [o for cell in self.notebook.cells for o in cell.get("outputs", ())]
        return [o["data"][kind] for o in outputs if kind in o.get("data", {})]

    def table(self, title: str) -> list[dict[str, str]]:
        """The rows of the table whose title begins so; none where it is said that there are none."""
        outputs = [
            o["data"] for c in self.notebook.cells for o in c.get("outputs", ()) if "data" in o
        ]
        for place, data in enumerate(outputs):
            if data.get("text/markdown", "").startswith(f"**{title}"):
                return _rows(outputs[place + 1].get("text/html", ""))
        raise AssertionError(f"no table is called {title}")


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.rows: list[list[str]] = []
        self._into: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self._into = self.names if tag == "th" else self.rows[-1]
            self._into.append("")

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self._into = None


def _rows(text: str) -> list[dict[str, str]]:
    cells = _Cells()
    cells.feed(text)
    return [dict(zip(cells.names, row, strict=True)) for row in cells.rows if row]


@contextlib.contextmanager
def stack_of(warehouse: Warehouse, folder: Path, load: Any) -> Iterator[Path]:
    """A data directory as ``tailnumber up`` keeps it, of a stack whose warehouse ``load`` fills."""
    client = warehouse.client()
    apply_contract(client)
    load(client)
    told = {
        "gateway": "", "console": "", "gateway_key": "", "project": client.project,
        "bigquery": warehouse.bigquery, "pubsub": "", "upstream_demo": None, "pids": {},
    }  # fmt: skip
    (folder / "endpoints.json").write_text(json.dumps(told))
    with (folder / "stack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def run(name: str, data_dir: Path, **parameters: Any) -> Shown:
    """Execute a notebook on a data directory."""
    before = dict(os.environ)
    os.environ.pop("TAILNUMBER_BIGQUERY_PROJECT", None)
    os.environ["TAILNUMBER_DATA_DIR"] = str(data_dir)
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        return Shown(runner().execute(NOTEBOOKS / f"{name}.ipynb", {**PERIOD, **parameters}))
    finally:
        os.environ.clear()
        os.environ.update(before)


def example(name: str, data_dir: Path) -> dict[str, str]:
    """The files of docs/notebooks for one notebook, on the planted month."""
    parameters = {"fingerprint": SECRET} if name == "01_incident" else {}
    shown = run(name, data_dir, **parameters)
    files = runner().render(shown.notebook, name, leave_out="reads")
    page = f"{name}.md"
    return {**files, page: f"{NOTE}\n\n{files[page].replace('](../docs/', '](../')}"}


def planted() -> Month:
    """The month with what is planted, and a key in force of somebody who left in it."""
    month, gone = Month(), Person(201)
    plant(month)
    month.event(
        "key.issued", at(2, 12), principal=gone.principal, gateway_key_id=gone.key_id,
        key_class="header", holder=gone.principal, expires_at="2027-01-01T00:00:00Z",
    )  # fmt: skip
    return month


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as data,
        tempfile.TemporaryDirectory() as stack,
        running_warehouse(Path(data)) as warehouse,
        stack_of(warehouse, Path(stack), planted().load) as data_dir,
    ):
        for name in EXAMPLES:
            for file, text in example(name, data_dir).items():
                (folder / file).write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
