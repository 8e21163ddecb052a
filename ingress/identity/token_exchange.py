"""Trade a token of an issuer for a gateway key: RFC 8693, as far as a key needs it.

A person gets a key of a day at most, so that the groups of the exchange cannot grow old; a
program (a CI job, a service account) one of a quarter of an hour. A key cannot buy a key.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from ingress.errors import (
    BadTokenRequest,
    MalformedAccessToken,
    TooManyKeys,
    UnknownIssuer,
    UnsupportedGrant,
)
from ingress.identity.access_tokens import AccessTokens
from ingress.identity.even_refusals import refuse_evenly
from ingress.identity.keys import Account, KeyRecord, KeyStore
from ingress.identity.oidc import looks_like_access_token
from ingress.identity.principal import Principal
from ingress.identity.profiles import ProfileName
from ingress.identity.rate import RateLimit

# Source: RFC 8693, sections 2.1 and 3.
GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  (a name)
ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105
JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
# Issuers whose callers have no other token to show than an ID token.
_ID_TOKEN_PROFILES: Final[frozenset[ProfileName]] = frozenset({"google", "github-actions"})

SERVICE_LIFETIME: Final = timedelta(minutes=15)
# Largest form: a token of 16 KiB and what stands beside it.
FORM_BYTES_MAX: Final = 20 * 1024
_FIELDS_MAX: Final = 20
_DEVICE_NAME_MAX: Final = 100
# Keys of one caller that work at once; a program gets a new one for each job.
KEYS_MAX: Final = 200
_PER_SECOND: Final = 1.0
_BURST: Final = KEYS_MAX


@dataclass(frozen=True, slots=True)
class ExchangeRequest:
    """The form of an exchange, as far as it is well made."""

    subject_token: str = field(repr=False)
    subject_token_type: str
    device_name: str | None


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key, and whom it speaks for."""

    key: str = field(repr=False)
    record: KeyRecord
    principal: Principal


def read_form(body: bytes) -> ExchangeRequest:
    """Read the form of an exchange. Pure.

    Raises:
        BadTokenRequest: it is no such form, or says something twice; the message names no value.
        UnsupportedGrant: it asks for another grant.
    """
    form = _fields(body)
    if form.get("grant_type") != GRANT_TYPE:
        raise UnsupportedGrant(f"grant_type must be {GRANT_TYPE}.")
    token, kind = form.get("subject_token"), form.get("subject_token_type")
    if token is None or kind not in {ACCESS_TOKEN, ID_TOKEN, JWT}:
        raise BadTokenRequest("subject_token and its subject_token_type are needed.")
    if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise BadTokenRequest(f"requested_token_type can only be {ACCESS_TOKEN}.")
    if "actor_token" in form:
        raise BadTokenRequest("actor_token is not supported: nobody acts for another here.")
    device_name = form.get("device_name")
    if device_name and not (device_name.isprintable() and len(device_name) <= _DEVICE_NAME_MAX):
        raise BadTokenRequest(f"device_name must be printable, {_DEVICE_NAME_MAX} at most.")
    return ExchangeRequest(token, kind, device_name)


def _fields(body: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            strict_parsing=True,
            max_num_fields=_FIELDS_MAX,
            errors="strict",
        )
    except ValueError:
        raise BadTokenRequest("The body is no application/x-www-form-urlencoded form.") from None
    # RFC 6749, section 3.2: a parameter may not be repeated; without a value it is not there.
    if len(dict(pairs)) != len(pairs):
        raise BadTokenRequest("A parameter is there twice.")
    return dict(pairs)


class TokenExchange:
    """Issue keys for tokens; for one event loop."""

    def __init__(self, access_tokens: AccessTokens, store: KeyStore) -> None:
        self._access_tokens = access_tokens
        self._store = store
        self._rate = RateLimit(_PER_SECOND, _BURST)

    @refuse_evenly
    async def issue(self, request: ExchangeRequest, now: float) -> Issued:
        """Issue a key; its event waits in the outbox, and must be recorded before it is told.

        Args:
            request: the form.
            now: Unix seconds.

        Raises:
            Unauthenticated: the token is not accepted; ``code`` is the true reason.
            TooManyKeys: the caller has too many that work, or asks too often.
            IdentityUnavailable: the issuer's keys are not there.
        """
        if not (request.subject_token.isascii() and looks_like_access_token(request.subject_token)):
            raise MalformedAccessToken
        principal = await self._access_tokens.verify(request.subject_token, now)
        issuer = self._access_tokens.issuers.get(principal.issuer)
        if issuer is None:  # it went while its keys were fetched
            raise UnknownIssuer
        if request.subject_token_type == ID_TOKEN and issuer.profile_name not in _ID_TOKEN_PROFILES:
            raise BadTokenRequest("This issuer's ID tokens are not accepted; show an access token.")
        if not self._rate.allows(principal.principal_id, now):
            raise TooManyKeys("Too many keys were asked for; wait a few seconds.")
        lifetime = SERVICE_LIFETIME if principal.kind == "service" else issuer.key_lifetime
        return await asyncio.to_thread(self._create, principal, request.device_name, lifetime, now)

    def _create(
        self, principal: Principal, device_name: str | None, lifetime: timedelta, now: float
    ) -> Issued:
        at = datetime.fromtimestamp(now, UTC)
        if self._store.count_valid(principal.issuer, principal.subject, at) >= KEYS_MAX:
            raise TooManyKeys(f"{KEYS_MAX} keys of yours still work; revoke some of them.")
        record, key = self._store.create(
            issuer=principal.issuer,
            subject=principal.subject,
            email=principal.email,
            groups=principal.groups,
            kind=principal.kind,
            device_name=device_name,
            lifetime=lifetime,
            now=at,
            by=account_of(principal),
        )
        return Issued(key, record, principal)


def account_of(principal: Principal) -> Account:
    """Return a caller as the control database names it."""
    return Account(
        principal.issuer,
        principal.subject,
        principal.email,
        principal.groups,
        principal.kind,
        principal.key_id,
    )
