"""What is demanded of the example's plan: each demand a guard, with the changes that it must catch."""

import dataclasses
import functools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from terraform_plan import Break, Plan

CONTRACT = Path(__file__).resolve().parents[2] / "schemas" / "generated"

Find = Callable[[Plan], Iterable[str]]


@dataclasses.dataclass(frozen=True)
class Guard:
    """A demand in one sentence, how to find what breaks it, and plans that do."""

    demand: str
    find: Find
    breaks: tuple[Break, ...]
    # Guards that the same changes rightly set off too.
    also: tuple[str, ...] = ()

    def complaints(self, plan: Plan) -> list[str]:
        """List what in the plan breaks the demand."""
        return list(self.find(plan))


GUARDS: list[Guard] = []


def guard(demand: str, *breaks: Break, also: tuple[str, ...] = ()) -> Callable[[Find], Find]:
    """Register the function as the finder of a demand."""

    def register(find: Find) -> Find:
        GUARDS.append(Guard(demand, find, breaks, also))
        return find

    return register


@functools.cache
def access() -> dict[str, Any]:
    """Load the rights that schemas/ renders."""
    return json.loads((CONTRACT / "access.json").read_text())


@functools.cache
def tables() -> dict[str, dict[str, Any]]:
    """Load the tables that schemas/ renders, by `dataset.table`."""
    return {p.stem: json.loads(p.read_text()) for p in sorted((CONTRACT / "tables").glob("*.json"))}


def differences(wanted: Iterable[Any], found: Iterable[Any]) -> Iterable[str]:
    """Tell two sets apart: what is missing, what is too much."""
    wanted, found = set(wanted), set(found)
    yield from sorted(f"missing: {each}" for each in wanted - found)
    yield from sorted(f"not in the contract: {each}" for each in found - wanted)
