"""Turn the headers of a request into its principal: the ``identify`` step of the data path."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ingress.errors import (
    CredentialMissing,
    IdentityUnavailable,
    KeyInHeader,
    KeyInUrl,
    MissingCredential,
    UnknownIssuer,
)
from ingress.identity.access_tokens import AccessTokens
from ingress.identity.copilot_token import CopilotTokens, looks_like_copilot_token
from ingress.identity.even_refusals import refuse_evenly
from ingress.identity.groups import GroupResolver
from ingress.identity.headers import extract_credential, extract_proxy_password
from ingress.identity.issuers import Issuer, TrustedIssuers
from ingress.identity.jwks import JwksCache
from ingress.identity.key_form import KeyClass, key_id_of
from ingress.identity.keys import LOCAL_ISSUER, KeyStore
from ingress.identity.oidc import looks_like_access_token
from ingress.identity.placement import StrayKey
from ingress.identity.principal import Principal
from ingress.identity.verifier import KeyVerifier
from ingress.secrets import TenantSecrets


def _no_secret(reference: str) -> str:
    raise CredentialMissing(f"no credential store to read {reference} from")


class Authenticator:
    """Accept a gateway key, a Copilot token minted here for one, or an OIDC access token."""

    def __init__(  # noqa: PLR0913, PLR0917  (the parts that meet here)
        self,
        verifier: KeyVerifier,
        copilot_tokens: CopilotTokens,
        access_tokens: AccessTokens,
        groups: GroupResolver,
        store: KeyStore,
        places: Collection[KeyClass] = (),
    ) -> None:
        """Put the parts together.

        Args:
            verifier: checks gateway keys.
            copilot_tokens: checks the tokens that were minted for them.
            access_tokens: checks OIDC access tokens.
            groups: knows the groups of key holders now.
            store: takes note of a key that was exposed.
            places: where keys may stand besides the headers for credentials.
        """
        self.verifier = verifier
        self.copilot_tokens = copilot_tokens
        self.access_tokens = access_tokens
        self.groups = groups
        self._store = store
        self.takes_path_keys = "path" in places
        self._takes_proxy_keys = "proxy" in places

    @refuse_evenly
    async def authenticate(
        self, headers: Sequence[tuple[bytes, bytes]], now: float, path_key: str | None = None
    ) -> Principal:
        """Return the caller; waits where an issuer, a directory or PostgreSQL must be asked.

        Args:
            headers: raw header pairs as ASGI gives them, names in lower case.
            now: Unix seconds.
            path_key: the key of the path, if there is one; headers do not count then.

        Raises:
            Unauthenticated: one of its subclasses; ``code`` is the true reason.
            IdentityUnavailable: the key store cannot be read, or an issuer or directory that must
                be asked does not answer.
        """
        if path_key is not None:
            return await self._as_of_now(await self.verifier.verify(path_key, now, "path"))
        if self._takes_proxy_keys and (password := extract_proxy_password(headers)):
            return await self._as_of_now(await self.verifier.verify(password, now, "proxy"))
        credential = extract_credential(headers)
        if credential is None:
            raise MissingCredential
        if self.access_tokens.configured and looks_like_access_token(credential):
            return await self.access_tokens.verify(credential, now)
        if looks_like_copilot_token(credential):
            key_id = self.copilot_tokens.verify(credential, now)
            return await self._as_of_now(await self.verifier.verify_id(key_id, now))
        return await self._as_of_now(await self.verifier.verify(credential, now))

    async def _as_of_now(self, principal: Principal) -> Principal:
        """Return a key's holder with the groups of today, if the holder's issuer still counts."""
        issuer = principal.issuer
        if issuer == LOCAL_ISSUER:
            return principal
        if self.access_tokens.issuers.get(issuer) is None:
            raise UnknownIssuer(principal.key_id)
        if not self.groups.covers(issuer):
            return principal
        groups = await self.groups.groups(issuer, principal.subject, principal.kind)
        return principal if groups == principal.groups else replace(principal, groups=groups)

    @refuse_evenly
    async def refuse_stray_key(self, stray: StrayKey, now: float) -> NoReturn:
        """Report a key that came in a wrong place to its owner, and refuse the request.

        Raises:
            MisplacedKey: always, also for what only looks like a key.
            IdentityUnavailable: the key store cannot be used.
        """
        key_id = key_id_of(stray.key)
        if key_id is not None and await self.verifier.newly_exposed(stray.key):
            at = datetime.fromtimestamp(now, UTC)
            try:
                await asyncio.to_thread(self._store.mark_exposed, key_id, at)
            except SQLAlchemyError as error:
                raise IdentityUnavailable("the key store cannot be written") from error
        raise KeyInUrl(key_id) if stray.in_url else KeyInHeader(key_id)

    async def close(self) -> None:
        """Close the connections to the issuers."""
        await self.access_tokens.close()


def build_identity(  # noqa: PLR0913, PLR0917  (what the area is made of)
    engine: Engine,
    tenant: TenantSecrets,
    issuers: Sequence[Issuer] = (),
    ca_file: Path | None = None,
    secret: Callable[[str], str] = _no_secret,
    places: Collection[KeyClass] = (),
) -> Authenticator:
    """Assemble the identity area over the control database and the tenant's secrets.

    Args:
        engine: the control database, with the gateway keys.
        tenant: the tenant's secrets.
        issuers: whose access tokens are accepted; none: gateway keys alone.
        ca_file: PEM file of the authorities to trust when issuers and directories are asked.
        secret: returns the value behind a credential's reference; see ``GroupResolver``.
        places: where keys may stand besides the headers for credentials.
    """
    trusted = TrustedIssuers(issuers)
    groups = GroupResolver(trusted, secret, ca_file)
    principal_key = tenant.subkey("principal")
    return Authenticator(
        KeyVerifier(engine, principal_key),
        CopilotTokens(tenant.subkey("copilot-token")),
        AccessTokens(trusted, JwksCache(ca_file), groups, principal_key),
        groups,
        KeyStore(engine),
        places,
    )
