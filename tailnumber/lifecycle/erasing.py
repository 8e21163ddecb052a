"""Erase a person's texts: their keys go, here and in the warehouse; rows and hashes stay.

The steps and what a crash between them leaves are told in ``ingress.control.erasure``. Nothing
is destroyed that a legal hold keeps.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from ingress.control.erasure import GRACE_SECONDS, Erasure, Erasures, Person
from ingress.control.holds import Hold, Holds
from ingress.identity.keys import Account
from schemas.tables import TABLES
from tailnumber.errors import CommandError
from tailnumber.lifecycle.retaining import prepare_hold
from tailnumber.lifecycle.scopes import FLOOR, held_rows, held_table
from tailnumber.trail import Trail

_KEYS_TABLE: Final = "keys.subject_keys_v1"
_PARTS: Final = TABLES["content.parts_v1"]
# A text that was on its way while its erasure ran is in the warehouse by then.
_LATE: Final = timedelta(days=8)
_GRACE: Final = timedelta(seconds=GRACE_SECONDS)

Progress = Callable[[str], None]


class Judgement(NamedTuple):
    """The open holds at one moment, and those of them that stand against an erasure."""

    open_ids: frozenset[str]
    standing: tuple[Hold, ...]


def judge(trail: Trail, holds: Holds, principal_ids: Sequence[str]) -> Judgement:
    """Find the holds that keep anything of these principals.

    Raises:
        CommandError: the warehouse did not answer.
    """
    open_holds = holds.list()
    standing = tuple(hold for hold in open_holds if _stands(trail, hold, principal_ids))
    return Judgement(frozenset(hold.hold_id for hold in open_holds), standing)


def erase(  # noqa: PLR0913, PLR0917  (whose texts, why, who, and with what)
    trail: Trail,
    erasures: Erasures,
    holds: Holds,
    people: Sequence[Person],
    reason: str,
    by: Account,
    progress: Progress,
) -> tuple[list[Erasure], tuple[Hold, ...]]:
    """Erase these accounts' texts; return the erasures, or the holds that stand against it.

    Of several accounts either all are erased or none.

    Raises:
        CommandError: the warehouse failed; ``resume`` goes on from where it stopped.
    """
    principal_ids = [person.principal_id for person in people]
    while True:
        judgement = judge(trail, holds, principal_ids)
        if judgement.standing:
            ids = [hold.hold_id for hold in judgement.standing]
            erasures.refuse(people, reason, by, datetime.now(UTC), ids)
            return [], judgement.standing
        begun = erasures.begin(people, reason, by, datetime.now(UTC), judgement.open_ids)
        if begun is not None:
            break
    return begun, _carry_out(trail, erasures, holds, begun, progress)


def resume(trail: Trail, erasures: Erasures, holds: Holds, progress: Progress) -> list[Erasure]:
    """Take every erasure that was interrupted to its end; return them.

    Also deletes what reached the warehouse late: keys and clear texts of finished erasures.

    Raises:
        CommandError: the warehouse failed; call it again.
    """
    unfinished = erasures.unfinished()
    if unfinished:
        progress(f"finishing {len(unfinished)} interrupted erasure(s)")
        # Accounts of one person were asked for together, and stand or fall together.
        for _, together in groupby(unfinished, key=lambda each: each.requested_at):
            _carry_out(trail, erasures, holds, list(together), progress)
    _delete_published(trail, erasures.erased_key_ids())
    for each in erasures.done_since(datetime.now(UTC) - _LATE):
        _clear_texts(trail, each)
    return unfinished


def _carry_out(
    trail: Trail,
    erasures: Erasures,
    holds: Holds,
    begun: Sequence[Erasure],
    progress: Progress,
) -> tuple[Hold, ...]:
    """Return the holds that were placed in the meantime, if any: then nothing was destroyed."""
    retired = [each for each in begun if each.state == "retired"]
    if retired:
        progress("waiting for gateways to let go of the keys")
        _wait_for_gateways(retired)
        if standing := _destroy(trail, erasures, holds, retired):
            return standing
    progress("keys are destroyed; deleting the warehouse's copies")
    for each in begun:
        _clear_texts(trail, each)
    if not erasures.scrub():
        raise CommandError(
            "The keys are destroyed, but a reader holds on to the database's old pages; "
            "finish with: tailnumber erase --resume"
        )
    _delete_published(trail, [key_id for each in begun for key_id in each.key_ids])
    erasures.finish([each.erasure_id for each in begun], datetime.now(UTC))
    return ()


def _wait_for_gateways(retired: Sequence[Erasure]) -> None:
    left = max(each.requested_at for each in retired) + _GRACE - datetime.now(UTC)
    time.sleep(min(max(left.total_seconds(), 0.0), GRACE_SECONDS))


def _destroy(
    trail: Trail, erasures: Erasures, holds: Holds, retired: Sequence[Erasure]
) -> tuple[Hold, ...]:
    erasure_ids = [each.erasure_id for each in retired]
    principal_ids = [each.principal_id for each in retired]
    while True:
        judgement = judge(trail, holds, principal_ids)
        now = datetime.now(UTC)
        if judgement.standing:
            erasures.stop(erasure_ids, now, [hold.hold_id for hold in judgement.standing])
            return judgement.standing
        if erasures.destroy(erasure_ids, now, judgement.open_ids):
            return ()


def _delete_published(trail: Trail, key_ids: Sequence[str]) -> None:
    if key_ids:
        trail.change(
            f"DELETE FROM {_KEYS_TABLE} WHERE occurred_at >= {FLOOR} AND key_id IN UNNEST(@ids)",  # noqa: S608  (names of ours)
            ids=tuple(key_ids),
        )


def _clear_texts(trail: Trail, erasure: Erasure) -> None:
    """Empty texts that a policy had stored in clear (``content: tagged``): no key protects them.

    The salts go with them, without which the commitments that proofs need tell nothing. What the
    person says after the erasure stays.
    """
    prepare_hold(trail)
    for name in (_PARTS.id, held_table(_PARTS)):
        trail.change(
            f"UPDATE {name} SET text = NULL, salt = NULL "  # noqa: S608  (names of ours)
            f"WHERE occurred_at >= {FLOOR} AND occurred_at < @until AND text IS NOT NULL "
            "AND principal_id = @who",
            until=erasure.requested_at + _GRACE,
            who=erasure.principal_id,
        )


def _stands(trail: Trail, hold: Hold, principal_ids: Sequence[str]) -> bool:
    scope = hold.scope
    if scope.principal_ids and not set(scope.principal_ids) & set(principal_ids):
        return False
    if not (scope.session_ids or scope.repositories or scope.begin or scope.end):
        return True
    table = TABLES["audit.interactions_v1"]
    condition = held_rows(table, hold, "hold")
    if condition is None:
        return True
    prepare_hold(trail)
    for name in (table.id, held_table(table)):
        found = trail.ask(
            f"SELECT 1 AS one FROM {name} "  # noqa: S608  (names of ours)
            f"WHERE ({condition.sql}) AND principal_id IN UNNEST(@people) LIMIT 1",
            people=tuple(principal_ids),
            **condition.values,
        )
        if found.rows:
            return True
    return False
