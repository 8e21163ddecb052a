"""Carry a new legal hold out in the warehouse."""

from datetime import datetime

from sqlalchemy import Engine

from ingress.control.holds import Holds
from tailnumber.errors import CommandError
from tailnumber.lifecycle.retaining import retain
from tailnumber.lifecycle.scopes import FLOOR
from tailnumber.trail import Trail


def require_recorded(
    trail: Trail, session_ids: tuple[str, ...], repositories: tuple[str, ...]
) -> None:
    """Make sure that a hold does not name what was never recorded: it would keep nothing.

    Raises:
        CommandError: naming what is not known.
    """
    for column, title, values in (
        ("session_id", "session", session_ids),
        ("repository", "repository", repositories),
    ):
        if not values:
            continue
        rows = trail.ask(
            f"SELECT DISTINCT {column} AS one FROM audit.interactions_v1 "  # noqa: S608  (names of ours)
            f"WHERE requested_at >= {FLOOR} AND {column} IN UNNEST(@found)",
            found=values,
        ).rows
        missing = sorted({*values} - {row["one"] for row in rows})
        if missing:
            raise CommandError(
                f"No {title} {missing[0]!r} was recorded, so a hold would keep nothing of it; "
                "see: tailnumber sessions"
            )


def copy_now(trail: Trail, engine: Engine, now: datetime) -> int:
    """Copy the rows that open holds keep and that expire soon; return how many.

    Raises:
        CommandError: the warehouse failed. The hold counts all the same.
    """
    try:
        outcomes = retain(trail, Holds(engine).list(), now, enforce=False)
    except CommandError as error:
        raise CommandError(
            f"The hold is placed, but its rows were not copied: {error} "
            "Copy them with: tailnumber retain"
        ) from error
    return sum(outcome.copied_count for outcome in outcomes)
