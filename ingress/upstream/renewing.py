"""Hold a value that ages: renewed ahead, one renewal at a time, gone when its time is over.

Made for credentials and the tokens they are traded for. Knows nothing of either.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Generic, TypeVar

from ingress.errors import CredentialError, CredentialUnavailable
from ingress.tasks import spawn

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

# After a failed renewal nobody is asked again for this long; requests fail at once meanwhile.
RETRY_SECONDS: Final = 1.0
# A value this young is not renewed because an upstream refused it: it would refuse the next too.
REFUSED_AGE_SECONDS: Final = 5.0
# A renewal that takes longer has failed.
FETCH_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Held(Generic[_T]):
    """A value with two ages: from the first it is renewed, from the second it is not used."""

    value: _T = field(repr=False)
    renew_seconds: float
    valid_seconds: float

    @classmethod
    def of_lifetime(cls, value: _T, lifetime_seconds: float) -> Held[_T]:
        """Return a value that is renewed with a fifth of its lifetime left.

        Raises:
            CredentialUnavailable: its lifetime is over.
        """
        if lifetime_seconds <= 0:
            raise CredentialUnavailable("the token came with its lifetime over; check the clocks")
        # An upstream's clock and the way there take a little of the end.
        return cls(value, lifetime_seconds * 0.8, lifetime_seconds * 0.95)


class Renewing(Generic[_T]):
    """One value and its renewals; for one event loop."""

    __slots__ = (
        "_clock", "_dies_at", "_failure", "_fetch", "_fetched_at", "_forget_timer",
        "_name", "_quiet_until", "_renew_at", "_renewal", "_value",
    )  # fmt: skip

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Held[_T]]],
        name: str,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Hold nothing yet.

        Args:
            fetch: returns a new value; raises CredentialError if it cannot.
            name: for the log; never a value.
            clock: seconds that never go back.
        """
        self._fetch = fetch
        self._name = name
        self._clock = clock
        self._value: _T | None = None
        self._fetched_at = self._renew_at = self._dies_at = self._quiet_until = float("-inf")
        self._failure: CredentialError | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._forget_timer: asyncio.TimerHandle | None = None

    async def get(self) -> _T:
        """Return the value: at once while it is valid, after a renewal else.

        Raises:
            CredentialError: there is no valid value and none can be had.
        """
        now = self._clock()
        value = self._value
        if value is not None and now < self._renew_at:
            return value
        if value is not None and now < self._dies_at:
            if now >= self._quiet_until:
                self._start()
            return value
        if now >= self._quiet_until:
            # One caller that leaves must not end the renewal for the others.
            await asyncio.shield(self._start())
        value = self._value
        if value is None or self._clock() >= self._dies_at:
            failure = self._failure or CredentialUnavailable("the credential's time is over")
            raise type(failure)(str(failure)) from failure
        return value

    def refused(self, value: _T) -> bool:
        """Take note that an upstream refused a value; return whether another may be had."""
        if self._value is not value:
            return True
        if self._clock() - self._fetched_at < REFUSED_AGE_SECONDS:
            return False
        self._forget()
        return True

    def close(self) -> None:
        """Forget the value and give up a renewal that is under way."""
        self._forget()
        if self._renewal is not None:
            self._renewal.cancel()

    def _start(self) -> asyncio.Task[None]:
        if self._renewal is None:
            self._renewal = spawn(self._renew(), "renew credential")
        return self._renewal

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                held = await self._fetch()
        except CredentialError as error:
            self._fail(error)
        except TimeoutError:
            self._fail(CredentialUnavailable("no answer in time"))
        else:
            self._keep(held)
        finally:
            self._renewal = None

    def _keep(self, held: Held[_T]) -> None:
        now = self._clock()
        self._forget()
        self._value, self._failure = held.value, None
        self._fetched_at = now
        self._renew_at, self._dies_at = now + held.renew_seconds, now + held.valid_seconds
        loop = asyncio.get_running_loop()
        self._forget_timer = loop.call_later(held.valid_seconds, self._forget)

    def _fail(self, error: CredentialError) -> None:
        self._failure = error
        self._quiet_until = self._clock() + RETRY_SECONDS
        _log.warning(
            "credential not renewed",
            extra={"connection": self._name, "code": error.code, "cause": str(error)},
        )

    def _forget(self) -> None:
        """Let go of the value: what nobody uses stays in no memory."""
        self._value = None
        self._dies_at = float("-inf")
        if self._forget_timer is not None:
            self._forget_timer.cancel()
            self._forget_timer = None
