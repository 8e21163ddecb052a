"""Count what principals use, and refuse what goes beyond a rule's limits.

Counts stand in memory, so that no request waits for a database; once a second they are added to
the control database and those of the other workers are read back. A limit therefore holds over all
workers within about two seconds, and over a restart. The hour slides by whole minutes.

Tokens are what the upstream says it used. Where it says nothing they are estimated from the texts,
four characters to a token, and a refusal says so. An answer that is still coming counts when it
has ended, so requests at one time can together pass a limit of tokens by what they take.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from time import time
from typing import Final, NamedTuple, Protocol

from sqlalchemy import Engine, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from ingress.control.models import UsageRow
from ingress.exchange import Exchange
from ingress.policy.rules import PolicyDecision

_log = logging.getLogger(__name__)

WINDOW_MINUTES: Final = 60
# Pause between two exchanges with the database: what other workers counted is this old at most.
SYNC_SECONDS: Final = 1.0
_MINUTE_SECONDS: Final = 60
# Source: OpenAI, "What are tokens and how to count them": about four characters of English.
_CHARACTERS_PER_TOKEN: Final = 4


class Use(NamedTuple):
    """What was used; ``estimated`` of the tokens were not told by an upstream."""

    requests: int = 0
    tokens: int = 0
    estimated: int = 0

    def plus(self, other: "Use") -> "Use":
        """Return the sum."""
        return Use(
            self.requests + other.requests,
            self.tokens + other.tokens,
            self.estimated + other.estimated,
        )


class Bucket(NamedTuple):
    """Which count: of a principal, under a rule, in one minute since 1970."""

    principal_id: str
    rule_id: str
    minute: int


class Store(Protocol):
    """Where the workers' counts meet."""

    def exchange(self, added: Mapping[Bucket, Use], since_minute: int) -> dict[Bucket, Use]:
        """Add counts; return all workers' since a minute.

        Raises:
            SQLAlchemyError: nothing was added.
        """


class UsageStore:
    """The counts in the control database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        made = insert(UsageRow)
        self._add = made.on_conflict_do_update(
            index_elements=["principal_id", "rule_id", "minute"],
            set_={
                name: getattr(UsageRow, name) + getattr(made.excluded, name)
                for name in ("requests", "tokens", "estimated")
            },
        )
        self._since = select(UsageRow.__table__).where(UsageRow.minute >= bindparam("since"))

    def exchange(self, added: Mapping[Bucket, Use], since_minute: int) -> dict[Bucket, Use]:
        """Add counts, forget old ones, and return all workers' since a minute."""
        with self._engine.begin() as connection:
            if added:
                # In one order everywhere: two workers never wait for one another's rows.
                rows = [bucket._asdict() | added[bucket]._asdict() for bucket in sorted(added)]
                connection.execute(self._add, rows)
                oldest = min(bucket.minute for bucket in added) - 2 * WINDOW_MINUTES
                connection.execute(delete(UsageRow).where(UsageRow.minute < oldest))
            found = connection.execute(self._since, {"since": since_minute})
            return {Bucket(*row[:3]): Use(*row[3:]) for row in found}


# By principal, and then by rule and minute.
_Counts = dict[str, dict[tuple[str, int], Use]]


class Usage:
    """What principals used within the last hour. For the event loop's thread alone."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # What the database knew at the last look, what it is being told, and what it will be.
        self._shared: _Counts = {}
        self._going: _Counts = {}
        self._waiting: _Counts = {}
        self._seen_minute: int | None = None
        self._broken = False

    # ---- on the data path ----

    def of(self, principal_id: str, now: float) -> Use:
        """Return what a principal used within the last hour, under all rules."""
        return self._total(principal_id, None, now)

    def admit(self, principal_id: str, decision: PolicyDecision, now: float) -> PolicyDecision:
        """Count an allowed request, or return the refusal that its rule's limits make of it."""
        limits = decision.limits
        if limits is not None:
            used = self._total(principal_id, decision.rule_id, now)
            for name, limit in (
                ("requests", limits.requests_per_hour),
                ("tokens", limits.tokens_per_hour),
            ):
                if limit is not None and getattr(used, name) >= limit:
                    minutes = self._minutes(principal_id, decision.rule_id, now)
                    return _refusal(decision, name, limit, minutes, now)
        _add(self._waiting, Bucket(principal_id, decision.rule_id, _minute(now)), Use(requests=1))
        return decision

    def spend(self, exchange: Exchange, now: float) -> None:
        """Count the tokens of an exchange that ended."""
        if exchange.principal is None or exchange.decision is None:
            return
        use = tokens_of(exchange)
        if use.tokens:
            bucket = Bucket(
                exchange.principal.principal_id, exchange.decision.rule_id, _minute(now)
            )
            _add(self._waiting, bucket, use)

    def _total(self, principal_id: str, rule_id: str | None, now: float) -> Use:
        """Return a principal's use within the hour, under one rule or under all."""
        oldest = _minute(now) - WINDOW_MINUTES
        requests = tokens = estimated = 0
        for counts in (self._shared, self._going, self._waiting):
            for (rule, minute), use in counts.get(principal_id, {}).items():
                if minute > oldest and (rule_id is None or rule == rule_id):
                    requests += use[0]
                    tokens += use[1]
                    estimated += use[2]
        return Use(requests, tokens, estimated)

    def _minutes(self, principal_id: str, rule_id: str, now: float) -> dict[int, Use]:
        """Return a principal's use under a rule by minute."""
        oldest = _minute(now) - WINDOW_MINUTES
        found: dict[int, Use] = {}
        for counts in (self._shared, self._going, self._waiting):
            for (rule, minute), use in counts.get(principal_id, {}).items():
                if minute > oldest and rule == rule_id:
                    found[minute] = found.get(minute, Use()).plus(use)
        return found

    # ---- beside it ----

    async def keep(self, needed: Callable[[], bool]) -> None:
        """Exchange counts with the other workers while they are needed, until cancelled."""
        while True:
            if needed():
                await self.sync()
            await asyncio.sleep(SYNC_SECONDS)

    async def sync(self) -> None:
        """Exchange counts with the other workers once; what fails is tried again the next time."""
        minute = _minute(time())
        # The minute before may still get counts from a worker that was late.
        since = minute - WINDOW_MINUTES if self._seen_minute is None else self._seen_minute - 1
        self._going, self._waiting = self._waiting, {}
        try:
            rows = await asyncio.to_thread(self._store.exchange, _flat(self._going), since)
        except SQLAlchemyError as error:
            for bucket, use in _flat(self._going).items():
                _add(self._waiting, bucket, use)
            self._going = {}
            if not self._broken:
                _log.error(
                    "usage cannot be shared; this process counts alone",
                    extra={"error": type(error).__name__},
                )
            self._broken = True
            return
        self._broken, self._going, self._seen_minute = False, {}, minute
        self._take(rows.items(), since, minute - WINDOW_MINUTES)

    def _take(self, rows: Iterable[tuple[Bucket, Use]], since: int, oldest: int) -> None:
        """Replace what was known since a minute, and forget what is older than the hour."""
        for principal_id, counts in [*self._shared.items()]:
            kept = {key: use for key, use in counts.items() if oldest < key[1] < since}
            if kept:
                self._shared[principal_id] = kept
            else:
                del self._shared[principal_id]
        for bucket, use in rows:
            _add(self._shared, bucket, use)


def _add(counts: _Counts, bucket: Bucket, use: Use) -> None:
    uses = counts.setdefault(bucket.principal_id, {})
    key = (bucket.rule_id, bucket.minute)
    uses[key] = uses.get(key, Use()).plus(use)


def _flat(counts: _Counts) -> dict[Bucket, Use]:
    return {
        Bucket(principal_id, *key): use
        for principal_id, uses in counts.items()
        for key, use in uses.items()
    }


def tokens_of(exchange: Exchange) -> Use:
    """Return the tokens that an exchange took, estimated where the upstream told none."""
    outcome = exchange.outcome
    completion = outcome.completion
    answered = outcome.upstream_status is not None and outcome.upstream_status < 400
    told = (completion.input_tokens or 0) + (completion.output_tokens or 0)
    estimated = 0
    if answered and completion.input_tokens is None:
        estimated += sum(len(text.value) for text in exchange.prompt.texts)
    if answered and completion.output_tokens is None:
        estimated += sum(len(piece) for pieces in completion.texts.values() for piece in pieces)
    estimated = -(-estimated // _CHARACTERS_PER_TOKEN)
    return Use(tokens=told + estimated, estimated=estimated)


def _minute(now: float) -> int:
    return int(now) // _MINUTE_SECONDS


def _opening(minutes: Mapping[int, Use], name: str, limit: int) -> int:
    """Return the minute in which enough of a reached limit is older than the hour."""
    left = sum(getattr(use, name) for use in minutes.values())
    for minute in sorted(minutes):
        left -= getattr(minutes[minute], name)
        if left < limit:
            return minute + WINDOW_MINUTES
    return max(minutes) + WINDOW_MINUTES


def _refusal(
    decision: PolicyDecision, name: str, limit: int, minutes: Mapping[int, Use], now: float
) -> PolicyDecision:
    open_minute = _opening(minutes, name, limit)
    used = sum(getattr(use, name) for use in minutes.values())
    opens_at = datetime.fromtimestamp(open_minute * _MINUTE_SECONDS, UTC)
    wait_minutes = max(open_minute - _minute(now), 1)
    estimated = sum(use.estimated for use in minutes.values()) if name == "tokens" else 0
    said = f" ({estimated:,} of them estimated from the length of texts)" if estimated else ""
    return replace(
        decision,
        effect="deny",
        reasons=("rule", "limit_reached"),
        message=(
            f"Your organization's policy ({decision.rule_id}) allows you {limit:,} {name} per hour,"
            f" and {used:,} are used{said}. It opens again at {opens_at:%H:%M} UTC,"
            f" in {wait_minutes} minute{'s' * (wait_minutes > 1)}."
        ),
    )
