"""Give every gateway of a tenant the same secrets where a key of Cloud KMS wraps them.

One machine keeps its secrets as files (``ingress.secrets``). Several gateways share a control
database and a wrapping key instead, and with them the tenant's key: wrapped, in one row that the
first of them makes. With a key of its own each gateway would know a person by another pseudonym.
"""

import secrets
from pathlib import Path
from typing import Final

import tink  # type: ignore[import-untyped]  # ships no type information
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ingress.control.models import TenantKeyRow
from ingress.errors import SecretsError
from ingress.ids import utc_now
from ingress.sealing import KeyWrapper
from ingress.secrets import TENANT_KEY_BYTES, TENANT_KEY_FILE, TenantSecrets, read_private

# Binds the wrapped key to its purpose: a content key's ciphertext does not pass for it.
_PURPOSE: Final = b"tailnumber tenant key v1"
_ROW_ID: Final = 1


def tenant_secrets(directory: Path, engine: Engine, kek: KeyWrapper | None) -> TenantSecrets:
    """Return the tenant's secrets: of files in ``directory``, or of ``engine`` under a ``kek``.

    A ``tenant.key`` that a gateway kept before it had the ``kek`` becomes the shared one, and may
    be deleted then. Several processes may do this at once: all end with the same secrets.

    Raises:
        SecretsError: a secret is damaged, others may read it, or the kek does not open it.
        SQLAlchemyError: the database does not work.
    """
    if kek is None:
        return TenantSecrets.load_or_create(directory)
    wrapped = _wrapped(engine)
    try:
        if wrapped is None:
            file = directory / TENANT_KEY_FILE
            key = read_private(file) if file.exists() else secrets.token_bytes(TENANT_KEY_BYTES)
            # A damaged file is refused before it becomes the key of everybody.
            first = TenantSecrets(kek, key)
            _keep(engine, kek.encrypt(first.tenant_key, _PURPOSE))
            wrapped = _wrapped(engine)
        return TenantSecrets(kek, kek.decrypt(wrapped or b"", _PURPOSE))
    except tink.TinkError as error:
        raise SecretsError(
            "the tenant's key in the control database cannot be opened: TAILNUMBER_KEY_URI names "
            "another key than wrapped it, or Cloud KMS refuses or does not answer"
        ) from error


def _wrapped(engine: Engine) -> bytes | None:
    with engine.connect() as connection:
        return connection.execute(select(TenantKeyRow.wrapped_key)).scalar_one_or_none()


def _keep(engine: Engine, wrapped: bytes) -> None:
    row = TenantKeyRow(row_id=_ROW_ID, wrapped_key=wrapped, created_at=utc_now())
    with Session(engine) as session:
        session.add(row)
        try:
            session.commit()
        except IntegrityError:  # another was first: its key counts
            session.rollback()
