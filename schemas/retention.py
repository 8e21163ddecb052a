"""Say how long each class of data is kept, between a floor that law sets and a ceiling. Pure.

One registry for tables, terraform and the checks. A table keeps its class's days; an environment
may choose others between floor and ceiling, and nothing outside of them passes a check.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

RetentionClass = Literal["content", "detail", "event", "proof"]


class RetentionError(ValueError):
    """A time to keep rows that is shorter than the floor or longer than the ceiling."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long one class is kept, days; ``basis`` says why not shorter and not longer."""

    name: RetentionClass
    days: int
    floor_days: int
    ceiling_days: int
    basis: str

    def check(self, days: int) -> None:
        """Refuse days outside the range.

        Raises:
            RetentionError: saying which bound, and why it stands there.
        """
        if not self.floor_days <= days <= self.ceiling_days:
            bound = "shorter" if days < self.floor_days else "longer"
            raise RetentionError(
                f"{days} days is {bound} than {self.name} data may be kept "
                f"({self.floor_days} to {self.ceiling_days} days: {self.basis})"
            )


# Source: EU AI Act (Regulation 2024/1689) art. 19(1) and 26(6), six months of logs; PCI DSS 4.0.1
# requirement 10.5.1, one year; HIPAA 45 CFR 164.316(b)(2), six years; GDPR art. 5(1)(e).
RETENTION: Final[Mapping[RetentionClass, Retention]] = MappingProxyType(
    {
        each.name: each
        for each in (
            Retention("content", 190, 183, 400, "EU AI Act art. 19 and 26(6); GDPR art. 5(1)(e)"),
            Retention("detail", 1096, 366, 1830, "PCI DSS 10.5.1; GDPR art. 5(1)(e)"),
            Retention("event", 2192, 2192, 2560, "HIPAA 164.316(b)(2); GDPR art. 5(1)(e)"),
            Retention("proof", 3653, 2192, 3660, "HIPAA 164.316(b)(2); proofs outlive their rows"),
        )
    }
)


def retention_document() -> dict[str, dict[str, int | str]]:
    """Return what terraform reads: per class the days, their floor and ceiling, and why."""
    return {
        each.name: {
            "days": each.days,
            "floor_days": each.floor_days,
            "ceiling_days": each.ceiling_days,
            "basis": each.basis,
        }
        for each in RETENTION.values()
    }


def retention_of(days: int) -> Retention:
    """Return the class that keeps rows for so many days by default.

    Raises:
        RetentionError: no class does.
    """
    for each in RETENTION.values():
        if each.days == days:
            return each
    known = ", ".join(f"{each.name} {each.days}" for each in RETENTION.values())
    raise RetentionError(f"no class of data is kept for {days} days; classes: {known}")


def expired_before(now: datetime, days: int, partition_type: Literal["DAY", "MONTH"]) -> datetime:
    """Return the time before which every partition has expired: the start of one.

    Source: BigQuery, "Managing partitioned tables": a partition expires when its own time (the
    start of its day or month, UTC) and the table's expiration have passed.
    """
    edge = (now.astimezone(UTC) - timedelta(days=days)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    if partition_type == "MONTH":
        edge = edge.replace(day=1)
    # The partition that begins at the edge has expired itself.
    following = edge + timedelta(days=1 if partition_type == "DAY" else 32)
    return following if partition_type == "DAY" else following.replace(day=1)
