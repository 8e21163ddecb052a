"""Turn the headers of a request into its principal: the ``identify`` step of the data path."""

from collections.abc import Sequence

from sqlalchemy import Engine

from ingress.identity.copilot_token import CopilotTokens, looks_like_copilot_token
from ingress.identity.headers import extract_credential
from ingress.identity.keys import KeyVerifier
from ingress.identity.principal import Principal
from ingress.secrets import TenantSecrets


class Authenticator:
    """Accept a gateway key, or a Copilot token that this gateway minted for one."""

    def __init__(self, verifier: KeyVerifier, copilot_tokens: CopilotTokens) -> None:
        self.verifier = verifier
        self.copilot_tokens = copilot_tokens

    def authenticate(self, headers: Sequence[tuple[bytes, bytes]], now: float) -> Principal:
        """Return the caller.

        Args:
            headers: raw header pairs as ASGI gives them, names in lower case.
            now: Unix seconds.

        Raises:
            Unauthenticated: one of its subclasses; ``code`` is the true reason.
            IdentityUnavailable: the key store cannot be read.
        """
        credential = extract_credential(headers)
        if credential is not None and looks_like_copilot_token(credential):
            return self.verifier.verify_id(self.copilot_tokens.verify(credential, now), now)
        return self.verifier.verify(credential, now)


def build_identity(engine: Engine, tenant: TenantSecrets) -> Authenticator:
    """Assemble the identity area over the control database and the tenant's secrets."""
    return Authenticator(
        KeyVerifier(engine, tenant.subkey("principal")),
        CopilotTokens(tenant.subkey("copilot-token")),
    )
