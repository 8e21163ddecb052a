"""Open the control state of a data directory for a command: gateway keys and credentials."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ingress.control.store import open_sqlite
from ingress.errors import IngressError
from ingress.identity.keys import LOCAL_ISSUER, Account, KeyStore
from ingress.secrets import TenantSecrets
from ingress.upstream.credentials import CredentialStore
from tailnumber.errors import CommandError
from tailnumber.stack.layout import Layout
from tailnumber.stack.local_key import machine_user


@contextmanager
def key_store(layout: Layout) -> Iterator[KeyStore]:
    """Open the gateway keys.

    Raises:
        CommandError: the database cannot be used.
    """
    layout.create()
    try:
        engine = open_sqlite(layout.control_db)
        try:
            yield KeyStore(engine)
        finally:
            engine.dispose()
    except (SQLAlchemyError, OSError) as error:
        raise CommandError(
            f"The key store {layout.control_db} cannot be used ({type(error).__name__}); "
            "see: tailnumber doctor"
        ) from error


@contextmanager
def control_state(layout: Layout) -> Iterator[Engine]:
    """Open the control database of a stack that ran here.

    Raises:
        CommandError: there is none, or it cannot be used.
    """
    layout.require()
    try:
        engine = open_sqlite(layout.control_db)
        try:
            yield engine
        finally:
            engine.dispose()
    except (SQLAlchemyError, OSError) as error:
        raise CommandError(
            f"The control database {layout.control_db} cannot be used ({type(error).__name__}); "
            "see: tailnumber doctor"
        ) from error


def principal_key(layout: Layout) -> bytes:
    """Return the key of the tenant's pseudonyms.

    Raises:
        CommandError: a secret is damaged, or others can read it.
    """
    try:
        return TenantSecrets.load_or_create(layout.secrets).subkey("principal")
    except IngressError as error:
        raise CommandError(f"{error}.") from error


@contextmanager
def credential_store(layout: Layout) -> Iterator[CredentialStore]:
    """Open the upstreams' credentials.

    Raises:
        CommandError: a secret is damaged, or others can read it.
    """
    layout.create()
    try:
        tenant = TenantSecrets.load_or_create(layout.secrets)
        yield CredentialStore(layout.credentials_file, tenant.kek)
    except IngressError as error:
        raise CommandError(f"{error}.") from error


def this_account() -> Account:
    """Return who runs a command here, for the records."""
    return Account(LOCAL_ISSUER, machine_user())
