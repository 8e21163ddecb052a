"""Verify an OIDC access token against its issuer's profile and one public key; pure.

Stricter than any JWT library: joserfc checks the signature, everything around it is checked here
(RFC 8725, RFC 9068). A token brings no key and no place to fetch one from: ``kid`` only chooses
among the keys that the issuer publishes.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ingress.errors import (
    AccessTokenNotYetValid,
    ClaimsRefused,
    ExpiredAccessToken,
    GroupsMissing,
    GroupsTruncated,
    MalformedAccessToken,
    UnknownTokenKey,
    WrongAudience,
    WrongTokenAlgorithm,
    WrongTokenType,
)
from ingress.identity.issuers import GROUPS_LIMIT, Issuer
from ingress.identity.principal import PrincipalKind
from ingress.identity.public_keys import PublicKey, check_signature
from ingress.identity.strict import decode_base64url, read_object

# Entra's largest tokens, with 200 groups, have under 10 KiB.
TOKEN_BYTES_MAX: Final = 16 * 1024
# Clocks of two machines that are kept in time differ by far less.
LEEWAY_SECONDS: Final = 30
# An event's subject, group and issuer are short texts.
_TEXT_MAX: Final = 256
_EMAIL_MAX: Final = 320

_FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_HEADER_MEMBERS: Final = frozenset({"alg", "typ", "kid", "x5t", "x5t#S256"})
_MEDIA_PREFIX: Final = "application/"
# RFC 6749 section 3.3: a scope is a list with blanks in between; Entra does the same in scp.
_SCOPE_CLAIMS: Final = frozenset({"scope", "scp"})
# What names the client a token was issued to: RFC 9068, OpenID Connect Core, Okta.
_CLIENT_CLAIMS: Final = ("client_id", "azp", "cid")

_GOOGLE_ACCOUNTS: Final = ".gserviceaccount.com"

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token taken apart. Nothing of it is proved; only ``verify`` may rely on it."""

    token: str
    header: Mapping[str, Any]
    claims: Claims

    @property
    def issuer(self) -> str | None:
        """Who the token says it is from; good to choose a profile by."""
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else None


@dataclass(frozen=True, slots=True)
class Caller:
    """What a verified token proves; ``expires_at`` is Unix seconds.

    ``groups`` is None where the issuer's directory has to be asked for them.
    """

    issuer: str
    subject: str
    email: str | None
    groups: tuple[str, ...] | None
    kind: PrincipalKind
    expires_at: float


def looks_like_access_token(credential: str) -> bool:
    """Tell a JWT from a gateway key by its form alone; proves nothing."""
    return credential.startswith("ey") and credential.count(".") == 2


def take_apart(token: str) -> UnverifiedToken:
    """Read header and claims.

    Raises:
        MalformedAccessToken: it is too long, or not exactly the compact form of RFC 7515 over
            two JSON objects without a member twice.
    """
    header, payload = split(token)
    return UnverifiedToken(token, header, read_object(payload))


def split(token: str) -> tuple[dict[str, Any], bytes]:
    """Return the header and the bytes that were signed with it.

    Raises:
        MalformedAccessToken: as `take_apart`, whatever the bytes are.
    """
    if len(token) > TOKEN_BYTES_MAX or not _FORM.fullmatch(token):
        raise MalformedAccessToken
    header, payload, signature = token.split(".")
    decode_base64url(signature)
    return read_object(decode_base64url(header)), decode_base64url(payload)


def check_header(token: UnverifiedToken, issuer: Issuer) -> str:
    """Return the id of the key that the token names, if its header is one of this issuer.

    Raises:
        WrongTokenType: another type, or a member that no access token needs.
        WrongTokenAlgorithm: not in the issuer's list.
        UnknownTokenKey: it names no key.
    """
    header = token.header
    if not header.keys() <= _HEADER_MEMBERS:
        raise WrongTokenType
    kind = header.get("typ", "")
    if not isinstance(kind, str):
        raise WrongTokenType
    if kind.lower().removeprefix(_MEDIA_PREFIX) not in issuer.profile.token_types:
        raise WrongTokenType
    if header.get("alg") not in issuer.algorithms:
        raise WrongTokenAlgorithm
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not key_id:
        raise UnknownTokenKey
    return key_id


def verify(token: UnverifiedToken, issuer: Issuer, key: PublicKey, now: float) -> Caller:
    """Return whom the token proves.

    Args:
        token: a token whose ``check_header`` passed.
        issuer: the profile of exactly the issuer that the token names.
        key: the issuer's key of the id that the token names.
        now: Unix seconds.

    Raises:
        AccessTokenRefused: one of its subclasses; ``code`` is the true reason.
    """
    check_signature(token.token, token.header["alg"], key)
    claims = token.claims
    if claims.get("iss") != issuer.issuer:
        raise ClaimsRefused
    _check_audience(claims, issuer)
    expires_at = _check_times(claims, now)
    _check_required(claims, issuer)
    kind = _kind(claims, issuer)
    return Caller(
        issuer=issuer.issuer,
        subject=_subject(claims, issuer, kind),
        email=_email(claims),
        groups=_groups(claims, issuer, kind),
        kind=kind,
        expires_at=expires_at,
    )


def _check_audience(claims: Claims, issuer: Issuer) -> None:
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(item, str) for item in named):
        raise WrongAudience
    if issuer.audiences.isdisjoint(named):
        raise WrongAudience


def _check_times(claims: Claims, now: float) -> float:
    expires_at, issued_at = _time(claims, "exp"), _time(claims, "iat")
    not_before = _time(claims, "nbf") if "nbf" in claims else issued_at
    if now >= expires_at + LEEWAY_SECONDS:
        raise ExpiredAccessToken
    if max(not_before, issued_at) > now + LEEWAY_SECONDS:
        raise AccessTokenNotYetValid
    return expires_at


def _time(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ClaimsRefused
    try:
        seconds = float(value)
    except OverflowError:
        raise ClaimsRefused from None  # the cause would carry nothing more
    if not math.isfinite(seconds) or seconds < 0:
        raise ClaimsRefused
    return seconds


def _check_required(claims: Claims, issuer: Issuer) -> None:
    profile = issuer.profile
    if any(not claims.get(name) for name in profile.present):
        raise ClaimsRefused
    if any(claims.get(name) != value for name, value in profile.equal):
        raise ClaimsRefused
    # Google lets an account carry an address that it never checked.
    if "email" in issuer.required and claims.get("email_verified") is not True:
        raise ClaimsRefused
    for name, values in issuer.required.items():
        if values.isdisjoint(_values(name, claims.get(name))):
            raise ClaimsRefused


def _values(name: str, claim: Any) -> list[str]:
    """Return a claim as the texts that a requirement is compared with."""
    if isinstance(claim, str):
        return claim.split(" ") if name in _SCOPE_CLAIMS else [claim]
    if isinstance(claim, bool):
        return ["true" if claim else "false"]
    if isinstance(claim, int):
        return [str(claim)]
    return [item for item in claim if isinstance(item, str)] if isinstance(claim, list) else []


def _subject(claims: Claims, issuer: Issuer, kind: PrincipalKind) -> str:
    subject = _text(claims, "sub", _TEXT_MAX)
    names = issuer.profile.subject_claims
    if issuer.profile.subject_labels:
        told = [name for name in names if name in claims]
        subject = ":".join(f"{name}:{_text(claims, name, _TEXT_MAX)}" for name in told)
    elif kind == "human" or not claims.keys().isdisjoint(names):
        subject = ":".join(_text(claims, name, _TEXT_MAX) for name in names)
    if len(subject) > _TEXT_MAX:
        raise ClaimsRefused
    return subject


def _text(claims: Claims, name: str, length_max: int) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= length_max or not value.isprintable():
        raise ClaimsRefused
    return value


def _email(claims: Claims) -> str | None:
    """Return the mail address to show to people; nothing is decided by it."""
    if "email" not in claims or claims.get("email_verified") is False:
        return None
    try:
        return _text(claims, "email", _EMAIL_MAX)
    except ClaimsRefused:
        return None


def _kind(claims: Claims, issuer: Issuer) -> PrincipalKind:
    """Return service also where a client got the token for itself, whatever the file says."""
    if issuer.profile_name == "entra" and not claims.get("scp"):
        return "service"
    # Keycloak makes an account for a client, of this name.
    if issuer.profile_name == "keycloak" and (
        claims.get("preferred_username") == f"service-account-{claims.get('azp')}"
    ):
        return "service"
    # Google reserves the domain; includeEmail puts the address into a service account's token.
    if issuer.profile_name == "google" and (_email(claims) or "").endswith(_GOOGLE_ACCOUNTS):
        return "service"
    # RFC 9068 section 2.2: then the subject is the client.
    if claims.get("sub") in [claims[name] for name in _CLIENT_CLAIMS if name in claims]:
        return "service"
    return issuer.kind


def _groups(claims: Claims, issuer: Issuer, kind: PrincipalKind) -> tuple[str, ...] | None:
    name, source = issuer.groups_claim, issuer.groups_from
    if source is None:
        return () if name is None else _claimed_groups(claims, name, issuer, kind)
    if source.ask == "always" or name is None or name not in claims:
        return None
    try:
        return _claimed_groups(claims, name, issuer, kind)
    except (GroupsMissing, GroupsTruncated):
        return None


def _claimed_groups(
    claims: Claims, name: str, issuer: Issuer, kind: PrincipalKind
) -> tuple[str, ...]:
    elsewhere = claims.get("_claim_names", {})
    # Entra's sign that the groups are to be asked for at another place.
    if not isinstance(elsewhere, dict) or name in elsewhere or claims.get("hasgroups"):
        raise GroupsTruncated
    if name not in claims and kind == "service":
        return ()
    groups = claims.get(name)
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise GroupsMissing
    if len(groups) >= min(issuer.groups_max, GROUPS_LIMIT):
        raise GroupsTruncated
    if issuer.profile_name == "keycloak":
        # Its mapper writes names or, by default, paths; both mean one group.
        groups = [group.removeprefix("/") for group in groups]
    if not all(0 < len(group) <= _TEXT_MAX and group.isprintable() for group in groups):
        raise GroupsMissing
    return tuple(dict.fromkeys(groups))
