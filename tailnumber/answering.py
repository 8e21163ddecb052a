"""Put a shipped question to the warehouse, and print what it answers or would read."""

import csv
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

from schemas.question_sql import VIEWS
from schemas.question_values import Value
from schemas.questions import Question
from schemas.scanned import row_bytes
from tailnumber.commands.options import layout_of
from tailnumber.output import console, counted, print_json, say, table, to_json
from tailnumber.trail import Answer, Trail, open_bigquery, open_trail

# What a question's rows are counted between if it has no such parameter.
_ALWAYS: Final[Mapping[str, Value]] = {
    "since": datetime(1970, 1, 1, tzinfo=UTC),
    "until": datetime(9999, 1, 1, tzinfo=UTC),
}

# What a spreadsheet takes for the beginning of a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Scan:
    """What a question reads of one view in its period."""

    view: str
    columns: tuple[str, ...]
    row_count: int
    bytes: int


def open_asked(project: str | None, data_dir: Path | None) -> AbstractContextManager[Trail]:
    """Connect to BigQuery in a project, or to the stack of this machine if none is named."""
    if project is not None:
        return open_bigquery(project)
    return open_trail(layout_of(data_dir).read_endpoints())


def show_answer(question: Question, values: Mapping[str, Any], answer: Answer) -> None:
    """Print an answer as a table."""
    rows = ([row[name] for name in answer.columns] for row in answer.rows)
    console().print(table(answer.columns, rows, title=question.question))
    count = counted(len(answer.rows), "row")
    say(f"{count}; {told(values)}" if values else count, style="dim")


def told(values: Mapping[str, Any]) -> str:
    """Return parameters as ``name=value``, times to the minute."""
    return ", ".join(f"{name}={_short(value)}" for name, value in values.items())


def write_csv(file: TextIO, answer: Answer, *, for_spreadsheets: bool = False) -> None:
    """Write an answer as comma-separated values with a line of names.

    For spreadsheets a text that one would run as a formula gets an apostrophe before it: names of
    files, repositories and programs come from whoever sent the request.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(answer.columns)
    for row in answer.rows:
        cells = [_cell(row[name]) for name in answer.columns]
        writer.writerow([_inert(each) for each in cells] if for_spreadsheets else cells)


def _cell(value: Any) -> Any:
    made = to_json(value)
    return json.dumps(made, ensure_ascii=False) if isinstance(made, list | dict) else made


def _inert(cell: Any) -> Any:
    # Source: OWASP, "CSV Injection".
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def show_estimate(
    trail: Trail,
    question: Question,
    values: Mapping[str, Any],
    *,
    dry: bool,
    as_json: bool,
) -> None:
    """Print what BigQuery reads for a question; on BigQuery itself also its dry run's figure."""
    read = _scans(trail, question, values)
    total = sum(each.bytes for each in read)
    exact = trail.bytes_read(question.sql, **values) if dry else None
    if as_json:
        tables = [
            {"view": s.view, "columns": s.columns, "rows": s.row_count, "bytes": s.bytes}
            for s in read
        ]
        print_json({"estimated_bytes": total, "dry_run_bytes": exact, "tables": tables})
        return
    rows = [[s.view, len(s.columns), s.row_count, s.bytes] for s in read]
    console().print(table(["view", "columns", "rows in the period", "bytes"], rows))
    say(f"{total:,} bytes estimated: columns times rows. BigQuery bills 10 MiB a table at least.")
    if exact is not None:
        say(f"{exact:,} bytes by BigQuery's own dry run.")


def _scans(trail: Trail, question: Question, values: Mapping[str, Value]) -> list[Scan]:
    period = {name: values.get(name, always) for name, always in _ALWAYS.items()}
    found = []
    for view, columns in question.reads.items():
        field = VIEWS[view].partition_field
        counting = f"SELECT COUNT(*) AS n FROM {view} WHERE {field} >= @since AND {field} < @until"  # noqa: S608  (names of the contract)
        rows = trail.ask(counting, **period).rows[0]["n"]
        found.append(Scan(view, columns, rows, rows * row_bytes(view, columns)))
    return found


def _short(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M")
    return ",".join(value) if isinstance(value, tuple) else str(value)
