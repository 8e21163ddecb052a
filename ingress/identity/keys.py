"""Issue, list, revoke and verify gateway keys.

A key is ``tnk_<key id>_<secret>_<checksum>``: 8, 32 and 6 characters of [0-9A-Za-z], so a secret
scanner finds one with a regular expression and a typo is refused without asking the database.
Only the SHA-256 of a key is stored: its secret has 190 random bits, so no slow hash is needed.
``KeyStore`` belongs to the command line and the console, ``KeyVerifier`` to the data path.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy import Engine, bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ingress.control.models import GatewayKeyRow
from ingress.errors import (
    ExpiredKey,
    IdentityUnavailable,
    MalformedKey,
    MissingCredential,
    RevokedKey,
    UnknownKey,
)
from ingress.identity.principal import Principal, PrincipalKind, make_principal

# What a secret scanner looks for; the checksum tells a key from a look-alike.
KEY_PATTERN: Final = r"tnk_[0-9A-Za-z]{8}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}"
LOCAL_ISSUER: Final = "urn:tailnumber:local"
# A person's key on one machine; long enough not to be renewed in the middle of a quarter.
DEFAULT_LIFETIME: Final = timedelta(days=90)
# A revocation made by another process takes hold within this time.
CACHE_SECONDS: Final = 1.0
# Read without the ORM: 37 us instead of 152 on the data path (measured, SQLite).
_KEY_BY_ID: Final = select(
    GatewayKeyRow.secret_hash,
    GatewayKeyRow.issuer,
    GatewayKeyRow.subject,
    GatewayKeyRow.email,
    GatewayKeyRow.groups,
    GatewayKeyRow.kind,
    GatewayKeyRow.expires_at,
    GatewayKeyRow.revoked_at,
).where(GatewayKeyRow.key_id == bindparam("key_id"))
# Far above the callers of one process; past it the cache starts over rather than grow.
_CACHE_ENTRIES: Final = 20_000
_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_FORM: Final = re.compile(KEY_PATTERN)
_ID_SPAN: Final = slice(4, 12)
_ID_LENGTH: Final = 8
_SECRET_LENGTH: Final = 32
_CHECKSUM_LENGTH: Final = 6  # 62**6 > 2**32


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of an issued key; the key itself is not."""

    key_id: str
    issuer: str
    subject: str
    email: str | None
    groups: tuple[str, ...]
    kind: PrincipalKind
    device_name: str | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class KeyStore:
    """Issue, list and revoke keys in the control database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(  # noqa: PLR0913 - these are the facts a key is bound to, named at every call
        self,
        *,
        issuer: str,
        subject: str,
        now: datetime,
        email: str | None = None,
        groups: Sequence[str] = (),
        kind: PrincipalKind = "human",
        device_name: str | None = None,
        lifetime: timedelta = DEFAULT_LIFETIME,
    ) -> tuple[KeyRecord, str]:
        """Issue a key and return its record and, this once, the key itself.

        Raises:
            ValueError: no subject, a NUL in issuer or subject, or no lifetime.
        """
        if not subject or "\0" in issuer + subject or lifetime <= timedelta():
            raise ValueError("a key needs an issuer and subject without NUL, and a lifetime")
        key_id = _random(_ID_LENGTH)
        key = with_checksum(f"tnk_{key_id}_{_random(_SECRET_LENGTH)}")
        row = GatewayKeyRow(
            key_id=key_id,
            secret_hash=_hash(key),
            issuer=issuer,
            subject=subject,
            email=email,
            groups=list(groups),
            kind=kind,
            device_name=device_name,
            created_at=now,
            expires_at=now + lifetime,
            revoked_at=None,
        )
        with Session(self._engine) as session:
            session.add(row)
            session.commit()
            return _record(row), key

    def list(self) -> list[KeyRecord]:
        """Return every key that was ever issued, oldest first."""
        with Session(self._engine) as session:
            order = (GatewayKeyRow.created_at, GatewayKeyRow.key_id)
            return [_record(row) for row in session.scalars(select(GatewayKeyRow).order_by(*order))]

    def revoke(self, key_id: str, now: datetime) -> bool:
        """Take a key back; a second revocation keeps the first time. False: no such key."""
        with Session(self._engine) as session:
            session.execute(
                update(GatewayKeyRow)
                .where(GatewayKeyRow.key_id == key_id, GatewayKeyRow.revoked_at.is_(None))
                .values(revoked_at=now)
            )
            session.commit()
            return session.get(GatewayKeyRow, key_id) is not None


class LocalIssuer:
    """Vouch for people of this machine by issuing keys under ``urn:tailnumber:local``."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    def mint(  # noqa: PLR0913 - the facts of a local account, named at every call
        self,
        user: str,
        *,
        now: datetime,
        groups: Sequence[str] = (),
        email: str | None = None,
        kind: PrincipalKind = "human",
        device_name: str | None = None,
        lifetime: timedelta = DEFAULT_LIFETIME,
    ) -> tuple[KeyRecord, str]:
        """Issue a key to ``user``, an account name; see ``KeyStore.create``."""
        return self._store.create(
            issuer=LOCAL_ISSUER,
            subject=user,
            now=now,
            email=email,
            groups=groups,
            kind=kind,
            device_name=device_name,
            lifetime=lifetime,
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    secret_hash: bytes
    principal: Principal
    expires_at: float
    revoked: bool
    read_at: float


class KeyVerifier:
    """Verify keys on the data path; knows of a revocation within ``CACHE_SECONDS``.

    Not for several threads at once. An entry older than that is read again, by its primary key.
    """

    def __init__(self, engine: Engine, principal_key: bytes) -> None:
        """Read keys from ``engine``; ``principal_key`` is the tenant's subkey "principal"."""
        self._engine = engine
        self._principal_key = principal_key
        self._cache: dict[str, _Entry] = {}

    def verify(self, raw: str | None, now: float) -> Principal:
        """Return the caller whom the key was issued to.

        Args:
            raw: the credential as ``extract_credential`` found it.
            now: Unix seconds.

        Raises:
            Unauthenticated: MissingCredential, MalformedKey, UnknownKey, RevokedKey, ExpiredKey.
            IdentityUnavailable: the key store cannot be read.
        """
        if not raw:
            raise MissingCredential
        if not _FORM.fullmatch(raw):
            raise MalformedKey
        key_id = raw[_ID_SPAN]
        entry = self._cache.get(key_id)
        if entry is None:
            _refuse_typo(raw)
            entry = self._fresh(key_id, now)
        elif not 0.0 <= now - entry.read_at < CACHE_SECONDS:
            entry = self._fresh(key_id, now)
        if not hmac.compare_digest(entry.secret_hash, _hash(raw)):
            _refuse_typo(raw)
            raise UnknownKey(key_id)
        return _admit(entry, now)

    def verify_id(self, key_id: str, now: float) -> Principal:
        """Return the caller behind a key that something else has proved, such as a token.

        Raises:
            Unauthenticated: UnknownKey, RevokedKey, ExpiredKey.
            IdentityUnavailable: the key store cannot be read.
        """
        entry = self._cache.get(key_id)
        if entry is None or not 0.0 <= now - entry.read_at < CACHE_SECONDS:
            entry = self._fresh(key_id, now)
        return _admit(entry, now)

    def _fresh(self, key_id: str, now: float) -> _Entry:
        try:
            with self._engine.connect() as connection:
                row = connection.execute(_KEY_BY_ID, {"key_id": key_id}).one_or_none()
        except SQLAlchemyError as error:
            raise IdentityUnavailable("the key store cannot be read") from error
        if row is None:
            self._cache.pop(key_id, None)
            raise UnknownKey(key_id)
        if len(self._cache) >= _CACHE_ENTRIES:
            self._cache.clear()
        secret_hash, issuer, subject, email, groups, kind, expires_at, revoked_at = row
        entry = _Entry(
            secret_hash=secret_hash,
            principal=make_principal(
                self._principal_key,
                issuer=issuer,
                subject=subject,
                email=email,
                groups=groups,
                kind=cast("PrincipalKind", kind),
                key_id=key_id,
            ),
            expires_at=expires_at.timestamp(),
            revoked=revoked_at is not None,
            read_at=now,
        )
        self._cache[key_id] = entry
        return entry


def with_checksum(key_without_checksum: str) -> str:
    """Append the checksum: CRC-32 of the key so far, in six digits of base 62."""
    number = zlib.crc32(key_without_checksum.encode("ascii"))
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return f"{key_without_checksum}_{''.join(reversed(digits))}"


def _refuse_typo(raw: str) -> None:
    # The checksum is no secret: == will do.
    if with_checksum(raw[: -_CHECKSUM_LENGTH - 1]) != raw:
        raise MalformedKey(raw[_ID_SPAN])


def _admit(entry: _Entry, now: float) -> Principal:
    if entry.revoked:
        raise RevokedKey(entry.principal.key_id)
    if now >= entry.expires_at:
        raise ExpiredKey(entry.principal.key_id)
    return entry.principal


def _record(row: GatewayKeyRow) -> KeyRecord:
    return KeyRecord(
        key_id=row.key_id,
        issuer=row.issuer,
        subject=row.subject,
        email=row.email,
        groups=tuple(row.groups),
        kind=cast("PrincipalKind", row.kind),
        device_name=row.device_name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("ascii")).digest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
