"""Open a control database of one test, and the callers that tests speak of."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from ingress.control.store import open_sqlite

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOW_SECONDS = NOW.timestamp()
PRINCIPAL_KEY = bytes(range(32))


@contextmanager
def control_database(directory: Path) -> Iterator[Engine]:
    engine = open_sqlite(directory / "control.db")
    try:
        yield engine
    finally:
        engine.dispose()
