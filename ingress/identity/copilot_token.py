"""Mint and check the gateway's own short-lived Copilot token; pure given the time and the key.

A Copilot client trades its GitHub token (here: its gateway key) for this token and sends it with
every model request. It names the gateway key, so a key that is revoked takes its tokens along:
``verify`` returns only the key's id, and the caller must still check the key behind it.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from ingress.errors import ExpiredToken, ForgedToken

# The language server fetches a token with under five minutes left again on every use, so less
# than a quarter of an hour would cost a fetch per completion (measured: 16 in 1.5 s).
MINIMUM_LIFETIME_SECONDS: Final = 15 * 60
# GitHub's own tokens live as long.
DEFAULT_LIFETIME_SECONDS: Final = 30 * 60
# VS Code ignores ``expires_at`` and renews five minutes before ``refresh_in`` + 60 s.
REFRESH_MARGIN_SECONDS: Final = 5 * 60
# A minted token has about 200 characters; anything far longer is not ours.
MAXIMUM_TOKEN_LENGTH: Final = 1024


@dataclass(frozen=True, slots=True)
class CopilotToken:
    """A minted token; ``expires_at`` is Unix seconds, ``refresh_in`` seconds from the mint."""

    token: str = field(repr=False)
    expires_at: int
    refresh_in: int


def looks_like_copilot_token(credential: str) -> bool:
    """Tell a Copilot token from a gateway key by its form alone; proves nothing."""
    return credential.startswith("tid=")


class CopilotTokens:
    """Mint and verify tokens under the tenant's subkey "copilot-token" (32 bytes)."""

    def __init__(self, token_key: bytes) -> None:
        self._key = token_key

    def mint(
        self, key_id: str, now: float, ttl_seconds: int = DEFAULT_LIFETIME_SECONDS
    ) -> CopilotToken:
        """Mint a token for the gateway key ``key_id`` (eight letters or digits).

        Before the colon stand the flags that clients read, after it the MAC that they do not.

        Args:
            key_id: id of the gateway key that was just verified.
            now: Unix seconds.
            ttl_seconds: lifetime, at least a quarter of an hour.

        Raises:
            ValueError: the lifetime is shorter than that, or the id has another form.
        """
        if ttl_seconds < MINIMUM_LIFETIME_SECONDS:
            raise ValueError(f"a Copilot token lives at least {MINIMUM_LIFETIME_SECONDS} s")
        if not (key_id.isascii() and key_id.isalnum()):
            raise ValueError("a key id has letters and digits only")
        expires_at = int(now) + ttl_seconds
        # Clients use ``tid`` as a tracking id: stable per key, and not the key's id itself.
        tracking_id = self._mac(f"tid\0{key_id}")[:32]
        flags = (
            f"tid={tracking_id};exp={expires_at};sku=copilot_enterprise_seat;st=dotcom;"
            f"chat=1;mcp=1;sn=1;editor_preview_features=1;tn={key_id}"
        )
        return CopilotToken(
            token=f"{flags}:{self._mac(flags)}",
            expires_at=expires_at,
            refresh_in=ttl_seconds - REFRESH_MARGIN_SECONDS,
        )

    def verify(self, token: str, now: float) -> str:
        """Return the id of the gateway key that the token stands for.

        Raises:
            ForgedToken: not minted under this key, or changed since.
            ExpiredToken: minted here, but over.
        """
        flags, colon, mac = token.rpartition(":")
        if not colon or len(token) > MAXIMUM_TOKEN_LENGTH or not token.isascii():
            raise ForgedToken
        if not hmac.compare_digest(self._mac(flags), mac):
            raise ForgedToken
        # Only what this gateway itself wrote is read below: the MAC covers all of it.
        fields = dict(flag.split("=", 1) for flag in flags.split(";"))
        key_id = fields["tn"]
        if now >= int(fields["exp"]):
            raise ExpiredToken(key_id)
        return key_id

    def _mac(self, text: str) -> str:
        return hmac.digest(self._key, text.encode("ascii"), hashlib.sha256).hex()
