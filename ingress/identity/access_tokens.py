"""Turn an OIDC access token into its principal; a token seen a moment ago costs a hash."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ingress.errors import UnknownIssuer
from ingress.identity.issuers import Issuer
from ingress.identity.jwks import JwksCache
from ingress.identity.oidc import check_header, take_apart, verify
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

    def __init__(self, issuers: Sequence[Issuer], keys: JwksCache, principal_key: bytes) -> None:
        """Accept tokens of ``issuers``; ``principal_key`` is the tenant's subkey "principal"."""
        self._issuers = {issuer.issuer: issuer for issuer in issuers}
        self._keys = keys
        self._principal_key = principal_key
        self._cache: dict[bytes, _Entry] = {}

    @property
    def configured(self) -> bool:
        """Whether any issuer is trusted at all."""
        return bool(self._issuers)

    async def verify(self, token: str, now: float) -> Principal:
        """Return the caller whom the token was issued to; waits only where a key must be fetched.

        Args:
            token: the credential as ``extract_credential`` found it, ASCII.
            now: Unix seconds.

        Raises:
            AccessTokenRefused: one of its subclasses; ``code`` is the true reason.
            IdentityUnavailable: the issuer's keys are not there.
        """
        # The token itself is not kept: the memory of the process must not be worth reading.
        digest = hashlib.sha256(token.encode("ascii")).digest()
        entry = self._cache.get(digest)
        if entry is not None and entry.verified_at <= now < entry.until:
            return entry.principal
        unverified = take_apart(token)
        issuer = self._issuers.get(unverified.issuer or "")
        if issuer is None:
            raise UnknownIssuer
        key = await self._keys.key(issuer, check_header(unverified, issuer))
        caller = verify(unverified, issuer, key, now)
        principal = make_principal(
            self._principal_key,
            issuer=caller.issuer,
            subject=caller.subject,
            email=caller.email,
            groups=caller.groups,
            kind=caller.kind,
            key_id="",
        )
        if len(self._cache) >= _CACHE_ENTRIES:
            self._cache.clear()
        until = min(caller.expires_at, now + CACHE_SECONDS)
        self._cache[digest] = _Entry(principal, now, until)
        return principal

    async def close(self) -> None:
        """Close the connections to the issuers."""
        await self._keys.close()
