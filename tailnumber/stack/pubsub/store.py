"""The SQLite file of the server: topics, subscriptions, messages and who still needs them.

One writer thread takes every request that waits and commits them together, with the disk flushed
(WAL, synchronous=FULL), before any of them is answered. One reader thread reads beside it.
Message bodies live here and nowhere else; this module never looks into them.
"""

import asyncio
import contextlib
import fcntl
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, NamedTuple

from tailnumber.stack.pubsub.backlog import Row
from tailnumber.stack.pubsub.errors import CannotStart, Overloaded, StorageFailed

FORMAT_VERSION = 1
"""Kept in the file's user_version; a file of another format is refused."""
PAGE_BYTES = 8192
"""A 4 KiB event and its row fit in one page."""
CHECKPOINT_PAGES = 2000
"""The write-ahead log goes back into the file after this many pages, 16 MB."""
COMMIT_MAX_COUNT = 256
"""Requests of one commit."""
PENDING_MAX_BYTES = 64 * 1024 * 1024
"""Message bytes that may wait for the disk; a publish beyond that is refused and retried."""

_SCHEMA = """
CREATE TABLE topics (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
    body BLOB NOT NULL);
CREATE TABLE subscriptions (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
    topic_id INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL);
CREATE TABLE deliveries (subscription_id INTEGER NOT NULL, message_id INTEGER NOT NULL,
    ordering_key TEXT NOT NULL, size_bytes INTEGER NOT NULL, failure_count INTEGER NOT NULL,
    PRIMARY KEY (subscription_id, message_id)) WITHOUT ROWID;
CREATE INDEX deliveries_by_message ON deliveries (message_id);
"""
_DELETE_IF_DONE = """DELETE FROM messages WHERE id = ?
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message_id = messages.id)"""

Write = Callable[[sqlite3.Connection], None]


class StoredMessage(NamedTuple):
    """A message to store: its id, its serialized PubsubMessage and its ordering key."""

    message_id: int
    ordering_key: str
    body: bytes


class StoredTopic(NamedTuple):
    """A topic as stored; body is a serialized Topic."""

    id: int
    body: bytes


class StoredSubscription(NamedTuple):
    """A subscription as stored; body is a serialized Subscription."""

    id: int
    topic_id: int
    body: bytes


class _Request(NamedTuple):
    write: Write
    size_bytes: int
    committed: Callable[[], None]
    done: asyncio.Future[None]


class Store:
    """The open data file. Created, used and closed on one event loop."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it when missing, and lock it.

        Raises:
            CannotStart: another server has the file, it cannot be written, or is not ours.
        """
        self._loop = asyncio.get_running_loop()
        self._lock = _lock(path)
        try:
            self._writing = _open(path)
            self._reading = _open(path)
        except BaseException:
            self._lock.close()
            raise
        self._pending_bytes = 0
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="pubsub-reader")
        self._writer = threading.Thread(target=self._run_writer, name="pubsub-writer")
        self._writer.start()

    async def close(self) -> None:
        """Commit what waits, then close the file."""
        self._requests.put(None)
        await asyncio.to_thread(self._writer.join)
        self._reader.shutdown()
        self._reading.close()
        self._writing.close()
        self._lock.close()

    def last_ids(self) -> dict[str, int]:
        """Return the highest id ever stored in each table, deleted ones too; none = no entry."""
        return dict(self._reading.execute("SELECT name, seq FROM sqlite_sequence"))

    def topics(self) -> list[StoredTopic]:
        """Return all topics."""
        return [StoredTopic(*row) for row in self._reading.execute("SELECT id, body FROM topics")]

    def subscriptions(self) -> list[StoredSubscription]:
        """Return all subscriptions."""
        rows = self._reading.execute("SELECT id, topic_id, body FROM subscriptions")
        return [StoredSubscription(*row) for row in rows]

    async def rows(self, subscription_id: int, after: int, limit: int) -> list[Row]:
        """Return unacknowledged messages of a subscription with ids over `after`, ascending."""
        found = await self._read(
            """SELECT message_id, ordering_key, size_bytes, failure_count FROM deliveries
            WHERE subscription_id = ? AND message_id > ? ORDER BY message_id LIMIT ?""",
            (subscription_id, after, limit),
        )
        return [Row(*row) for row in found]

    async def bodies(self, message_ids: Sequence[int]) -> dict[int, bytes]:
        """Return the serialized messages that are still there."""
        marks = ",".join("?" * len(message_ids))
        found = await self._read(
            f"SELECT id, body FROM messages WHERE id IN ({marks})",  # noqa: S608 - marks only
            message_ids,
        )
        return {message_id: body for message_id, body in found}  # noqa: C416 - typed, unlike dict()

    async def write(
        self, write: Write, committed: Callable[[], None], *, size_bytes: int = 0
    ) -> None:
        """Run `write` in the next commit, then `committed` on the loop, then return.

        `committed` runs also when the caller was cancelled meanwhile: the write is durable then.

        Raises:
            StorageFailed: nothing was written; the whole commit was rolled back.
            Overloaded: too many bytes wait already.
        """
        if size_bytes and self._pending_bytes + size_bytes > PENDING_MAX_BYTES:
            raise Overloaded("Too many bytes wait for the disk; try again.")
        self._pending_bytes += size_bytes
        done: asyncio.Future[None] = self._loop.create_future()
        self._requests.put(_Request(write, size_bytes, committed, done))
        await done

    async def _read(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        def run() -> list[tuple[Any, ...]]:
            return self._reading.execute(sql, values).fetchall()

        try:
            return await self._loop.run_in_executor(self._reader, run)
        except sqlite3.Error as error:
            raise StorageFailed(f"The data file could not be read: {error}.") from error

    def _run_writer(self) -> None:
        while True:
            requests = self._next_requests()
            stopping = requests[-1] is None
            work = [request for request in requests if request is not None]
            failed = self._commit(work) if work else None
            self._loop.call_soon_threadsafe(self._finish, work, failed)
            if stopping:
                return

    def _next_requests(self) -> list[_Request | None]:
        """Wait for one request, then take all that came meanwhile; None, the end, is last."""
        requests = [self._requests.get()]
        with contextlib.suppress(queue.Empty):
            while requests[-1] is not None and len(requests) < COMMIT_MAX_COUNT:
                requests.append(self._requests.get_nowait())
        return requests

    def _commit(self, requests: list[_Request]) -> StorageFailed | None:
        try:
            self._writing.execute("BEGIN IMMEDIATE")
            for request in requests:
                request.write(self._writing)
            self._writing.execute("COMMIT")
        except sqlite3.Error as error:
            if self._writing.in_transaction:
                self._writing.execute("ROLLBACK")
            return StorageFailed(f"The data file could not be written: {error}.")
        return None

    def _finish(self, requests: list[_Request], failed: StorageFailed | None) -> None:
        for request in requests:
            self._pending_bytes -= request.size_bytes
            if failed is None:
                request.committed()
            if request.done.done():  # the caller was cancelled
                continue
            if failed is None:
                request.done.set_result(None)
            else:
                request.done.set_exception(failed)


def insert_topic(topic_id: int, name: str, body: bytes) -> Write:
    """Make the write that adds a topic."""

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO topics VALUES (?, ?, ?)", (topic_id, name, body))

    return write


def delete_topic(topic_id: int, orphans: Iterable[tuple[int, bytes]]) -> Write:
    """Make the write that removes a topic; `orphans` are its subscriptions' new bodies."""
    changed = [(body, subscription_id) for subscription_id, body in orphans]

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM topics WHERE id = ?", (topic_id,))
        connection.executemany("UPDATE subscriptions SET body = ? WHERE id = ?", changed)

    return write


def insert_subscription(subscription_id: int, name: str, topic_id: int, body: bytes) -> Write:
    """Make the write that adds a subscription; it gets what is published from then on."""

    def write(connection: sqlite3.Connection) -> None:
        connection.execute(
            "INSERT INTO subscriptions VALUES (?, ?, ?, ?)", (subscription_id, name, topic_id, body)
        )

    return write


def update_subscription(subscription_id: int, body: bytes) -> Write:
    """Make the write that changes a subscription's settings."""

    def write(connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE subscriptions SET body = ? WHERE id = ?", (body, subscription_id)
        )

    return write


def delete_subscription(subscription_id: int) -> Write:
    """Make the write that removes a subscription and the messages that only it needed."""

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM subscriptions WHERE id = ?", (subscription_id,))
        connection.execute(
            """DELETE FROM messages WHERE
            id IN (SELECT message_id FROM deliveries WHERE subscription_id = :gone)
            AND NOT EXISTS (SELECT 1 FROM deliveries
                WHERE message_id = messages.id AND subscription_id <> :gone)""",
            {"gone": subscription_id},
        )
        connection.execute("DELETE FROM deliveries WHERE subscription_id = ?", (subscription_id,))

    return write


def insert_messages(topic_id: int, messages: Sequence[StoredMessage]) -> Write:
    """Make the write that publishes: one delivery for each subscription the topic then has.

    Without subscriptions nothing is stored, as Pub/Sub does.
    """

    def write(connection: sqlite3.Connection) -> None:
        found = connection.execute("SELECT id FROM subscriptions WHERE topic_id = ?", (topic_id,))
        subscription_ids = [row[0] for row in found]
        if not subscription_ids:
            return
        connection.executemany(
            "INSERT INTO messages VALUES (?, ?)", [(m.message_id, m.body) for m in messages]
        )
        for subscription_id in subscription_ids:
            connection.executemany(
                "INSERT INTO deliveries VALUES (?, ?, ?, ?, 0)",
                [(subscription_id, m.message_id, m.ordering_key, len(m.body)) for m in messages],
            )

    return write


def acknowledge(subscription_id: int, message_ids: Sequence[int]) -> Write:
    """Make the write that ends deliveries, and messages that nobody else needs."""

    def write(connection: sqlite3.Connection) -> None:
        connection.executemany(
            "DELETE FROM deliveries WHERE subscription_id = ? AND message_id = ?",
            [(subscription_id, message_id) for message_id in message_ids],
        )
        connection.executemany(_DELETE_IF_DONE, [(message_id,) for message_id in message_ids])

    return write


def count_failures(subscription_id: int, failures: Iterable[tuple[int, int]]) -> Write:
    """Make the write that keeps delivery failures as pairs (message id, count)."""
    changed = [(count, subscription_id, message_id) for message_id, count in failures]

    def write(connection: sqlite3.Connection) -> None:
        connection.executemany(
            """UPDATE deliveries SET failure_count = ?
            WHERE subscription_id = ? AND message_id = ?""",
            changed,
        )

    return write


def together(*writes: Write) -> Write:
    """Join writes into one that happens whole or not at all."""

    def write(connection: sqlite3.Connection) -> None:
        for each in writes:
            each(connection)

    return write


def _lock(path: Path) -> IO[bytes]:
    # Not SQLite's own lock: the exclusive locking mode would shut our reader out too.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.with_name(path.name + ".lock").open("ab")
    except OSError as error:
        raise CannotStart(
            f"The data file {path} cannot be written ({error.strerror}); choose another with "
            "--data-file."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise CannotStart(
            f"Another Pub/Sub server uses the data file {path}; stop it or choose another with "
            "--data-file."
        ) from error
    return handle


def _open(path: Path) -> sqlite3.Connection:
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        _check_format(connection, path)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise CannotStart(
            f"The data file {path} cannot be used ({error}); choose another with --data-file."
        ) from error
    except CannotStart:
        if connection is not None:
            connection.close()
        raise
    return connection


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if version == 0 and tables == 0:
        connection.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {FORMAT_VERSION};COMMIT;")
    elif version != FORMAT_VERSION:
        raise CannotStart(
            f"The data file {path} is not a Pub/Sub data file of format {FORMAT_VERSION}; choose "
            "another with --data-file."
        )
    else:
        connection.execute("BEGIN IMMEDIATE")  # fails now, not at the first publish, if read-only
        connection.execute("ROLLBACK")
