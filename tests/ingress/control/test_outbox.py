from dataclasses import asdict
from datetime import timedelta

import pytest
from control_state import NOW, control_database
from sqlalchemy.orm import Session

from ingress.control import outbox
from ingress.identity.keys import Account

ACTOR = asdict(Account("urn:a", "root"))

pytestmark = pytest.mark.usefixtures("control_backend")


@pytest.fixture
def engine(tmp_path):
    with control_database(tmp_path) as engine:
        yield engine


def add(engine, key_id, at=NOW):
    with Session(engine) as session:
        outbox.add(session, "key.issued", key_id, ACTOR, {"gateway_key_id": key_id}, at)
        session.commit()


def claimed(engine, at=NOW):
    return [event.facts["gateway_key_id"] for event in outbox.claim(engine, at)]


def test_events_come_in_the_order_of_their_changes(engine):
    add(engine, "second", NOW + timedelta(seconds=1))
    add(engine, "first")

    assert claimed(engine) == ["first", "second"]


def test_event_is_claimed_by_one_gateway_at_a_time(engine):
    add(engine, "k")

    assert claimed(engine) == ["k"]
    assert claimed(engine) == []


def test_event_of_a_gateway_that_died_goes_to_the_next_with_its_id(engine):
    add(engine, "k")
    (before,) = outbox.claim(engine, NOW)

    (after,) = outbox.claim(engine, NOW + timedelta(minutes=1))

    assert after.event_id == before.event_id


def test_released_event_waits_again_and_a_settled_one_is_gone(engine):
    add(engine, "k")
    (event,) = outbox.claim(engine, NOW)

    outbox.release(engine, [event.event_id])
    assert claimed(engine) == ["k"]

    outbox.settle(engine, event.event_id)
    assert claimed(engine, NOW + timedelta(days=1)) == []


def test_event_of_a_change_that_is_undone_is_undone_with_it(engine):
    with Session(engine) as session:
        outbox.add(session, "key.issued", "k", ACTOR, {}, NOW)
        session.rollback()

    assert claimed(engine) == []
