"""Write everything that was recorded about a person into one archive, its texts opened.

JSON Lines for programs, ``README.md`` and ``conversations.md`` for the person.
"""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from ingress.control.erasure import Erasure, Person
from schemas.tables import TABLES, Table
from tailnumber.errors import CommandError
from tailnumber.lifecycle.scopes import FLOOR
from tailnumber.output import as_utc, to_json
from tailnumber.reader import Reader
from tailnumber.trail import Trail

_PARTS: Final = TABLES["content.parts_v1"]
# Keys open texts; the person gets the texts. The record repeats the row, with its proof.
_LEFT_OUT_DATASETS: Final = frozenset({"keys"})
_ERASED: Final = "(erased)"
_MODE: Final = 0o600

Progress = Callable[[str], None]


def export_person(  # noqa: PLR0913, PLR0917  (whose, from where, to where)
    trail: Trail,
    reader: Reader,
    people: Sequence[Person],
    erasures: Sequence[Erasure],
    path: Path,
    progress: Progress,
) -> dict[str, int]:
    """Write the archive and return how many rows of each table are in it.

    The file appears whole or not at all, readable by this account alone.

    Raises:
        CommandError: it cannot be written, or the warehouse failed.
    """
    principal_ids = tuple(person.principal_id for person in people)
    handle, name = -1, ""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            counts = _write(trail, reader, people, erasures, principal_ids, file, progress)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(_MODE)
        Path(name).replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written ({error.strerror}).") from error
    finally:
        if name:
            Path(name).unlink(missing_ok=True)
    return counts


def sessions_of(trail: Trail, people: Sequence[Person]) -> list[dict[str, Any]]:
    """Return the sessions whose texts an export opens, for the record of who read what."""
    ids = tuple(person.principal_id for person in people)
    rows = trail.ask(
        f"SELECT DISTINCT session_id, principal_id FROM {_PARTS.id} "  # noqa: S608  (names of ours)
        f"WHERE {_PARTS.partition_field} >= {FLOOR} AND principal_id IN UNNEST(@ids) ORDER BY 1",
        ids=ids,
    ).rows
    return rows or [{"principal_id": identifier} for identifier in ids]


def _write(  # noqa: PLR0913, PLR0917  (as its caller)
    trail: Trail,
    reader: Reader,
    people: Sequence[Person],
    erasures: Sequence[Erasure],
    principal_ids: tuple[str, ...],
    file: IO[bytes],
    progress: Progress,
) -> dict[str, int]:
    counts: dict[str, int] = {}
    hashes: dict[str, str] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in TABLES.values():
            query = _query(table)
            if query is None:
                continue
            progress(table.view_id)
            rows = trail.stream(query, ids=principal_ids)
            name = f"{table.dataset}.{table.name}.jsonl"
            if table is _PARTS:
                with tempfile.TemporaryFile() as conversations:
                    rows = _opened(rows, reader, conversations)
                    counts[table.view_id], hashes[name] = _lines(archive, name, rows)
                    conversations.seek(0)
                    _copy(archive, "conversations.md", conversations)
            else:
                counts[table.view_id], hashes[name] = _lines(archive, name, rows)
        manifest = {
            "exported_at": datetime.now(UTC),
            "accounts": [_account(person) for person in people],
            "row_counts": counts,
            "sha256": hashes,
            "erasures": [
                {"state": e.state, "requested_at": e.requested_at, "finished_at": e.finished_at}
                for e in erasures
            ],
        }
        archive.writestr("manifest.json", json.dumps(to_json(manifest), indent=2) + "\n")
        archive.writestr("README.md", _readme(people, counts, erasures))
    return counts


def _query(table: Table) -> str | None:
    """Return the rows of a person in a table's view; None: it tells of no person."""
    columns = table.row.model_fields
    named = [name for name in ("principal_id", "holder_principal_id") if name in columns]
    if not named or table.dataset in _LEFT_OUT_DATASETS:
        return None
    about = " OR ".join(f"{name} IN UNNEST(@ids)" for name in named)
    order = ["session_id"] if table is _PARTS else []
    order += [table.partition_field, *(name for name in ("event_id",) if name in columns)]
    return (
        f"SELECT * FROM {table.view_id} "  # noqa: S608  (names of ours)
        f"WHERE {table.partition_field} >= {FLOOR} AND ({about}) ORDER BY {', '.join(order)}"
    )


def _lines(archive: zipfile.ZipFile, name: str, rows: Iterator[Any]) -> tuple[int, str]:
    """Write rows as JSON Lines; return how many, and the file's SHA-256."""
    count, digest = 0, hashlib.sha256()
    with archive.open(name, "w", force_zip64=True) as member:
        for row in rows:
            line = json.dumps(to_json(row), ensure_ascii=False).encode() + b"\n"
            digest.update(line)
            member.write(line)
            count += 1
    return count, digest.hexdigest()


def _opened(
    rows: Iterator[Any], reader: Reader, conversations: IO[bytes]
) -> Iterator[dict[str, Any]]:
    """Yield parts with their text in place of the ciphertext; tell them to a person beside it."""
    out = io.TextIOWrapper(conversations, "utf-8", write_through=True)
    out.write("# Conversations\nEach text once, where it was first said; secrets were masked.\n")
    session = None
    for found in rows:
        row = dict(found)
        row["text"] = reader.part(row)
        row.pop("ciphertext", None)
        if row["session_id"] != session:
            session = row["session_id"]
            out.write(f"\n## Session {session}\n")
        out.write(f"\n**{row['role'] or 'text'}**, {as_utc(row['occurred_at']):%Y-%m-%d %H:%M:%S}")
        out.write(f" UTC\n\n{_quoted(row.get('text'))}\n")
        yield row
    out.detach()


def _quoted(text: str | None) -> str:
    return "\n".join(f"    {line}" for line in (_ERASED if text is None else text).splitlines())


def _copy(archive: zipfile.ZipFile, name: str, source: IO[bytes]) -> None:
    with archive.open(name, "w", force_zip64=True) as member:
        while piece := source.read(1 << 20):
            member.write(piece)


def _account(person: Person) -> dict[str, Any]:
    account = person.account
    return {
        "principal_id": person.principal_id,
        "issuer": account.issuer,
        "subject": account.subject,
        "email": account.email,
    }


def _readme(people: Sequence[Person], counts: dict[str, int], erasures: Sequence[Erasure]) -> str:
    lines = ["# What Tailnumber recorded about you", ""]
    lines += [
        f"- account {each.account.subject} at {each.account.issuer}"
        + (f", {each.account.email}" if each.account.email else "")
        + f" (in the records: {each.principal_id})"
        for each in people
    ]
    lines += ["", "| file | rows | what |", "|---|---|---|"]
    for table in TABLES.values():
        if table.view_id in counts:
            what = table.description.replace("|", "/")
            count = counts[table.view_id]
            lines.append(
                f"| {table.view_id}.jsonl | {count} | {what} Kept {table.retention_days} days. |"
            )
    lines += [
        "| conversations.md | | The texts to read, session by session. |",
        "",
        "Secrets that were masked before a text was recorded are in no file: they were never kept.",
    ]
    for each in erasures:
        when = each.finished_at or each.requested_at
        lines.append(
            f"- erasure asked for on {each.requested_at:%Y-%m-%d}: {each.state}, {when:%F}"
        )
    return "\n".join(lines) + "\n"
