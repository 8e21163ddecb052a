"""Issue, list and revoke gateway keys: for the command line and the API.

Only the SHA-256 of a key is stored. Each change leaves an event in the same transaction
(``ingress.control.outbox``), which a running gateway moves to the audit trail; so the command
line, which has no journal, changes nothing in silence.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from ingress.control import outbox
from ingress.control.models import NAME_LENGTH, GatewayKeyRow
from ingress.identity.key_form import KeyClass, hash_key, new_key
from ingress.identity.principal import PrincipalKind

LOCAL_ISSUER: Final = "urn:tailnumber:local"
# A person's key on one machine; long enough not to be renewed in the middle of a quarter.
DEFAULT_LIFETIME: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Account:
    """A caller as the control database names it; its pseudonym is computed where it is needed."""

    issuer: str
    subject: str
    email: str | None = None
    groups: tuple[str, ...] = ()
    kind: PrincipalKind = "human"
    key_id: str = ""


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
    key_class: KeyClass
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    exposed_at: datetime | None

    def state(self, now: datetime) -> str:
        """Return ``valid``, ``exposed`` (valid, but seen where others could read it), or over."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at <= now:
            return "expired"
        return "exposed" if self.exposed_at is not None else "valid"

    def document(self, now: datetime) -> dict[str, object]:
        """Return what is known of the key, for scripts: the API and ``keys list --json``."""
        return {
            "id": self.key_id,
            "issuer": self.issuer,
            "user": self.subject,
            "email": self.email,
            "groups": [*self.groups],
            "kind": self.kind,
            "device": self.device_name,
            "class": self.key_class,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "revoked_at": self.revoked_at,
            "exposed_at": self.exposed_at,
            "state": self.state(now),
        }


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
        key_class: KeyClass = "header",
        by: Account | None = None,
    ) -> tuple[KeyRecord, str]:
        """Issue a key and return its record and, this once, the key itself.

        ``by`` is who asks for it; None: its holder.

        Raises:
            ValueError: no subject, a NUL in issuer or subject, no lifetime, or a name too long.
        """
        if not subject or "\0" in issuer + subject or lifetime <= timedelta():
            raise ValueError("a key needs an issuer and subject without NUL, and a lifetime")
        names = (issuer, subject, device_name or "")
        if max(map(len, names)) > NAME_LENGTH:
            raise ValueError(f"a name of a key has at most {NAME_LENGTH} characters")
        key_id, key = new_key()
        row = GatewayKeyRow(
            key_id=key_id,
            secret_hash=hash_key(key),
            issuer=issuer,
            subject=subject,
            email=email,
            groups=[*groups],
            kind=kind,
            device_name=device_name,
            key_class=key_class,
            created_at=now,
            expires_at=now + lifetime,
            revoked_at=None,
            exposed_at=None,
        )
        with Session(self._engine) as session:
            session.add(row)
            _tell(session, "key.issued", row, by, now)
            session.commit()
            return _record(row), key

    def list(self, *, issuer: str | None = None, subject: str | None = None) -> list[KeyRecord]:
        """Return every key that was ever issued, oldest first; of one caller if named."""
        wanted = select(GatewayKeyRow).order_by(GatewayKeyRow.created_at, GatewayKeyRow.key_id)
        if issuer is not None:
            wanted = wanted.where(GatewayKeyRow.issuer == issuer)
        if subject is not None:
            wanted = wanted.where(GatewayKeyRow.subject == subject)
        with Session(self._engine) as session:
            return [_record(row) for row in session.scalars(wanted)]

    def find(self, key_id: str) -> KeyRecord | None:
        """Return what is known of one key."""
        if "\0" in key_id:  # PostgreSQL takes no such text
            return None
        with Session(self._engine) as session:
            row = session.get(GatewayKeyRow, key_id)
            return None if row is None else _record(row)

    def count_valid(self, issuer: str, subject: str, now: datetime) -> int:
        """Return how many keys of a caller work now."""
        wanted = select(func.count()).where(
            GatewayKeyRow.issuer == issuer,
            GatewayKeyRow.subject == subject,
            GatewayKeyRow.revoked_at.is_(None),
            GatewayKeyRow.expires_at > now,
        )
        with Session(self._engine) as session:
            return session.scalar(wanted) or 0

    def revoke(self, key_id: str, now: datetime, by: Account | None = None) -> bool:
        """Take a key back; a second revocation keeps the first time. False: no such key.

        ``by`` is who takes it back; None: its holder.
        """
        with Session(self._engine) as session:
            changed = session.scalar(
                update(GatewayKeyRow)
                .where(GatewayKeyRow.key_id == key_id, GatewayKeyRow.revoked_at.is_(None))
                .values(revoked_at=now)
                .returning(GatewayKeyRow.key_id)
            )
            row = session.get(GatewayKeyRow, key_id)
            if row is not None and changed is not None:
                _tell(session, "key.revoked", row, by, now)
            session.commit()
            return row is not None

    def mark_exposed(self, key_id: str, now: datetime) -> None:
        """Note that a key was seen where others could read it; the first time stays."""
        with Session(self._engine) as session:
            session.execute(
                update(GatewayKeyRow)
                .where(GatewayKeyRow.key_id == key_id, GatewayKeyRow.exposed_at.is_(None))
                .values(exposed_at=now)
            )
            session.commit()


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
        key_class: KeyClass = "header",
        by: Account | None = None,
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
            key_class=key_class,
            by=by,
        )


def _tell(
    session: Session, event_type: str, row: GatewayKeyRow, by: Account | None, now: datetime
) -> None:
    """Leave the event of a change beside it; it carries no key."""
    holder = Account(
        row.issuer, row.subject, row.email, tuple(row.groups), cast("PrincipalKind", row.kind)
    )
    facts: dict[str, Any] = {
        "gateway_key_id": row.key_id,
        "key_class": row.key_class,
        "holder": asdict(holder),
        "expires_at": row.expires_at.isoformat(),
    }
    if row.device_name:
        facts["device_name"] = row.device_name
    # A key is issued once and revoked once: the event's id follows from that.
    outbox.add(session, event_type, row.key_id, asdict(by or holder), facts, now)


def _record(row: GatewayKeyRow) -> KeyRecord:
    return KeyRecord(
        key_id=row.key_id,
        issuer=row.issuer,
        subject=row.subject,
        email=row.email,
        groups=tuple(row.groups),
        kind=cast("PrincipalKind", row.kind),
        device_name=row.device_name,
        key_class=cast("KeyClass", row.key_class),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        exposed_at=row.exposed_at,
    )
