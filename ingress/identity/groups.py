"""Tell the groups of a caller as its issuer's directory has them: asked seldom, never long ago.

An answer serves for 5 minutes; then the directory is asked again beside the requests, and from 15
minutes on before them. While it does not answer, the last answer serves for an hour. Used for
access tokens that do not tell groups, and for gateway keys; for one event loop.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

from ingress.errors import (
    CredentialError,
    GroupsUnavailable,
    GroupsUnresolved,
    UpstreamError,
)
from ingress.identity.directories import Directory, directory_of
from ingress.identity.issuers import GroupsFrom, Issuer, TrustedIssuers
from ingress.identity.principal import PrincipalKind
from ingress.tasks import spawn
from ingress.upstream.client import UpstreamClient, UpstreamLimits

# How long an answer is used without a look for a new one.
HELD_SECONDS: Final = 5 * 60.0
# How long an answer is used at all while the directory answers: then callers wait for a new one.
RENEWED_SECONDS: Final = 15 * 60.0
# How long an answer is used while the directory does not answer; then its callers get 503.
STALE_SECONDS: Final = 60 * 60.0
# Between two questions about one caller; a caller that was refused or failed is not asked sooner.
COOL_DOWN_SECONDS: Final = 10.0
# All pages of one question together; a caller waits for it.
QUESTION_SECONDS: Final = 8.0
# Far above the callers of one process; past it the answers start over rather than grow.
_ENTRIES: Final = 20_000
_LIMITS: Final = UpstreamLimits(
    connect_seconds=3.0,
    pool_seconds=8.0,
    first_byte_seconds=5.0,
    idle_seconds=5.0,
    max_connections_per_origin=8,
)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _State:
    """What is known of one caller; times are those of the clock."""

    source: GroupsFrom
    directory: Directory
    groups: tuple[str, ...] = ()
    answered_at: float = -math.inf
    asked_at: float = -math.inf
    refused: bool = False
    failing: bool = False
    question: asyncio.Task[None] | None = None


class GroupResolver:
    """The groups of callers, by issuer and subject.

    Example: ``await resolver.groups(record.issuer, record.subject, record.kind)`` on each request
    that a gateway key makes; it costs about a microsecond while an answer is held.
    """

    def __init__(
        self,
        issuers: TrustedIssuers,
        secret: Callable[[str], str],
        ca_file: Path | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Know nothing yet.

        Args:
            issuers: the issuers in force; a replaced ``groups_from`` counts at once.
            secret: returns the value behind a reference such as ``secret/okta-groups``; raises
                CredentialError.
            ca_file: PEM file of the authorities to trust, in place of the system's.
            clock: seconds that never go back.
        """
        self._issuers = issuers
        self._secret = secret
        self._client = UpstreamClient(_LIMITS, ca_file=ca_file)
        self._clock = clock
        self._states: dict[tuple[str, str], _State] = {}
        self._directories: dict[tuple[str, GroupsFrom], Directory] = {}

    def covers(self, issuer: str) -> bool:
        """Tell whether the issuers file names a directory for this issuer (``groups_from``)."""
        entry = self._issuers.get(issuer)
        return entry is not None and entry.groups_from is not None

    async def groups(
        self, issuer: str, subject: str, kind: PrincipalKind = "human"
    ) -> tuple[str, ...]:
        """Return the caller's groups, as the directory told them at most 15 minutes ago.

        Waits only for a caller of whom nothing usable is held. While the directory does not
        answer, what it told within the last hour is returned.

        Args:
            issuer: of which ``covers`` is true.
            subject: as in the principal: Okta's user id, Entra's ``tid:oid``, Google's ``sub``.
            kind: of the principal.

        Raises:
            GroupsUnresolved: 401; the directory does not know the caller or has closed the
                account, or the issuers file names no directory.
            GroupsUnavailable: 503; the directory does not answer, and nothing usable is held.
        """
        state = self._state(issuer, subject)
        now = self._clock()
        age = now - state.answered_at
        if age >= HELD_SECONDS:
            question = self._start(subject, kind, state, now)
            # Once it is known to be down nobody waits for it, as long as an answer is held.
            must_wait = age >= STALE_SECONDS or (age >= RENEWED_SECONDS and not state.failing)
            if question is not None and must_wait:
                # One caller that leaves must not end the question for the others.
                await asyncio.shield(question)
        if state.refused:
            raise GroupsUnresolved
        if self._clock() - state.answered_at >= STALE_SECONDS:
            raise GroupsUnavailable("a directory of groups does not answer")
        return state.groups

    async def close(self) -> None:
        """End what is under way and close every connection."""
        for state in self._states.values():
            if state.question is not None:
                state.question.cancel()
        await self._client.close()

    def _state(self, name: str, subject: str) -> _State:
        issuer = self._issuers.get(name)
        source = None if issuer is None else issuer.groups_from
        if issuer is None or source is None:
            raise GroupsUnresolved
        state = self._states.get((name, subject))
        if state is None or (state.source is not source and state.source != source):
            if len(self._states) >= _ENTRIES:
                self._states.clear()
            state = _State(source, self._directory(issuer, source))
            self._states[name, subject] = state
        return state

    def _directory(self, issuer: Issuer, source: GroupsFrom) -> Directory:
        key = (issuer.issuer, source)
        if key not in self._directories:
            secret = partial(self._secret, source.credential)
            self._directories[key] = directory_of(self._client, issuer, source, secret)
        return self._directories[key]

    def _start(
        self, subject: str, kind: PrincipalKind, state: _State, now: float
    ) -> asyncio.Task[None] | None:
        """Ask, or return the question that is under way; None: it is too soon."""
        if state.question is None and now - state.asked_at >= COOL_DOWN_SECONDS:
            state.asked_at = now
            state.question = spawn(_ask(subject, kind, state, now), "groups of a caller")
        return state.question


async def _ask(subject: str, kind: PrincipalKind, state: _State, now: float) -> None:
    try:
        async with asyncio.timeout(QUESTION_SECONDS):
            state.groups = await state.directory.groups(subject, kind)
    except GroupsUnresolved:
        # Whatever was held: the directory says that it is so no longer.
        state.refused, state.failing, state.answered_at = True, False, -math.inf
    except (UpstreamError, CredentialError, TimeoutError) as error:
        state.failing = True
        _log.warning("groups not resolved", extra={"error": type(error).__name__})
    else:
        state.answered_at = now
        state.refused = state.failing = False
    finally:
        state.question = None
