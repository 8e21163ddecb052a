"""Turn the headers of a request into its principal: the ``identify`` step of the data path."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Engine

from ingress.errors import CredentialMissing, MissingCredential
from ingress.identity.access_tokens import AccessTokens
from ingress.identity.copilot_token import CopilotTokens, looks_like_copilot_token
from ingress.identity.even_refusals import refuse_evenly
from ingress.identity.groups import GroupResolver
from ingress.identity.headers import extract_credential
from ingress.identity.issuers import Issuer, TrustedIssuers
from ingress.identity.jwks import JwksCache
from ingress.identity.oidc import looks_like_access_token
from ingress.identity.principal import Principal
from ingress.identity.verifier import KeyVerifier
from ingress.secrets import TenantSecrets


def _no_secret(reference: str) -> str:
    raise CredentialMissing(f"no credential store to read {reference} from")


class Authenticator:
    """Accept a gateway key, a Copilot token minted here for one, or an OIDC access token."""

    def __init__(
        self,
        verifier: KeyVerifier,
        copilot_tokens: CopilotTokens,
        access_tokens: AccessTokens,
        groups: GroupResolver,
    ) -> None:
        self.verifier = verifier
        self.copilot_tokens = copilot_tokens
        self.access_tokens = access_tokens
        self.groups = groups

    @refuse_evenly
    async def authenticate(self, headers: Sequence[tuple[bytes, bytes]], now: float) -> Principal:
        """Return the caller; waits only where an issuer's key must be fetched.

        Args:
            headers: raw header pairs as ASGI gives them, names in lower case.
            now: Unix seconds.

        Raises:
            Unauthenticated: one of its subclasses; ``code`` is the true reason.
            IdentityUnavailable: the key store cannot be read, or an issuer's keys are not there.
        """
        credential = extract_credential(headers)
        if credential is None:
            raise MissingCredential
        if self.access_tokens.configured and looks_like_access_token(credential):
            return await self.access_tokens.verify(credential, now)
        if looks_like_copilot_token(credential):
            return self.verifier.verify_id(self.copilot_tokens.verify(credential, now), now)
        return self.verifier.verify(credential, now)

    async def close(self) -> None:
        """Close the connections to the issuers."""
        await self.access_tokens.close()


def build_identity(
    engine: Engine,
    tenant: TenantSecrets,
    issuers: Sequence[Issuer] = (),
    ca_file: Path | None = None,
    secret: Callable[[str], str] = _no_secret,
) -> Authenticator:
    """Assemble the identity area over the control database and the tenant's secrets.

    Args:
        engine: the control database, with the gateway keys.
        tenant: the tenant's secrets.
        issuers: whose access tokens are accepted; none: gateway keys alone.
        ca_file: PEM file of the authorities to trust when issuers and directories are asked.
        secret: returns the value behind a credential's reference; see ``GroupResolver``.
    """
    trusted = TrustedIssuers(issuers)
    groups = GroupResolver(trusted, secret, ca_file)
    principal_key = tenant.subkey("principal")
    return Authenticator(
        KeyVerifier(engine, principal_key),
        CopilotTokens(tenant.subkey("copilot-token")),
        AccessTokens(trusted, JwksCache(ca_file), groups, principal_key),
        groups,
    )
