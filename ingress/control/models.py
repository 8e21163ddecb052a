"""Define the tables of the control state; the same models serve SQLite and PostgreSQL.

No column holds a secret in clear: a gateway key is kept as its SHA-256, a content key wrapped.
"""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Index,
    LargeBinary,
    String,
    Text,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

_ID_LENGTH: Final = 64
NAME_LENGTH: Final = 256
_EMAIL_LENGTH: Final = 320  # RFC 3696 erratum 1690: 64 + "@" + 255
_HASH_LENGTH: Final = 32


class UtcDateTime(TypeDecorator[datetime]):
    """A datetime that is aware and in UTC on both sides; SQLite itself knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime; store the rest in UTC."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time must be aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back an aware UTC datetime."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Root of the control models."""


class GatewayKeyRow(Base):
    """One gateway key: bound to a caller, kept as a hash, never deleted (it is evidence)."""

    __tablename__ = "gateway_keys"

    key_id: Mapped[str] = mapped_column(String(_ID_LENGTH), primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(_HASH_LENGTH))
    issuer: Mapped[str] = mapped_column(String(NAME_LENGTH))
    subject: Mapped[str] = mapped_column(String(NAME_LENGTH))
    email: Mapped[str | None] = mapped_column(String(_EMAIL_LENGTH))
    groups: Mapped[list[str]] = mapped_column(JSON)
    kind: Mapped[str] = mapped_column(String(16))
    device_name: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    key_class: Mapped[str] = mapped_column(String(16), server_default="header")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    exposed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("gateway_keys_by_caller", "issuer", "subject"),)


class KeyChangesRow(Base):
    """How often gateway keys were changed: one row, kept by a trigger, on PostgreSQL alone."""

    __tablename__ = "gateway_key_changes"

    change_count: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class ContentKeyRow(Base):
    """The keyset that seals one principal's texts of one quarter, wrapped by the tenant's key.

    ``wrapped_keyset`` is the bare ciphertext of the serialized keyset with no associated data:
    the form that BigQuery's KEYS.KEYSET_CHAIN unwraps when the tenant's key lives in Cloud KMS.

    A retired key seals nothing new; an erased one is empty and opens nothing. Its row stays, so
    that its id is never given again.
    """

    __tablename__ = "content_keys"

    key_id: Mapped[str] = mapped_column(String(_ID_LENGTH), primary_key=True)
    principal_id: Mapped[str] = mapped_column(String(_ID_LENGTH), index=True)
    quarter: Mapped[str] = mapped_column(String(6))
    wrapped_keyset: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When its event went to the outbox; NULL: it was made before keys were published.
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TenantKeyRow(Base):
    """The key that every HMAC of the tenant comes from, wrapped by Cloud KMS; one row at most."""

    __tablename__ = "tenant_key"

    row_id: Mapped[int] = mapped_column(primary_key=True)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LegalHoldRow(Base):
    """One legal hold: what it keeps, who placed and released it and why; never deleted."""

    __tablename__ = "legal_holds"

    hold_id: Mapped[str] = mapped_column(String(_ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    reason: Mapped[str] = mapped_column(Text)
    scope: Mapped[dict[str, Any]] = mapped_column(JSON)
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # Of two holds of one name that are placed at once, one is refused.
    __table_args__ = (
        Index(
            "legal_holds_by_open_name",
            "name",
            unique=True,
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
    )


class ErasureRow(Base):
    """One erasure of one principal's texts, and how far it has come; never deleted.

    ``state``: retired (keys seal nothing new), erased (keys are gone from this database, the
    event waits), done (gone from the warehouse too), refused (a legal hold stood against it).
    """

    __tablename__ = "erasures"

    erasure_id: Mapped[str] = mapped_column(String(_ID_LENGTH), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    principal_id: Mapped[str] = mapped_column(String(_ID_LENGTH))
    holder: Mapped[dict[str, Any]] = mapped_column(JSON)
    actor: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(Text)
    key_ids: Mapped[list[str]] = mapped_column(JSON)
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ControlEventRow(Base):
    """An event of the control state that no gateway has recorded yet; see ``control.outbox``."""

    __tablename__ = "control_events"

    event_id: Mapped[str] = mapped_column(String(_ID_LENGTH), primary_key=True)
    event_type: Mapped[str] = mapped_column(String(_ID_LENGTH))
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[dict[str, Any]] = mapped_column(JSON)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class UsageRow(Base):
    """What one principal used under one rule within one minute, over all workers."""

    __tablename__ = "usage"

    principal_id: Mapped[str] = mapped_column(String(_ID_LENGTH), primary_key=True)
    rule_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    # Minutes since 1970, UTC.
    minute: Mapped[int] = mapped_column(BigInteger, primary_key=True, index=True)
    requests: Mapped[int] = mapped_column(BigInteger)
    tokens: Mapped[int] = mapped_column(BigInteger)
    estimated: Mapped[int] = mapped_column(BigInteger)
