"""On PostgreSQL a key that is at hand costs no query, and a change of it counts within a second."""

import asyncio
import os
import signal
import time
from datetime import timedelta

import pytest
from control_state import NOW, NOW_SECONDS, PRINCIPAL_KEY, control_database, using
from postgres_server import postgres_server
from sqlalchemy import delete, event
from sqlalchemy.exc import NoResultFound

from ingress.control.models import KeyChangesRow
from ingress.control.watching import FRESH_SECONDS
from ingress.errors import IdentityUnavailable, RevokedKey
from ingress.identity.keys import KeyStore, LocalIssuer
from ingress.identity.verifier import WAIT_SECONDS, KeyVerifier

pytestmark = pytest.mark.postgres


@pytest.fixture
def engine(tmp_path):
    with using("postgresql"), control_database(tmp_path) as engine:
        yield engine


@pytest.fixture
def store(engine):
    return KeyStore(engine)


def timed(check):
    began = time.monotonic()
    with pytest.raises(IdentityUnavailable):
        asyncio.run(check)
    return time.monotonic() - began


def test_key_at_hand_is_checked_without_a_query(engine, store):
    _, key = LocalIssuer(store).mint("ada", now=NOW)
    verifier = KeyVerifier(engine, PRINCIPAL_KEY)
    asked = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_):
        if "gateway_keys" in statement:
            asked.append(statement)

    async def check():
        for _ in range(200):
            assert (await verifier.verify(key, NOW_SECONDS)).subject == "ada"
            await asyncio.sleep(0.002)

    asyncio.run(check())

    assert len(asked) == 1


def test_revocation_elsewhere_counts_within_a_second(engine, store, tmp_path):
    record, key = LocalIssuer(store).mint("ada", now=NOW)
    verifier = KeyVerifier(engine, PRINCIPAL_KEY)

    async def use_until_refused():
        while True:
            await verifier.verify(key, NOW_SECONDS)
            await asyncio.sleep(0.005)

    async def seconds_until_refused():
        await verifier.verify(key, NOW_SECONDS)
        with control_database(tmp_path) as elsewhere:
            KeyStore(elsewhere).revoke(record.key_id, NOW)
        began = time.monotonic()
        with pytest.raises(RevokedKey):
            await use_until_refused()
        return time.monotonic() - began

    assert asyncio.run(seconds_until_refused()) <= FRESH_SECONDS


def test_new_key_does_not_make_others_be_read_again(engine, store):
    _, key = LocalIssuer(store).mint("ada", now=NOW)
    verifier = KeyVerifier(engine, PRINCIPAL_KEY)
    asyncio.run(verifier.verify(key, NOW_SECONDS))
    before = verifier._counter()

    LocalIssuer(store).mint("grace", now=NOW + timedelta(seconds=1))
    time.sleep(FRESH_SECONDS)

    assert verifier._counter() == before


def test_nobody_is_let_in_while_the_server_is_away_and_all_of_it_comes_back(engine, store):
    server = postgres_server()
    record, key = LocalIssuer(store).mint("ada", now=NOW)
    _, other = LocalIssuer(store).mint("grace", now=NOW)
    verifier = KeyVerifier(engine, PRINCIPAL_KEY)
    asyncio.run(verifier.verify(key, NOW_SECONDS))

    server.stop()
    try:
        unknown = timed(verifier.verify(other, NOW_SECONDS))
        time.sleep(FRESH_SECONDS)
        known = timed(verifier.verify(key, NOW_SECONDS))
        assert not verifier.available
    finally:
        server.start()
    store.revoke(record.key_id, NOW)
    time.sleep(FRESH_SECONDS)

    assert max(unknown, known) < 1.0
    assert asyncio.run(verifier.verify(other, NOW_SECONDS)).subject == "grace"
    with pytest.raises(RevokedKey):
        asyncio.run(verifier.verify(key, NOW_SECONDS))


def test_watcher_that_cannot_look_leaves_no_connection_behind(engine):
    closed = []
    event.listen(engine, "close_detached", closed.append)
    with engine.begin() as connection:
        connection.execute(delete(KeyChangesRow))

    with pytest.raises(NoResultFound):
        KeyVerifier(engine, PRINCIPAL_KEY)

    assert len(closed) == 1


def test_server_that_hangs_keeps_nobody_waiting_for_more_than_a_second(engine, store):
    _, key = LocalIssuer(store).mint("ada", now=NOW)
    verifier = KeyVerifier(engine, PRINCIPAL_KEY)
    asyncio.run(verifier.verify(key, NOW_SECONDS))
    pids = postgres_server().processes()

    async def refused():
        began = time.monotonic()
        with pytest.raises(IdentityUnavailable):
            await verifier.verify(key, NOW_SECONDS)
        return time.monotonic() - began

    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(FRESH_SECONDS + 0.5)
        took = asyncio.run(refused())
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    time.sleep(FRESH_SECONDS)

    assert took < WAIT_SECONDS + 0.1
    assert asyncio.run(verifier.verify(key, NOW_SECONDS)).subject == "ada"
