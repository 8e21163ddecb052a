"""Keep the keys that the issuers publish: fetched when needed, renewed in the background.

A key is looked up in memory. Only a first token, one of an unknown key, or one after a long
outage waits for the issuer; whatever a token says, an issuer is asked at most once per cool-down.
Called by ingress.identity.access_tokens; for one event loop.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Any, Final

from ingress.errors import (
    IdentityUnavailable,
    MalformedAccessToken,
    UnknownTokenKey,
    UpstreamError,
    UpstreamProtocolError,
)
from ingress.identity.discovery import address_in, discovery_url
from ingress.identity.issuers import Issuer
from ingress.identity.public_keys import PublicKey, read_key
from ingress.identity.strict import read_object
from ingress.tasks import spawn
from ingress.upstream.client import UpstreamClient, UpstreamLimits
from ingress.upstream.origin import Origin

# How long keys are used without a look for new ones; issuers announce a key far ahead.
REFRESH_SECONDS: Final = 10 * 60.0
# Keys that nobody asked for in this time are not used again before a look for new ones.
_UNUSED_SECONDS: Final = 2 * REFRESH_SECONDS
# Between two fetches from one issuer, so that made-up key ids cannot flood it.
COOL_DOWN_SECONDS: Final = 10.0
# How long keys are used while their issuer cannot be asked; then nobody of it is let in.
STALE_SECONDS: Final = 24 * 3600.0
# Discovery and keys together; a caller waits for it.
FETCH_SECONDS: Final = 5.0
DOCUMENT_BYTES_MAX: Final = 64 * 1024
KEYS_MAX: Final = 20

_OK: Final = 200
_LIMITS: Final = UpstreamLimits(
    connect_seconds=3.0,
    pool_seconds=3.0,
    first_byte_seconds=4.0,
    idle_seconds=4.0,
    max_connections_per_origin=2,
)
_log = logging.getLogger(__name__)

Keys = Mapping[str, PublicKey]


@dataclass(slots=True)
class _State:
    """What is held of one issuer; times are those of the clock."""

    keys: Keys = field(default_factory=lambda: MappingProxyType({}))
    fetched_at: float | None = None
    attempted_at: float | None = None
    fetch: asyncio.Task[bool] | None = None


class JwksCache:
    """The keys of every issuer."""

    def __init__(self, ca_file: Path | None = None, clock: Callable[[], float] = monotonic) -> None:
        """Hold nothing yet.

        Args:
            ca_file: PEM file of the authorities to trust, in place of the system's.
            clock: seconds that never go back.
        """
        self._client = UpstreamClient(_LIMITS, ca_file=ca_file)
        self._clock = clock
        self._states: dict[tuple[str, str | None], _State] = {}

    def warm(self, issuers: Iterable[Issuer]) -> None:
        """Begin to fetch the keys of these issuers, so that the first caller need not wait."""
        now = self._clock()
        for issuer in issuers:
            state = self._state(issuer)
            if state.fetched_at is None:
                self._start(issuer, state, now)

    async def key(self, issuer: Issuer, key_id: str) -> PublicKey:
        """Return the key of that id, asking the issuer if need be.

        Raises:
            UnknownTokenKey: the issuer publishes no such key.
            IdentityUnavailable: its keys are not there or too old, and it does not answer.
        """
        state = self._state(issuer)
        now = self._clock()
        age = None if state.fetched_at is None else now - state.fetched_at
        if age is None or age >= STALE_SECONDS:
            if not await self._fetched(issuer, state, now):
                raise IdentityUnavailable(f"no current keys of {issuer.issuer}")
        elif age >= _UNUSED_SECONDS and state.attempted_at == state.fetched_at:
            await self._fetched(issuer, state, now)
        elif age >= REFRESH_SECONDS:
            self._start(issuer, state, now)
        found = state.keys.get(key_id)
        if found is None:
            if await self._fetched(issuer, state, now):
                found = state.keys.get(key_id)
            elif state.attempted_at != state.fetched_at:
                # Its newest keys cannot be seen, so nobody can say that this one is not among them.
                raise IdentityUnavailable(f"{issuer.issuer} does not answer")
        if found is None:
            raise UnknownTokenKey
        return found

    async def close(self) -> None:
        """End what is under way and close every connection."""
        for state in self._states.values():
            if state.fetch is not None:
                state.fetch.cancel()
        await self._client.close()

    def _state(self, issuer: Issuer) -> _State:
        # By the address too: keys from another one prove nothing after it was changed.
        return self._states.setdefault((issuer.issuer, issuer.jwks_uri), _State())

    async def _fetched(self, issuer: Issuer, state: _State, now: float) -> bool:
        """Fetch, or wait for the fetch that is under way; False: it failed, or it is too soon."""
        fetch = self._start(issuer, state, now)
        # One caller that leaves must not end the fetch for the others.
        return False if fetch is None else await asyncio.shield(fetch)

    def _start(self, issuer: Issuer, state: _State, now: float) -> asyncio.Task[bool] | None:
        if state.fetch is not None:
            return state.fetch
        if state.attempted_at is not None and now - state.attempted_at < COOL_DOWN_SECONDS:
            return None
        state.attempted_at = now
        state.fetch = spawn(self._fetch(issuer, state, now), "issuer keys")
        return state.fetch

    async def _fetch(self, issuer: Issuer, state: _State, now: float) -> bool:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                keys = read_jwks(await self._get(await self._jwks_uri(issuer)))
        except (UpstreamError, MalformedAccessToken, ValueError, TimeoutError) as error:
            _log.warning(
                "issuer keys not fetched",
                extra={"issuer": issuer.issuer, "error": type(error).__name__},
            )
            return False
        else:
            state.keys = keys
            state.fetched_at = now
            return True
        finally:
            state.fetch = None

    async def _jwks_uri(self, issuer: Issuer) -> str:
        if issuer.jwks_uri is not None:
            return issuer.jwks_uri
        # The document may not lead anywhere else; the file can, by jwks_uri.
        document = read_object(await self._get(discovery_url(issuer.issuer)))
        return address_in(document, issuer.issuer, "jwks_uri")

    async def _get(self, url: str) -> bytes:
        origin, target = Origin.split(url)
        headers = [(b"accept", b"application/json"), (b"accept-encoding", b"identity")]
        response = await self._client.send(origin, "GET", target or "/", headers)
        async with response:
            if response.status != _OK:
                raise UpstreamProtocolError(f"an issuer answered with status {response.status}")
            return await response.read(DOCUMENT_BYTES_MAX)


def read_jwks(raw: bytes) -> Keys:
    """Return the keys of a JWKS document to verify with, by their ids.

    Raises:
        MalformedAccessToken: it is no strict JSON object.
        UpstreamProtocolError: it is no JWKS, holds too many keys, two of one id, or none of use.
    """
    members: Any = read_object(raw).get("keys")
    if not isinstance(members, list) or len(members) > KEYS_MAX:
        raise UpstreamProtocolError("an issuer's keys are no list of a reasonable length")
    found: dict[str, PublicKey] = {}
    for member in members:
        key = read_key(member) if isinstance(member, dict) else None
        if key is None or not isinstance(member.get("kid"), str):
            continue
        if member["kid"] in found:
            raise UpstreamProtocolError("two keys of an issuer have one id")
        found[member["kid"]] = key
    if not found:
        raise UpstreamProtocolError("an issuer publishes no key to verify with")
    return MappingProxyType(found)
