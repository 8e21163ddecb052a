"""Reach a control database on PostgreSQL: its address, TLS, bounded waits, connecting again.

A server that restarts or moves is found again by the next use: every connection is tried before
it is handed out. Nothing here prints more of an address than its host and database.
"""

import ipaddress
import time
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ingress.errors import ControlDatabaseError

_DRIVER: Final = "postgresql+psycopg"
_SCHEMES: Final = ("postgresql", "postgres", _DRIVER)
# Connections of one process at most: it asks for keys it does not know yet, and thrice a second
# what has changed.
_POOL: Final = 4
# Longest wait for one of them, seconds; a request waits no longer in all (``KeyVerifier``).
_POOL_SECONDS: Final = 0.8
# The server itself ends what takes longer, so that no waiting statement outlives its caller.
_SERVER_TIMEOUTS: Final = {
    "statement_timeout": "5s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "30s",
}
# libpq's: a server that vanished without a word is given up within about five seconds.
_CONNECTION: Final = {
    "application_name": "tailnumber",
    "connect_timeout": "5",
    "tcp_user_timeout": "3000",
    "keepalives_idle": "2",
    "keepalives_interval": "1",
    "keepalives_count": "3",
}
_LOCK_NOT_AVAILABLE: Final = "55P03"  # SQLSTATE
# What libpq and the server say -> what it means, without a word of theirs.
_REASONS: Final = (
    ("certificate", "its certificate is not of the authority in sslrootcert, or of another name"),
    ("ssl", "it speaks no TLS, or its certificate does not hold"),
    ("password", "it refuses the password, or was given none"),
    ("authentication", "it refuses this role"),
    ("does not exist", "it has no such database or role"),
    ("permission", "the role lacks a right"),
    ("refused", "nothing listens there"),
    ("timeout", "it does not answer"),
    ("timed out", "it does not answer"),
    ("resolve", "its name is not known"),
    ("name or service", "its name is not known"),
)


def open_postgres(address: str, password_file: str = "") -> Engine:
    """Return an engine for the database; nothing is asked of the server yet.

    Args:
        address: ``postgresql://USER@HOST[:PORT]/DATABASE[?libpq-parameter=…]``.
        password_file: a file with the password alone, read for each new connection; empty:
            libpq's own ways, ``PGPASSFILE`` among them.

    Raises:
        ControlDatabaseError: the address, the file or the driver is not as it should be.
    """
    url = read_address(address)
    settings = " ".join(f"-c {name}={value}" for name, value in _SERVER_TIMEOUTS.items())
    given = _parameter(url, "options")
    url = url.update_query_dict({"options": f"{settings} {given}".strip()})
    try:
        engine = create_engine(
            url,
            connect_args={
                name: value for name, value in _CONNECTION.items() if name not in url.query
            },
            # What locks promise here holds where each statement sees what was committed before it.
            isolation_level="READ COMMITTED",
            pool_size=2,
            max_overflow=_POOL - 2,
            pool_timeout=_POOL_SECONDS,
            pool_pre_ping=True,
            pool_recycle=1800,
            hide_parameters=True,
        )
    except ModuleNotFoundError:
        raise ControlDatabaseError(
            "PostgreSQL needs its driver; install it with: pip install 'tailnumber[postgres]'"
        ) from None
    if password_file:
        path = Path(password_file)
        _read_password(path)

        def add_password(
            _dialect: object, _record: object, _args: object, parameters: dict[str, Any]
        ) -> None:
            try:
                parameters["password"] = _read_password(path)
            except ControlDatabaseError as error:  # a failure to connect like any other
                raise SQLAlchemyError(str(error)) from None

        event.listen(engine, "do_connect", add_password)
    return engine


def read_address(address: str) -> URL:
    """Return the address as the driver takes it, with TLS that proves who answers.

    Raises:
        ControlDatabaseError: it is no such address, or holds a secret; the message quotes nothing.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _SCHEMES or not url.database:
        raise ControlDatabaseError(
            "TAILNUMBER_CONTROL_DATABASE is not of the form "
            "postgresql://USER@HOST:5432/DATABASE?sslrootcert=FILE; see docs/control.md"
        )
    if url.password is not None or any("password" in name for name in url.query):
        raise ControlDatabaseError(
            "TAILNUMBER_CONTROL_DATABASE holds a password, where others can read it; put it into "
            "the file of TAILNUMBER_CONTROL_PASSWORD_FILE or of PGPASSFILE"
        )
    if not _hosts(url) or "service" in url.query:
        raise ControlDatabaseError(
            "TAILNUMBER_CONTROL_DATABASE must name the host itself; a socket's folder as "
            "?host=/run/postgresql"
        )
    url = url.set(drivername=_DRIVER)
    if all(_is_local(host) for host in _hosts(url)):
        return url
    url = url.update_query_dict({"sslmode": _parameter(url, "sslmode") or "verify-full"})
    if _parameter(url, "sslmode").startswith("verify") and not _parameter(url, "sslrootcert"):
        raise ControlDatabaseError(
            f"The control database {place(url)} must prove who it is; add its certificate "
            "authority to TAILNUMBER_CONTROL_DATABASE: ?sslrootcert=FILE, or sslrootcert=system"
        )
    return url


def place(url: URL) -> str:
    """Return what may be told of an address: host and database."""
    return f"{', '.join(_hosts(url))}/{url.database}"


def unusable(engine: Engine, error: SQLAlchemyError) -> ControlDatabaseError:
    """Return the sentence that tells of a database that does not work as it should."""
    said = str(getattr(error, "orig", None) or error).casefold()
    reason = next((told for word, told in _REASONS if word in said), type(error).__name__)
    return ControlDatabaseError(
        f"The control database {place(engine.url)} cannot be used: {reason}; see docs/control.md"
    )


def scrub(engine: Engine) -> bool:
    """Let the table of content keys forget overwritten rows; False: something still reads them.

    VACUUM takes them out of the table but leaves their bytes in its pages; VACUUM FULL then writes
    the table anew, while nobody else uses it. Source: PostgreSQL, "Routine Vacuuming".
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = '5min'"))
        try:
            if not _vacuumed(connection):
                return False
            connection.execute(text("VACUUM FULL content_keys"))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                return False
            raise
        finally:
            connection.execute(text("RESET statement_timeout"))
    return True


def _vacuumed(connection: Connection) -> bool:
    done = text(
        "SELECT n_dead_tup = 0 AND last_vacuum >= :since FROM pg_stat_user_tables "
        "WHERE relid = 'content_keys'::regclass"
    )
    since = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    # A connection tells what it changed up to a second later: hence more than one look.
    for pause in (0.0, 1.1, 1.1):
        time.sleep(pause)
        connection.execute(text("VACUUM content_keys"))
        if connection.execute(done, {"since": since}).scalar_one():
            return True
    return False


def _hosts(url: URL) -> tuple[str, ...]:
    """Return every host that libpq may connect to; a host of the query stands before the URL's."""
    given = [_parameter(url, name) for name in ("host", "hostaddr")]
    if not given[0]:
        given[0] = url.host or ""
    return tuple(host for hosts in given for host in hosts.split(",") if host)


def _is_local(host: str) -> bool:
    name = host.partition(":")[0] if host.count(":") == 1 else host
    if name.startswith("/") or name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _parameter(url: URL, name: str) -> str:
    given = url.query.get(name, "")
    return given if isinstance(given, str) else ",".join(given)


def _read_password(path: Path) -> str:
    try:
        return path.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ControlDatabaseError(
            f"The password file {path} of the control database cannot be read: "
            f"{type(error).__name__}"
        ) from None
