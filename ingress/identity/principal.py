"""Describe the verified caller and give it a pseudonym; pure.

The pseudonym (``principal_id``) is what tables join on: the same caller always has the same one,
and without the tenant's key nobody can compute it from a name.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

PrincipalKind = Literal["human", "service"]

# 26 characters of base32 hold 130 bits: no two callers of a tenant will ever share one.
PRINCIPAL_ID_LENGTH = 26


@dataclass(frozen=True, slots=True)
class Principal:
    """Verified caller. Issuer and subject identify it; the mail address never does.

    ``key_id`` is empty for a caller that showed an access token.
    """

    principal_id: str
    issuer: str
    subject: str
    email: str | None
    groups: tuple[str, ...]
    kind: PrincipalKind
    key_id: str


def principal_id(principal_key: bytes, issuer: str, subject: str) -> str:
    """Return the pseudonym of a caller: 26 characters of lower-case base32.

    Args:
        principal_key: the tenant's subkey "principal", 32 bytes.
        issuer: issuer that vouches for the subject; contains no NUL.
        subject: the issuer's stable name of the caller.
    """
    message = f"{issuer}\0{subject}".encode()
    digest = hmac.digest(principal_key, message, hashlib.sha256)
    return base64.b32encode(digest).decode("ascii").lower()[:PRINCIPAL_ID_LENGTH]


def make_principal(  # noqa: PLR0913 - a caller has these six facts, named at every call
    principal_key: bytes,
    *,
    issuer: str,
    subject: str,
    email: str | None = None,
    groups: Sequence[str] = (),
    kind: PrincipalKind = "human",
    key_id: str,
) -> Principal:
    """Build a principal with its pseudonym."""
    return Principal(
        principal_id=principal_id(principal_key, issuer, subject),
        issuer=issuer,
        subject=subject,
        email=email,
        groups=tuple(groups),
        kind=kind,
        key_id=key_id,
    )
