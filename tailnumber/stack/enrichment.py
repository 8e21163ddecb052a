"""Find the files of enrichment for one machine: named by a person, or in the data directory."""

from pathlib import Path

from pipeline.refresh import FILE_NAMES, Sources, check_sources
from tailnumber.errors import CommandError
from tailnumber.stack.layout import Layout


def found_sources(layout: Layout, given: Sources) -> Sources:
    """Return the sources: each as given, else the file of its name in the data directory."""
    named = given.named()
    found = {name: layout.enrichment / file for name, file in FILE_NAMES.items()}
    there = {name: str(path) for name, path in found.items() if path.is_file()}
    return Sources(**{**there, **{name: _absolute(place) for name, place in named.items()}})


def checked_sources(layout: Layout, given: Sources) -> Sources:
    """Return the sources, each of which can be read.

    Raises:
        CommandError: one cannot; says file, line and why.
    """
    sources = found_sources(layout, given)
    if wrong := check_sources(sources):
        raise CommandError("Enrichment is refused: " + "; ".join(wrong.values()) + ".")
    return sources


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).expanduser().absolute())
