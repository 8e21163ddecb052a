"""Find the committed examples of the contract and take them apart."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import schemas
from schemas.registry import EVENTS

DIRECTORY = Path(schemas.__file__).parent / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """A record's example; ``case`` is its name between the version and the ending."""

    file: Path
    event: tuple[str, int]
    case: str
    passes: bool

    def __str__(self) -> str:
        return self.file.name


def records() -> list[Example]:
    found = []
    for event_type, version in EVENTS:
        prefix = f"{event_type}.{version}."
        for file in sorted(DIRECTORY.glob(f"{prefix}*.json")):
            case, outcome, _ = file.name.removeprefix(prefix).rsplit(".", 2)
            found.append(Example(file, (event_type, version), case, outcome == "pass"))
    return found


def valid_records() -> list[Example]:
    return [example for example in records() if example.passes]


def messages(outcome: str) -> list[Path]:
    return sorted(DIRECTORY.glob(f"message.*.{outcome}.json"))


Location = tuple[str | int, ...]


def locations(value: Any, at: Location = ()) -> Iterator[Location]:
    """Yield the location of every value inside a JSON document."""
    members: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
    for step, member in members:
        yield (*at, step)
        yield from locations(member, (*at, step))


def replaced(document: Any, location: Location, value: Any) -> Any:
    """Return a copy of a JSON document with another value at a location."""
    copy = json.loads(json.dumps(document))
    target = copy
    for step in location[:-1]:
        target = target[step]
    target[location[-1]] = value
    return copy
