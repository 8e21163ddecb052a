"""Write a plan into the clients' files, remember what was there, and put it back.

``clients.json`` in the command line's configuration folder (mode 0600) says of every configured
client which files were written, where the backup is, and what stood at each place before. Undo
restores the very bytes of a file that nobody changed since, else only the places that were ours.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from filelock import FileLock, Timeout

from tailnumber.clients.formats import FORMATS, MISSING, BrokenFile, Item
from tailnumber.clients.formats import Path as Place
from tailnumber.clients.plan import FileEdit, Plan
from tailnumber.errors import CommandError
from tailnumber.files import private_folder, write_atomic, write_private

_BACKUP_SUFFIX: Final = ".tailnumber-backup"
_PRIVATE: Final = 0o600
# A plan is a few small files.
_LOCK_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done to a file; ``backup`` keeps what stood in it before we came."""

    file: Path
    done: Literal["written", "unchanged", "restored", "taken out", "removed"]
    backup: Path | None = None


class Ledger:
    """The clients that are configured, and how they were before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "clients.json"

    def configured(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what is noted of each configured client."""
        return self._read()

    def write(
        self, client: str, gateway: str, plan: Plan, options: Mapping[str, Any]
    ) -> list[Outcome]:
        """Carry a plan out: every file is worked out before the first is written.

        Raises:
            CommandError: a file cannot be read as what it should be; then none was changed.
        """
        with self._alone():
            return self._write_plan(client, gateway, plan, options)

    def _write_plan(
        self, client: str, gateway: str, plan: Plan, options: Mapping[str, Any]
    ) -> list[Outcome]:
        noted = self._read()
        files = dict(noted.get(client, {}).get("files", {}))
        todo: list[tuple[FileEdit, str, str]] = []
        for edit in plan.edits:
            text = _text(edit.file)
            files[str(edit.file)], new = _work_out(edit, text, files.get(str(edit.file)))
            todo.append((edit, text, new))
        outcomes = []
        for edit, text, new in todo:
            outcomes.append(_prepare(edit.file, text, new, files[str(edit.file)]))
        entry = {"gateway": gateway, "options": dict(options), "files": files}
        self._write({**noted, client: entry})
        for edit, text, new in todo:
            if new != text:
                mode = _PRIVATE if edit.holds_key else _mode(edit.file)
                write_atomic(edit.file, new.encode(), mode)
        return outcomes

    def undo(self, client: str) -> list[Outcome]:
        """Put back what a client's files were, and forget about it.

        Raises:
            CommandError: it was not configured by us, or a file is broken; then none was changed.
        """
        with self._alone():
            return self._undo(client)

    def _undo(self, client: str) -> list[Outcome]:
        noted = self._read()
        if client not in noted:
            raise CommandError(f"{client} was not configured by tailnumber; nothing to undo.")
        files = noted.pop(client)["files"]
        done = [_undone(Path(name), entry) for name, entry in files.items()]
        for (name, entry), (_, new) in zip(files.items(), done, strict=True):
            file, backup = Path(name), _backup(Path(name))
            if new is None:
                file.unlink(missing_ok=True)
            else:
                write_atomic(file, new, entry["mode"])
            backup.unlink(missing_ok=True)
        self._write(noted)
        return [outcome for outcome, _ in done]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep a renewal by cron and a person's command from writing at one time."""
        private_folder(self._folder)
        try:
            with FileLock(self._folder / "clients.lock", timeout=_LOCK_SECONDS, mode=_PRIVATE):
                yield
        except Timeout:
            raise CommandError(
                "Another tailnumber configures a client right now; try again when it is done."
            ) from None

    def _read(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._file.read_bytes())["clients"])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f"{self._file} cannot be read ({type(error).__name__}); remove it, then undo by "
                f"hand from the backups beside each file (*{_BACKUP_SUFFIX})."
            ) from None  # the cause may quote a secret

    def _write(self, clients: Mapping[str, Any]) -> None:
        document = {"version": 1, "clients": clients}
        write_private(self._file, json.dumps(document, indent=2).encode() + b"\n")


def _work_out(
    edit: FileEdit, text: str, entry: Mapping[str, Any] | None
) -> tuple[dict[str, Any], str]:
    """Return what to note of a file and its new text; what stood there first is kept."""
    before = dict(entry["before"]) if entry else {}
    chosen = FORMATS[edit.format]
    new = text
    try:
        for place, value in edit.values:
            stood = chosen.get(new, place)
            name = json.dumps(place)
            before.setdefault(name, None if stood is MISSING else [stood])
            new = chosen.put(new, place, value)
    except BrokenFile as broken:
        raise _refusal(edit.file, broken) from None
    noted = {
        "format": edit.format,
        "existed": entry["existed"] if entry else edit.file.exists(),
        "mode": entry["mode"] if entry else _mode(edit.file),
        "written_hash": _hash(new.encode()),
        "before": before,
    }
    return noted, new


def _prepare(file: Path, text: str, new: str, entry: Mapping[str, Any]) -> Outcome:
    """Make the backup, once, before anything is written."""
    backup = _backup(file)
    if entry["existed"] and not backup.exists():
        write_private(backup, text.encode())
    kept = backup if entry["existed"] else None
    return Outcome(file, "unchanged" if new == text else "written", kept)


def _undone(file: Path, entry: Mapping[str, Any]) -> tuple[Outcome, bytes | None]:
    """Return what becomes of a file, and its bytes; None: it goes."""
    backup = _backup(file)
    text = _text(file)
    if _hash(text.encode()) == entry["written_hash"] or not file.exists():
        if not entry["existed"]:
            return Outcome(file, "removed"), None
        if backup.exists():
            return Outcome(file, "restored"), backup.read_bytes()
    chosen = FORMATS[entry["format"]]
    try:
        for name, stood in reversed(list(entry["before"].items())):
            place = _place(name)
            text = chosen.drop(text, place) if stood is None else chosen.put(text, place, stood[0])
    except BrokenFile as broken:
        raise _refusal(file, broken) from None
    return Outcome(file, "taken out"), text.encode()


def _refusal(file: Path, broken: BrokenFile) -> CommandError:
    return CommandError(
        f"{file}, line {broken.line}: {broken.what}. Nothing was changed; mend it, then try again."
    )


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise _refusal(file, BrokenFile(1, "it is not UTF-8")) from None
    except OSError as error:
        raise CommandError(f"{file} cannot be read ({error.strerror}).") from error


def _place(name: str) -> Place:
    steps = json.loads(name)
    return tuple(Item(step) if isinstance(step, list) else step for step in steps)


def _backup(file: Path) -> Path:
    return file.with_name(file.name + _BACKUP_SUFFIX)


def _mode(file: Path) -> int:
    return file.stat().st_mode & 0o777 if file.exists() else _PRIVATE


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
