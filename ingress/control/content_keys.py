"""Tell of content keys that were made, so that a gateway publishes each of them once.

Sealing itself is ``ingress.sealing``, erasing them ``ingress.control.erasure``.
"""

import hashlib
from base64 import b64encode
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from ingress.control import outbox
from ingress.control.models import ContentKeyRow

CREATED = "content_key.created"


def tell_created(session: Session, key: ContentKeyRow, kms_resource: str | None) -> None:
    """Leave the event of a new key beside it; the keyset itself is not in it."""
    facts: dict[str, Any] = {
        "content_key_id": key.key_id,
        "holder_principal_id": key.principal_id,
        "quarter": key.quarter,
        "wrapped_keyset_hash": hashlib.sha256(key.wrapped_keyset).hexdigest(),
    }
    if kms_resource is not None:
        facts["kms_resource"] = kms_resource
    # Nobody's deed: the gateway makes a key when a text needs it.
    outbox.add(session, CREATED, key.key_id, {}, facts, key.created_at)


def tell_untold(engine: Engine, kms_resource: str | None, now: datetime) -> int:
    """Leave the events of keys that an older version made; return how many there were."""
    with Session(engine) as session:
        untold = ContentKeyRow.told_at.is_(None) & ContentKeyRow.erased_at.is_(None)
        keys = session.scalars(
            update(ContentKeyRow).where(untold).values(told_at=now).returning(ContentKeyRow)
        ).all()
        for key in keys:
            tell_created(session, key, kms_resource)
        session.commit()
        return len(keys)


def wrapped_keyset(engine: Engine, key_id: str) -> str | None:
    """Return a key's wrapped keyset in base64; None once it is erased."""
    query = select(ContentKeyRow.wrapped_keyset).where(ContentKeyRow.key_id == key_id)
    with engine.connect() as connection:
        wrapped = connection.execute(query).scalar_one_or_none()
    return b64encode(wrapped).decode("ascii") if wrapped else None
