"""A hold and an erasure that come at once: one of them sees the other, on either database."""

import threading
from datetime import timedelta

import pytest
from control_state import NOW, control_database
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ingress.control.erasure import Erasures, Person
from ingress.control.holds import Holds, Scope, open_hold_ids
from ingress.control.models import ContentKeyRow, LegalHoldRow
from ingress.identity.keys import Account

pytestmark = pytest.mark.usefixtures("control_backend")

BY = Account("urn:a", "officer")
ADA = Person("ada", Account("urn:a", "ada"))
SCOPE = Scope(principal_ids=("ada",))


@pytest.fixture
def engine(tmp_path):
    with control_database(tmp_path) as engine:
        with Session(engine) as session:
            session.add(
                ContentKeyRow(
                    key_id="k",
                    principal_id="ada",
                    quarter="2026Q4",
                    wrapped_keyset=b"w",
                    created_at=NOW,
                )
            )
            session.commit()
        yield engine


def keyset(engine):
    with Session(engine) as session:
        return session.scalars(select(ContentKeyRow.wrapped_keyset)).one()


def begun(engine):
    (one,) = Erasures(engine).begin([ADA], "ticket", BY, NOW, frozenset())
    return [one.erasure_id]


def test_key_that_no_hold_keeps_is_destroyed(engine):
    assert Erasures(engine).destroy(begun(engine), NOW, frozenset())
    assert keyset(engine) == b""


def test_hold_that_is_being_placed_is_waited_for_and_stops_the_destruction(engine, tmp_path):
    erasure_ids = begun(engine)
    done = []
    with control_database(tmp_path) as elsewhere, Session(elsewhere) as placing:
        hold = Holds(elsewhere).place("other", "case", SCOPE, BY, NOW)
        Holds(elsewhere).release("other", "over", BY, NOW)
        mine = LegalHoldRow.hold_id == hold.hold_id
        placing.execute(update(LegalHoldRow).where(mine).values(released_at=None))
        thread = threading.Thread(
            target=lambda: done.append(Erasures(engine).destroy(erasure_ids, NOW, frozenset()))
        )
        thread.start()
        thread.join(0.3)
        waited = thread.is_alive()
        placing.commit()
        thread.join()

    assert waited
    assert done == [False]
    assert keyset(engine) == b"w"


def test_hold_cannot_be_placed_while_keys_are_being_destroyed(engine, tmp_path):
    placed = []
    with control_database(tmp_path) as elsewhere, Session(elsewhere) as destroying:
        destroying.add(
            ContentKeyRow(
                key_id="x", principal_id="x", quarter="2026Q4", wrapped_keyset=b"", created_at=NOW
            )
        )
        destroying.flush()
        assert open_hold_ids(destroying) == frozenset()
        thread = threading.Thread(
            target=lambda: placed.append(Holds(engine).place("case", "case", SCOPE, BY, NOW))
        )
        thread.start()
        thread.join(0.3)
        waited = thread.is_alive()
        destroying.commit()
        thread.join()

    assert waited
    assert placed[0] is not None


def test_of_two_holds_of_one_name_at_once_one_is_refused(engine, tmp_path):
    together, placed = threading.Barrier(4), []

    def place(number):
        with control_database(tmp_path) as own:
            together.wait()
            at = NOW + timedelta(seconds=number)
            placed.append(Holds(own).place("case", "case", SCOPE, BY, at))

    threads = [threading.Thread(target=place, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(each is not None for each in placed) == 1


def test_races_of_holds_and_erasures_never_destroy_what_is_held(engine, tmp_path):
    together, outcome = threading.Barrier(2), {}
    erasure_ids = begun(engine)

    def hold():
        with control_database(tmp_path) as own:
            together.wait()
            outcome["hold"] = Holds(own).place("case", "case", SCOPE, BY, NOW)

    def destroy():
        with control_database(tmp_path) as own:
            together.wait()
            outcome["destroyed"] = Erasures(own).destroy(erasure_ids, NOW, frozenset())

    threads = [threading.Thread(target=hold), threading.Thread(target=destroy)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Whoever was second saw the first: the keys are there, or the hold came after they had gone.
    assert outcome["hold"] is not None
    assert (keyset(engine) == b"") is outcome["destroyed"]
