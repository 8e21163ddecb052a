"""Read the sources of enrichment and follow their files while the pipeline runs.

One set per process, shared by its threads and looked at between bundles: a changed file is read
whole and then swapped in; one that is not in its form is told and the one before it stays. Why no
side input: docs/decisions/20261120-enrichment-in-the-worker.md.
"""

# mypy: disable-error-code="no-untyped-call"
# Beam leaves most of its calls unannotated.

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pipeline.enrich import Knowledge
from pipeline.enrichment.countries import read_countries
from pipeline.enrichment.directory import read_directory
from pipeline.enrichment.prices import read_prices
from pipeline.enrichment.repositories import read_repositories
from pipeline.errors import SourceError

logger = logging.getLogger(__name__)

# Between two looks at a file in a bucket; a look at a local file is free.
REMOTE_SECONDS: Final = 60.0

_READERS: Final[Mapping[str, Callable[[bytes, str], Any]]] = MappingProxyType(
    {
        "directory": read_directory,
        "repositories": read_repositories,
        "prices": read_prices,
        "countries": read_countries,
    }
)
# What each file is called where none is named: `tailnumber up` finds them in its data directory.
FILE_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "directory": "directory.csv",
        "repositories": "repositories.csv",
        "prices": "prices.csv",
        "countries": "countries.mmdb",
    }
)

# What each source of enrichment is, for people.
SOURCE_HELP: Final[Mapping[str, str]] = MappingProxyType(
    {
        "directory": "CSV of people: department, manager, cost centre (docs/enrichment.md)",
        "repositories": "CSV of repositories: owner and criticality",
        "prices": "CSV of model prices per million tokens",
        "countries": "database in MaxMind's format (.mmdb): country of an address",
    }
)

Signature = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where each source lies: a path, or a URL that Beam reads (``gs://…``); ``None`` is none."""

    directory: str | None = None
    repositories: str | None = None
    prices: str | None = None
    countries: str | None = None

    def named(self) -> dict[str, str]:
        """Return the sources that there are, by name."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: place for name, place in pairs if place}


NO_SOURCES: Final = Sources()


class KnownSources:
    """What the sources say now."""

    def __init__(self, sources: Sources, clock: Callable[[], float] = time.monotonic) -> None:
        self._places = sources.named()
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, Signature] = {}
        self._look_after: dict[str, float] = {}
        self._knowledge = Knowledge()
        # Source -> what is wrong with its file; it is empty while all is well.
        self.refused: dict[str, str] = {}

    def knowledge(self) -> Knowledge:
        """Return what is known, after a look at whether a file has changed.

        Raises:
            SourceError: a source has no version that could be read, now or before.
        """
        if self._places:
            with self._lock:
                for name, place in self._places.items():
                    self._look(name, place)
        return self._knowledge

    def _look(self, name: str, place: str) -> None:
        now = self._clock()
        if now < self._look_after.get(name, now):
            return
        try:
            # Forgotten first: a file that is away for a while is read when it is back.
            before = self._seen.pop(name, None)
            signature = self._seen[name] = _signature(place)
            if signature != before:
                self._swap(name, place)
        except SourceError as error:
            if getattr(self._knowledge, name) is None:
                self._seen.pop(name, None)
                raise
            if self.refused.get(name) != str(error):
                self.refused[name] = str(error)
                _log("source_refused", source=name, error=f"{error}; what was read before stays")
        if _is_remote(place):
            self._look_after[name] = now + REMOTE_SECONDS

    def _swap(self, name: str, place: str) -> None:
        started = time.monotonic()
        found = read_source(name, place)
        self._knowledge = self._knowledge._replace(**{name: found})
        self.refused.pop(name, None)
        seconds = round(time.monotonic() - started, 3)
        _log("source_read", source=name, duration_seconds=seconds)


def read_source(name: str, place: str) -> Any:
    """Return a source from its file.

    Raises:
        SourceError: it cannot be read or is not in its form.
    """
    shown = place.rpartition("/")[2] or place
    return _READERS[name](_read(place), shown)


def check_sources(sources: Sources) -> dict[str, str]:
    """Return what is wrong with each source's file; nothing if all can be used."""
    wrong = {}
    for name, place in sources.named().items():
        try:
            read_source(name, place)
        except SourceError as error:
            wrong[name] = str(error)
    return wrong


def _is_remote(place: str) -> bool:
    return "://" in place


def _signature(place: str) -> Signature:
    """Return what changes when a file does."""
    try:
        if not _is_remote(place):
            status = Path(place).stat()
            return status.st_mtime_ns, status.st_size, status.st_ino
        from apache_beam.io.filesystems import FileSystems

        (match,) = FileSystems.match([place], limits=[1])
        (file,) = match.metadata_list
    except Exception as error:  # noqa: BLE001  boundary: each file system raises its own
        raise _unreadable(place, error) from None
    return file.last_updated_in_seconds, file.size_in_bytes


def _read(place: str) -> bytes:
    try:
        if not _is_remote(place):
            return Path(place).read_bytes()
        from apache_beam.io.filesystems import FileSystems

        with FileSystems.open(place) as remote:
            return bytes(remote.read())
    except Exception as error:  # noqa: BLE001  boundary: each file system raises its own
        raise _unreadable(place, error) from None


def _unreadable(place: str, error: Exception) -> SourceError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return SourceError(f"{place}: cannot be read ({why})")


def _log(event: str, **values: object) -> None:
    logger.info(json.dumps({"event": event, **values}))
