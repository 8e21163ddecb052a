"""Notice on PostgreSQL that a gateway key changed, without a query on the data path.

A trigger counts the changes of the table (``migrations``), in the transaction that makes them. One
connection of each process reads the count more than twice a second; whoever checks a key asks only
what was read. A look that is too old is none: then nothing that is cached may be trusted.

Polled and not LISTEN: a look proves at the same time that the server is still there, and works
through a pooler.
"""

import logging
import threading
import time
from typing import Final

from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.exc import SQLAlchemyError

from ingress.control.models import KeyChangesRow

_log = logging.getLogger(__name__)

# Pause between two looks, seconds.
PAUSE_SECONDS: Final = 0.4
# A change counts on every gateway after this time at the latest: what was seen longer ago is not
# trusted.
FRESH_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 2.0


class KeyChanges:
    """Count the changes of gateway keys; ends with its engine."""

    def __init__(self, engine: Engine) -> None:
        """Look once, then go on in a thread of its own.

        Raises:
            SQLAlchemyError: the database does not work.
        """
        self._engine = engine
        self._ended = threading.Event()
        self._number = 0
        self._known: int | None = None
        # When the last look began, on the monotonic clock.
        self._seen_at = 0.0
        connection = self._connect()
        try:
            self._look(connection)
        except SQLAlchemyError:
            connection.close()
            raise
        thread = threading.Thread(
            target=self._watch, args=(connection,), name="watch keys", daemon=True
        )
        event.listen(engine, "engine_disposed", lambda _: self._end(thread))
        thread.start()

    def count(self) -> int | None:
        """Return a number that is another after each change; None: it cannot be told now."""
        return self._number if time.monotonic() - self._seen_at <= FRESH_SECONDS else None

    def _watch(self, connection: Connection | None) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            try:
                if connection is None:
                    connection = self._connect()
                    # A server that was away may have come back as an older copy of itself.
                    self._known = None
                    _log.info("the control database is back")
                self._look(connection)
            except SQLAlchemyError as error:
                if connection is not None:
                    _log.warning(
                        "the control database is out of reach",
                        extra={"error": type(error).__name__},
                    )
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _connect(self) -> Connection:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()  # the pool's are for those who wait
        return connection

    def _look(self, connection: Connection) -> None:
        began = time.monotonic()
        known = connection.execute(select(KeyChangesRow.change_count)).scalar_one()
        if known != self._known:
            self._known, self._number = known, self._number + 1
        self._seen_at = began

    def _end(self, thread: threading.Thread) -> None:
        self._ended.set()
        thread.join(_CLOSE_SECONDS)
