"""Write everything that is rendered from the contract, and say what is out of date."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from schemas import access_matrix
from schemas.bigquery import render_table
from schemas.jsonschema import render_event
from schemas.pages import access_page, cost_page, tables_page
from schemas.procedures import Procedure, procedures
from schemas.protobuf import render_messages
from schemas.question_page import questions_page
from schemas.registry import EVENTS
from schemas.retention import retention_document
from schemas.tables import TABLES
from schemas.views import TableFunction, functions, views

GENERATED: Final = Path(__file__).parent / "generated"
# Looker takes one folder as a project: what is rendered for it stands among what is not.
LOOKER: Final = Path(__file__).parent / "looker" / "views"
DOCS: Final = Path(__file__).parent.parent / "docs"


def documents() -> Mapping[str, str]:
    """Return the text of every generated file by its path under ``generated``.

    Raises:
        ContractError: the contract cannot be rendered.
    """
    result = {}
    for (event_type, version), record in EVENTS.items():
        path = f"events/{event_type}.{version}.schema.json"
        result[path] = _json(render_event(event_type, version, record))
    for table in TABLES.values():
        result[f"tables/{table.id}.json"] = _json(render_table(table))
    for view_id, query in views().items():
        result[f"views/{view_id}.sql"] = query
    for view_id, query in access_matrix.reporting_views().items():
        result[f"views/{view_id}.sql"] = query
    result["pubsub/audit_events.proto"] = render_messages()
    for procedure in procedures().values():
        result[f"procedures/{procedure.id}.sql"] = procedure.statement
        result[f"procedures/{procedure.id}.json"] = _json(
            _routine("PROCEDURE", procedure, procedure.body)
        )
    result["access.json"] = _json(access_matrix.document())
    result["retention.json"] = _json(retention_document())
    for function in functions().values():
        result[f"functions/{function.id}.json"] = _json(
            _routine("TABLE_VALUED_FUNCTION", function, function.query)
        )
    return result


def stale(directory: Path = GENERATED, fresh: Mapping[str, str] | None = None) -> list[str]:
    """Return one sentence for each file that is missing, different or left over.

    ``fresh`` is what the directory should hold, ``documents()`` unless given.
    """
    fresh, found = documents() if fresh is None else fresh, _read(directory)
    sentences = []
    for path in sorted(fresh.keys() | found.keys()):
        if path not in found:
            sentences.append(f"{path} is missing")
        elif path not in fresh:
            sentences.append(f"{path} belongs to nothing in the contract")
        elif found[path] != fresh[path].encode():
            sentences.append(f"{path} differs from the contract")
    return sentences


def write(directory: Path = GENERATED, fresh: Mapping[str, str] | None = None) -> list[str]:
    """Write what is out of date, remove what is left over; return one sentence for each."""
    fresh, done = documents() if fresh is None else fresh, []
    found = _read(directory)
    for path in sorted(found.keys() - fresh.keys()):
        (directory / path).unlink()
        done.append(f"removed {path}")
    for path, text in fresh.items():
        if found.get(path) == text.encode():
            continue
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(text.encode())
        done.append(f"wrote {path}")
    return done


def pages() -> Mapping[str, str]:
    """Return the text of every page of docs/ that is rendered, by its file's name."""
    return {
        "access.md": access_page(),
        "cost.md": cost_page(),
        "questions.md": questions_page(),
        "tables.md": tables_page(),
    }


def stale_pages(directory: Path = DOCS) -> list[Path]:
    """Return the pages that are missing or say something else than the contract."""
    return [
        directory / name
        for name, text in pages().items()
        if not (directory / name).is_file()
        or (directory / name).read_text(encoding="utf-8") != text
    ]


def _read(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


def _routine(kind: str, routine: TableFunction | Procedure, body: str) -> dict[str, Any]:
    dataset, name = routine.id.split(".")
    return {
        "dataset": dataset,
        "routine_id": name,
        "routine_type": kind,
        "description": routine.description,
        "parameters": dict(routine.parameters),
        "query": body,
    }


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
