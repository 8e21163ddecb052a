"""Let rows go when their time is over, and keep those under a legal hold beyond it.

BigQuery itself drops a partition whose time is over; the one-machine warehouse does not, so here
its rows are deleted. BigQuery knows no hold: what a hold keeps is copied to the dataset ``hold``,
which does not expire, before it goes, and leaves there when the last hold on it is released.
Run it once a day, on either warehouse.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from google.api_core import exceptions

from ingress.control.holds import Hold
from pipeline.tables import apply_table
from schemas.bigquery import render_table
from schemas.retention import RetentionError, expired_before
from schemas.tables import HOLD_DATASET, TABLES, Table
from tailnumber.errors import CommandError
from tailnumber.lifecycle.scopes import FLOOR, Condition, held_rows, held_table
from tailnumber.trail import Trail, failures_told

# Held rows are copied so long before they expire: a job that fails for some days loses nothing.
COPY_AHEAD: Final = timedelta(days=14)
_DAY_MILLISECONDS: Final = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done to one table, or would be."""

    table: str
    retention_class: str
    days: int
    expired_before: datetime
    copied_count: int
    deleted_count: int
    let_go_count: int


def expiry_problems(trail: Trail) -> list[str]:
    """Return one sentence for each table that keeps its rows for another time than it should."""
    problems = []
    for table in TABLES.values():
        days = _live_days(trail, table)
        try:
            if days is None:
                problems.append(
                    f"{table.id}: rows never expire; {table.retention_days} days are due"
                )
            else:
                table.retention.check(days)
                if days != table.retention_days:
                    problems.append(
                        f"{table.id}: expires after {days} days, the contract says "
                        f"{table.retention_days}"
                    )
        except RetentionError as error:
            problems.append(f"{table.id}: {error}")
    return problems


def prepare_hold(trail: Trail) -> None:
    """Make the tables of the dataset ``hold``, or bring them to the contract's columns.

    On Google Cloud terraform has done it, and the account that runs this may not.

    Raises:
        CommandError: BigQuery did not take them.
    """
    with failures_told():
        lacking = [table for table in _copied_tables() if not _has_held_table(trail, table)]
        if lacking:
            trail.client.create_dataset(HOLD_DATASET, exists_ok=True)
        for table in lacking:
            tags = _policy_tags(trail, table)
            apply_table(trail.client, _held_document(table), tags)


def retain(  # noqa: PLR0913  (what decides, and how it is carried out)
    trail: Trail,
    holds: Sequence[Hold],
    now: datetime,
    *,
    enforce: bool,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Copy what holds keep, then delete what has expired; return what was done per table.

    Args:
        trail: the warehouse.
        holds: the open holds.
        now: the time that decides what has expired.
        enforce: delete expired rows here; False where BigQuery does it.
        dry_run: count alone.
        progress: is told the name of each table.

    Raises:
        CommandError: BigQuery refused, or a table's expiry is outside its class's range. What was
            done to other tables stays; running it again goes on.
    """
    prepare_hold(trail)
    outcomes = []
    # Interactions last: they tell which sessions a hold on a repository or a period keeps.
    for table in sorted(TABLES.values(), key=lambda table: table.name == "interactions"):
        progress(table.id)
        days = _days(trail, table)
        edge = expired_before(now, days, table.partition_type)
        ahead = expired_before(now + COPY_AHEAD, days, table.partition_type)
        outcomes.append(
            Outcome(
                table=table.id,
                retention_class=table.retention.name,
                days=days,
                expired_before=edge,
                copied_count=_copy(trail, table, holds, ahead, dry_run=dry_run),
                deleted_count=_delete(trail, table, edge, dry_run=dry_run) if enforce else 0,
                let_go_count=_let_go(trail, table, holds, dry_run=dry_run),
            )
        )
    return outcomes


def _copied_tables() -> Iterator[Table]:
    return (table for table in TABLES.values() if table.held_id is not None)


def _has_held_table(trail: Trail, table: Table) -> bool:
    """Tell whether the table of held rows is there with the contract's columns."""
    try:
        live = trail.client.get_table(held_table(table))
    except exceptions.NotFound:
        return False
    wanted = {(column["name"], column["mode"]) for column in render_table(table)["schema"]}
    return wanted <= {(field.name, field.mode) for field in live.schema}


def _copy(
    trail: Trail, table: Table, holds: Sequence[Hold], before: datetime, *, dry_run: bool
) -> int:
    condition = _any_of(table, holds)
    if table.held_id is None or condition is None:
        return 0
    names = ", ".join(f"`{name}`" for name in table.row.model_fields)
    same = " AND ".join(f"kept.`{name}` = due.`{name}`" for name in table.identity)
    # Each row of the table, not of its view: the stages of an interaction stay apart.
    if "event_id" in table.row.model_fields and "event_id" not in table.identity:
        same += " AND kept.`event_id` = due.`event_id`"
    rows = (
        f"FROM {table.id} AS due "  # noqa: S608  (names of ours)
        f"WHERE {table.partition_field} < @before AND ({condition.sql}) "
        f"AND NOT EXISTS (SELECT 1 FROM {held_table(table)} AS kept "
        f"WHERE kept.{table.partition_field} >= {FLOOR} AND {same})"
    )
    if dry_run:
        return _count(trail, rows, before=before, **condition.values)
    return trail.change(
        f"INSERT INTO {held_table(table)} ({names}) SELECT {names} {rows}",
        before=before,
        **condition.values,
    )


def _delete(trail: Trail, table: Table, before: datetime, *, dry_run: bool) -> int:
    rows = f"FROM {table.id} WHERE {table.partition_field} < @before"
    if dry_run:
        return _count(trail, rows, before=before)
    return trail.change(f"DELETE {rows}", before=before)


def _let_go(trail: Trail, table: Table, holds: Sequence[Hold], *, dry_run: bool) -> int:
    if table.held_id is None:
        return 0
    condition = _any_of(table, holds) or Condition("FALSE")
    rows = (
        f"FROM {held_table(table)} WHERE {table.partition_field} >= {FLOOR} "
        f"AND ({condition.sql}) IS NOT TRUE"
    )
    if dry_run:
        return _count(trail, rows, **condition.values)
    return trail.change(f"DELETE {rows}", **condition.values)


def _any_of(table: Table, holds: Sequence[Hold]) -> Condition | None:
    found = [held_rows(table, hold, f"h{number}") for number, hold in enumerate(holds)]
    conditions = [condition for condition in found if condition is not None]
    if not conditions:
        return None
    merged = Condition(" OR ".join(f"({each.sql})" for each in conditions))
    for each in conditions:
        merged.values |= each.values
    return merged


def _count(trail: Trail, rows: str, **values: Any) -> int:
    (row,) = trail.ask(f"SELECT COUNT(*) AS row_count {rows}", **values).rows
    return int(row["row_count"])


def _days(trail: Trail, table: Table) -> int:
    days = _live_days(trail, table)
    try:
        days = table.retention_days if days is None else days
        table.retention.check(days)
    except RetentionError as error:
        raise CommandError(
            f"{table.id}: {error}; set the table's expiry right, then run this again"
        ) from error
    return days


def _live_days(trail: Trail, table: Table) -> int | None:
    with failures_told():
        partitioning = trail.client.get_table(table.id).time_partitioning
    expiration = None if partitioning is None else partitioning.expiration_ms
    return None if expiration is None else int(expiration) // _DAY_MILLISECONDS


def _held_document(table: Table) -> dict[str, Any]:
    document = render_table(table)
    dataset, _, name = held_table(table).partition(".")
    partitioning = {**document["time_partitioning"], "expiration_ms": None}
    return {
        **document,
        "dataset": dataset,
        "table_id": name,
        "description": f"Rows of {table.id} that a legal hold keeps beyond their time.",
        "time_partitioning": partitioning,
    }


def _policy_tags(trail: Trail, table: Table) -> Mapping[str, str]:
    """Return class -> policy tag, as the table itself has them: a copy is no less protected."""
    try:
        live = trail.client.get_table(table.id)
    except exceptions.NotFound:
        raise CommandError(
            f"There is no table {table.id}; run the pipeline or terraform first."
        ) from None
    tags = {field.name: field.policy_tags for field in live.schema if field.policy_tags}
    classes = {column["name"]: column["classification"] for column in render_table(table)["schema"]}
    return {classes[name]: tag.names[0] for name, tag in tags.items() if tag and tag.names}
