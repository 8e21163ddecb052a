"""Open the control state for a command: gateway keys and credentials."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ingress.cloud_kms import CloudKmsWrapper
from ingress.control.postgres import open_postgres
from ingress.control.store import Place, open_control
from ingress.control.tenant import tenant_secrets
from ingress.errors import IngressError
from ingress.identity.keys import LOCAL_ISSUER, Account, KeyStore
from ingress.sealing import KeyWrapper
from ingress.secrets import TENANT_KEY_FILE, TenantSecrets
from ingress.upstream.credentials import CredentialStore
from tailnumber.errors import CommandError
from tailnumber.stack.layout import Layout
from tailnumber.stack.local_key import machine_user

# The gateway's own variables: where its control state is, and the key over its secrets.
_DATABASE: Final = "TAILNUMBER_CONTROL_DATABASE"
_KEY_URI: Final = "TAILNUMBER_KEY_URI"
_PASSWORD_FILE: Final = "TAILNUMBER_CONTROL_PASSWORD_FILE"  # noqa: S105  (a name)


def open_state(layout: Layout) -> Engine:
    """Open the control database: the one that the environment names, else the directory's own.

    Raises:
        CommandError: the one that is named cannot be used, or is not of this version.
        SQLAlchemyError, OSError: the directory's own cannot be used.
    """
    try:
        return open_control(_place(layout))
    except IngressError as error:
        raise CommandError(f"{error}.") from error


@contextmanager
def control_server(layout: Layout) -> Iterator[Engine | None]:
    """Reach the control database of whatever version; None if it is no PostgreSQL.

    Raises:
        CommandError: it cannot be used.
    """
    place = _place(layout)
    if not place.control_database:
        yield None
        return
    try:
        engine = open_postgres(place.control_database, place.control_password_file)
        try:
            yield engine
        finally:
            engine.dispose()
    except IngressError as error:
        raise CommandError(f"{error}.") from error


@contextmanager
def key_store(layout: Layout) -> Iterator[KeyStore]:
    """Open the gateway keys.

    Raises:
        CommandError: the database cannot be used.
    """
    layout.create()
    with _opened(layout) as engine:
        yield KeyStore(engine)


@contextmanager
def control_state(layout: Layout) -> Iterator[Engine]:
    """Open the control database: of a stack that ran here, or the one that the environment names.

    Raises:
        CommandError: there is none, or it cannot be used.
    """
    if not _place(layout).control_database:
        layout.require()
    with _opened(layout) as engine:
        yield engine


@contextmanager
def _opened(layout: Layout) -> Iterator[Engine]:
    try:
        engine = open_state(layout)
    except (SQLAlchemyError, OSError) as error:
        raise _unusable(layout, error) from error
    try:
        yield engine
    except SQLAlchemyError as error:  # an OSError in there is of something else
        raise _unusable(layout, error) from error
    finally:
        engine.dispose()


def _unusable(layout: Layout, error: Exception) -> CommandError:
    named = _place(layout).control_database
    advice = "tailnumber control status" if named else "tailnumber doctor"
    what = _DATABASE if named else f"The control database {layout.control_db}"
    return CommandError(f"{what} cannot be used ({type(error).__name__}); see: {advice}")


def _place(layout: Layout) -> Place:
    return Place(layout.root, os.environ.get(_DATABASE, ""), os.environ.get(_PASSWORD_FILE, ""))


def tenant_of(layout: Layout, engine: Engine) -> TenantSecrets:
    """Return the tenant's secrets: of the data directory, or shared under a key of Cloud KMS.

    Raises:
        CommandError: a secret is damaged, or others can read it; or it is of other gateways, and
            not here.
    """
    tenant_key = layout.secrets / TENANT_KEY_FILE
    try:
        kek = _kek()
        if kek is None and _place(layout).control_database and not tenant_key.exists():
            # One that is made here would make pseudonyms that nobody has.
            raise CommandError(
                f"{tenant_key} is missing: put the gateways' own there, or set {_KEY_URI} as they "
                "have it; with another key nobody is found by name."
            )
        return tenant_secrets(layout.secrets, engine, kek)
    except IngressError as error:
        raise CommandError(f"{error}.") from error


def principal_key(layout: Layout, engine: Engine) -> bytes:
    """Return the key of the tenant's pseudonyms.

    Raises:
        CommandError: as ``tenant_of`` says.
    """
    return tenant_of(layout, engine).subkey("principal")


@contextmanager
def credential_store(layout: Layout) -> Iterator[CredentialStore]:
    """Open the upstreams' credentials.

    Raises:
        CommandError: a secret is damaged, or others can read it.
    """
    layout.create()
    try:
        kek = _kek() or TenantSecrets.load_or_create(layout.secrets).kek
        yield CredentialStore(layout.credentials_file, kek)
    except IngressError as error:
        raise CommandError(f"{error}.") from error


def _kek() -> KeyWrapper | None:
    uri = os.environ.get(_KEY_URI)
    return CloudKmsWrapper(uri) if uri else None


def this_account() -> Account:
    """Return who runs a command here, for the records."""
    return Account(LOCAL_ISSUER, machine_user())
