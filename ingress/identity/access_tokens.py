"""Turn an OIDC access token into its principal; a token seen a moment ago costs a hash."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ingress.errors import Unauthenticated, UnknownIssuer
from ingress.identity.groups import GroupResolver
from ingress.identity.issuers import Issuer, TrustedIssuers
from ingress.identity.jwks import JwksCache
from ingress.identity.oidc import Caller, UnverifiedToken, check_header, take_apart, verify
from ingress.identity.principal import Principal, make_principal

# How long a token that was verified is not looked at again; a withdrawn key counts after it.
CACHE_SECONDS: Final = 60.0
# Far above the callers of one process in a minute; past it the cache starts over.
_CACHE_ENTRIES: Final = 20_000


@dataclass(frozen=True, slots=True)
class _Entry:
    principal: Principal
    verified_at: float
    until: float


class AccessTokens:
    """Verify access tokens of the issuers; for one event loop."""

    def __init__(
        self,
        issuers: TrustedIssuers,
        keys: JwksCache,
        groups: GroupResolver,
        principal_key: bytes,
    ) -> None:
        """Accept tokens of ``issuers``; ``principal_key`` is the tenant's subkey "principal"."""
        self._issuers = issuers
        self._keys = keys
        self._groups = groups
        self._principal_key = principal_key
        self._cache: dict[bytes, _Entry] = {}

    @property
    def configured(self) -> bool:
        """Whether any issuer is trusted at all."""
        return bool(self._issuers)

    @property
    def issuers(self) -> TrustedIssuers:
        """The issuers that are trusted now."""
        return self._issuers

    def warm(self) -> None:
        """Begin to fetch the issuers' keys; callers that come meanwhile wait for them."""
        self._keys.warm(self._issuers)

    def trust(self, issuers: Iterable[Issuer]) -> None:
        """Accept tokens of these issuers from now on; nothing that others proved counts."""
        self._issuers.replace(issuers)
        # A new one: what is being verified under the old issuers ends up in the old cache.
        self._cache = {}
        self.warm()

    async def verify(self, token: str, now: float) -> Principal:
        """Return the caller whom the token was issued to; waits only where a key must be fetched.

        Args:
            token: the credential as ``extract_credential`` found it, ASCII.
            now: Unix seconds.

        Raises:
            AccessTokenRefused: one of its subclasses; ``code`` is the true reason.
            GroupsUnresolved: the issuer's directory does not know the caller.
            IdentityUnavailable: the issuer's keys, or the caller's groups, are not there.
        """
        cache = self._cache
        # The token itself is not kept: the memory of the process must not be worth reading.
        digest = hashlib.sha256(token.encode("ascii")).digest()
        entry = cache.get(digest)
        if entry is not None and entry.verified_at <= now < entry.until:
            return entry.principal
        unverified = take_apart(token)
        try:
            caller = await self._prove(unverified, now)
            groups = caller.groups
            if groups is None:
                groups = await self._groups.groups(caller.issuer, caller.subject, caller.kind)
        except Unauthenticated as error:
            error.unverified_issuer = unverified.issuer
            raise
        principal = make_principal(
            self._principal_key,
            issuer=caller.issuer,
            subject=caller.subject,
            email=caller.email,
            groups=groups,
            kind=caller.kind,
            key_id="",
        )
        if len(cache) >= _CACHE_ENTRIES:
            cache.clear()
        until = min(caller.expires_at, now + CACHE_SECONDS)
        cache[digest] = _Entry(principal, now, until)
        return principal

    async def _prove(self, unverified: UnverifiedToken, now: float) -> Caller:
        issuer = self._issuers.get(unverified.issuer or "")
        if issuer is None:
            raise UnknownIssuer
        key = await self._keys.key(issuer, check_header(unverified, issuer))
        return verify(unverified, issuer, key, now)

    async def close(self) -> None:
        """Close the connections to the issuers and their directories."""
        await self._keys.close()
        await self._groups.close()
