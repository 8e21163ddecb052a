"""Open a control database of one test, and the callers that tests speak of.

Tests that ask for ``control_backend`` run on both databases; the others on SQLite.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from postgres_server import TEMPLATE, PostgresServer, database_name, postgres_server
from sqlalchemy import Engine

from ingress.control.store import Place, open_control
from ingress.control.watching import FRESH_SECONDS
from ingress.identity.principal import Principal
from ingress.identity.verifier import KeyVerifier

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOW_SECONDS = NOW.timestamp()
PRINCIPAL_KEY = bytes(range(32))
BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]

_servers: list[PostgresServer] = []


@contextmanager
def using(backend: str) -> Iterator[None]:
    """Have the control databases of folders on SQLite or on PostgreSQL."""
    if backend == "sqlite":
        yield
        return
    server = postgres_server()
    before = server.made | {TEMPLATE}
    _servers.append(server)
    try:
        yield
    finally:
        _servers.pop()
        server.drop(server.made - before)


@pytest.fixture(params=BACKENDS)
def control_backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run a test on each database."""
    with using(request.param):
        yield request.param


def control_place(directory: Path) -> Place:
    if not _servers:
        return Place(directory)
    server = _servers[-1]
    return Place(directory, server.database_of(directory), str(server.password_file))


@contextmanager
def control_database(directory: Path) -> Iterator[Engine]:
    engine = open_control(control_place(directory))
    try:
        yield engine
    finally:
        engine.dispose()


def let_changes_arrive() -> None:
    """Wait as long as a change of a key may take to count: on SQLite no time."""
    if _servers:
        time.sleep(FRESH_SECONDS)


def revoke_in_another_process(directory: Path, key_id: str) -> None:
    """Revoke a key with nothing of ours in between."""
    revoke = f"UPDATE gateway_keys SET revoked_at = created_at WHERE key_id = '{key_id}'"
    if _servers:
        _servers[-1].psql(database_name(directory), revoke)
        return
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
    )
    subprocess.run([sys.executable, "-c", program, directory / "control.db", revoke], check=True)


def control_files(directory: Path) -> list[Path]:
    """Return the files that the tables of a folder's control database lie in."""
    if _servers:
        return _servers[-1].files()
    return [path for path in directory.glob("control.db*") if path.is_file()]


class Verifier:
    """A key verifier for tests without an event loop."""

    def __init__(self, engine: Engine, principal_key: bytes = PRINCIPAL_KEY) -> None:
        self.of_gateway = KeyVerifier(engine, principal_key)

    def verify(self, *arguments: Any) -> Principal:
        return asyncio.run(self.of_gateway.verify(*arguments))

    def verify_id(self, *arguments: Any) -> Principal:
        return asyncio.run(self.of_gateway.verify_id(*arguments))
