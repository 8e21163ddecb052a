"""Watch the policy and the issuers file and put a new one in force, checked and swapped as a whole.

A file that is refused changes nothing: what was in force goes on, and ``/readyz``, the log, a
metric and the console say where the fault is. What the file says at the fault is not repeated
there, since ``/readyz`` asks nobody who they are; ``tailnumber policy check`` and ``tailnumber
issuers check`` tell all.

Files of masking rules are read along with the policy that names them, and not watched themselves.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final, Generic, NamedTuple, TypeVar

from ingress.errors import AuditUnavailable, IngressError, PolicyError, PolicyProblem
from ingress.gateway import Gateway, Rules
from ingress.identity.access_tokens import AccessTokens
from ingress.identity.issuers import Issuer, IssuersChange, compare_issuers, read_issuers
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

_New = TypeVar("_New")


class _Signature(NamedTuple):
    """What tells one state of a file from the next.

    An editor that renames changes the inode; a change of rights is one of ``changed_ns`` alone.
    """

    modified_ns: int
    changed_ns: int
    size_bytes: int
    inode: int


class FileReloader(Generic[_New]):
    """Keep something what its file says; the subclasses read it and put it in force.

    Args:
        path: the file.
        tell: called with what is wrong with the file; empty: nothing.
    """

    WHAT: ClassVar[str]

    def __init__(self, path: Path, tell: Callable[[tuple[str, ...]], None]) -> None:
        self._path = path
        self._tell = tell
        # Of the file that the start read nothing is known: the first look reads it once more.
        self._loaded: _Signature | None = None
        self._seen: _Signature | None = None
        self._pending: _New | None = None
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
        """Look once; load the file if it changed and then stood still, and put it in force."""
        signature = await asyncio.to_thread(_signature, self._path)
        settled = signature == self._seen
        self._seen = signature
        if settled and (signature != self._loaded or signature is None):
            await self._load(signature)
        if self._pending is not None:
            await self._try(self._pending)

    def _read(self, path: Path) -> _New | None:
        """Read and check the file, in a thread; None: it says what is in force.

        Raises:
            IngressError: it is refused.
        """
        raise NotImplementedError

    async def _put_in_force(self, new: _New) -> None:
        """Swap what is in force.

        Raises:
            AuditUnavailable: it cannot be recorded yet, and waits.
        """
        raise NotImplementedError

    async def _load(self, signature: _Signature | None) -> None:
        self._pending, self._loaded = None, signature
        try:
            new = await asyncio.to_thread(self._read, self._path)
        except IngressError as error:
            self._refuse(_told(error, self._path.name))
            return
        if new is None:
            self._accept()
        elif await asyncio.to_thread(_signature, self._path) != signature:
            self._loaded = None  # it changed under the reading: the next look begins anew
        else:
            self._pending = new

    async def _try(self, new: _New) -> None:
        try:
            await self._put_in_force(new)
        except AuditUnavailable as error:
            self._refuse((f"{self._path.name}: cannot be recorded yet: {error.reason}",))
            return
        self._pending = None
        self._accept()

    def _accept(self) -> None:
        self.problems = ()
        self._tell(())

    def _refuse(self, problems: tuple[str, ...]) -> None:
        if problems != self.problems:
            _log.error(
                f"{self.WHAT} refused; what was in force goes on",
                extra={"count": len(problems), "at": problems[0].partition(": ")[0]},
            )
        self.problems = problems
        self._tell(problems)


class _NewPolicy(NamedTuple):
    """A policy that is ready; its id and time stay the same however often recording is tried."""

    rules: Rules
    change: PolicyChange
    event_id: str
    changed_at: datetime


class PolicyReloader(FileReloader[_NewPolicy]):
    """Keep a gateway's rules those of its policy file.

    Args:
        path: the policy file.
        read: reads and checks it; called in a thread, as is ``build``.
        build: makes routes and maskers of a checked policy, which takes most of a second.
        gateway: whose rules are swapped.
        recorder: takes the record before the swap.
        tell: called with what is wrong with the file; empty: nothing.
    """

    WHAT = "policy"

    def __init__(  # noqa: PLR0913, PLR0917  (the parts that meet here)
        self,
        path: Path,
        read: Callable[[Path], Policy],
        build: Callable[[Policy], Rules],
        gateway: Gateway,
        recorder: Recorder,
        tell: Callable[[tuple[str, ...]], None],
    ) -> None:
        super().__init__(path, tell)
        self._read_policy = read
        self._build = build
        self._gateway = gateway
        self._recorder = recorder

    def _read(self, path: Path) -> _NewPolicy | None:
        policy, old = self._read_policy(path), self._gateway.rules.policy
        if policy.digest == old.digest:
            return None
        change = compare(old.document, policy.document)
        return _NewPolicy(self._build(policy), change, new_id(), utc_now())

    async def _put_in_force(self, new: _NewPolicy) -> None:
        await self._recorder.policy_changed(new.change, event_id=new.event_id, at=new.changed_at)
        self._gateway.rules = new.rules
        _log.info("policy changed", extra={"digest": new.change.digest})


class _NewIssuers(NamedTuple):
    """Issuers that are ready; as with a policy, id and time are given once."""

    issuers: tuple[Issuer, ...]
    change: IssuersChange
    event_id: str
    changed_at: datetime


class IssuersReloader(FileReloader[_NewIssuers]):
    """Keep the trusted issuers those of the issuers file.

    Args:
        path: the issuers file.
        access_tokens: what trusts them.
        recorder: takes the record before the swap.
        tell: called with what is wrong with the file; empty: nothing.
    """

    WHAT = "issuers file"

    def __init__(
        self,
        path: Path,
        access_tokens: AccessTokens,
        recorder: Recorder,
        tell: Callable[[tuple[str, ...]], None],
    ) -> None:
        super().__init__(path, tell)
        self._access_tokens = access_tokens
        self._recorder = recorder

    def _read(self, path: Path) -> _NewIssuers | None:
        issuers = read_issuers(path)
        change = compare_issuers(self._access_tokens.issuers, issuers)
        return _NewIssuers(issuers, change, new_id(), utc_now()) if any(change) else None

    async def _put_in_force(self, new: _NewIssuers) -> None:
        await self._recorder.issuers_changed(new.change, event_id=new.event_id, at=new.changed_at)
        self._access_tokens.trust(new.issuers)
        _log.info("issuers changed", extra={"count": len(new.issuers)})


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
