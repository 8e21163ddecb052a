"""Watch the policy file and put a new one in force: checked, recorded, then swapped as a whole.

A file that is refused changes nothing: the policy before it goes on deciding, and ``/readyz``, the
log, a metric and the console say where the fault is. What the file says at the fault is not
repeated there, since ``/readyz`` asks nobody who they are; ``tailnumber policy check`` tells all.

Files of masking rules are read along with the policy that names them, and not watched themselves.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from ingress.errors import AuditUnavailable, IngressError, PolicyError, PolicyProblem
from ingress.gateway import Gateway, Rules
from ingress.ids import new_id, utc_now
from ingress.masking.rules import RuleError
from ingress.policy.changes import PolicyChange, compare
from ingress.policy.decide import Policy
from ingress.recording.recorder import Recorder

_log = logging.getLogger(__name__)

# Pause between two looks at the file, seconds. A change counts once two looks in a row saw the
# same file, so that one which an editor is still writing is not read in halves.
POLL_SECONDS: Final = 0.25
_QUOTED: Final = re.compile(r"""['"](?:.*['"]|.*)""", re.DOTALL)
_CONDITION: Final = "condition:"


class _Signature(NamedTuple):
    """What tells one state of a file from the next.

    An editor that renames changes the inode; a change of rights is one of ``changed_ns`` alone.
    """

    modified_ns: int
    changed_ns: int
    size_bytes: int
    inode: int


class _Pending(NamedTuple):
    """A policy that is ready; its id and time stay the same however often recording is tried."""

    rules: Rules
    change: PolicyChange
    event_id: str
    changed_at: datetime


class PolicyReloader:
    """Keep a gateway's rules those of its policy file.

    Args:
        path: the policy file.
        read: reads and checks it; called in a thread, as is ``build``.
        build: makes routes and maskers of a checked policy, which takes most of a second.
        gateway: whose rules are swapped.
        recorder: takes the record before the swap.
        tell: called with what is wrong with the file; empty: nothing.
    """

    def __init__(  # noqa: PLR0913, PLR0917  (the parts that meet here)
        self,
        path: Path,
        read: Callable[[Path], Policy],
        build: Callable[[Policy], Rules],
        gateway: Gateway,
        recorder: Recorder,
        tell: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._path = path
        self._read = read
        self._build = build
        self._gateway = gateway
        self._recorder = recorder
        self._tell = tell
        # Of the file that the start read nothing is known: the first look reads it once more.
        self._loaded: _Signature | None = None
        self._seen: _Signature | None = None
        self._pending: _Pending | None = None
        self.problems: tuple[str, ...] = ()

    async def watch(self) -> None:
        """Look at the file again and again, until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001  (boundary: a watch that ends tells nobody)
                self._refuse((f"{self._path.name}: {type(error).__name__}",))

    async def look(self) -> None:
        """Look once; load the file if it changed and then stood still, and swap the rules."""
        signature = await asyncio.to_thread(_signature, self._path)
        settled = signature == self._seen
        self._seen = signature
        if settled and (signature != self._loaded or signature is None):
            await self._load(signature)
        if self._pending is not None:
            await self._put_in_force(self._pending)

    async def _load(self, signature: _Signature | None) -> None:
        self._pending, self._loaded = None, signature
        try:
            policy = await asyncio.to_thread(self._read, self._path)
            if policy.digest == self._gateway.rules.policy.digest:
                self._accept()
                return
            rules = await asyncio.to_thread(self._build, policy)
        except IngressError as error:
            self._refuse(_told(error, self._path.name))
            return
        if await asyncio.to_thread(_signature, self._path) != signature:
            self._loaded = None  # it changed under the reading: the next look begins anew
            return
        change = compare(self._gateway.rules.policy.document, policy.document)
        self._pending = _Pending(rules, change, new_id(), utc_now())

    async def _put_in_force(self, pending: _Pending) -> None:
        try:
            await self._recorder.policy_changed(
                pending.change, event_id=pending.event_id, at=pending.changed_at
            )
        except AuditUnavailable as error:
            self._refuse((f"{self._path.name}: cannot be recorded yet: {error.reason}",))
            return
        self._gateway.rules = pending.rules
        self._pending = None
        _log.info("policy changed", extra={"digest": pending.change.digest})
        self._accept()

    def _accept(self) -> None:
        self.problems = ()
        self._tell(())

    def _refuse(self, problems: tuple[str, ...]) -> None:
        if problems != self.problems:
            _log.error(
                "policy refused; the one before it goes on",
                extra={"count": len(problems), "at": problems[0].partition(": ")[0]},
            )
        self.problems = problems
        self._tell(problems)


def _signature(path: Path) -> _Signature | None:
    """Return the file's state; None if there is no such file to be read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _Signature(status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


def _told(error: IngressError, name: str) -> tuple[str, ...]:
    """Return the places and kinds of what is wrong, without a word of the file."""
    if isinstance(error, PolicyError):
        return tuple(_place(problem) for problem in error.problems)
    if isinstance(error.__cause__, RuleError):
        cause = error.__cause__
        return (f"{Path(cause.source).name}:{cause.line or 1}:1: {cause.code}",)
    return (f"{name}: {error.code}",)


def _place(problem: PolicyProblem) -> str:
    kind = problem.text
    if kind.startswith(_CONDITION):
        # The compiler quotes in ways of its own.
        kind = f"{_CONDITION} it does not compile"
    kind = _QUOTED.sub("…", kind)
    return f"{Path(problem.source).name}:{problem.line}:{problem.column}: {kind}"
