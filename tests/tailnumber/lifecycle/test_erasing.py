"""A person's texts are erased for good, whole or not at all, and never against a legal hold."""

from datetime import UTC, datetime

import pytest
from control_state import control_files
from recorded_people import ago
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from ingress.control.erasure import Erasures
from ingress.control.holds import Holds, Scope
from ingress.control.models import ContentKeyRow, ControlEventRow
from ingress.errors import ContentKeyMissing
from ingress.identity.keys import Account
from ingress.sealing import Sealer
from tailnumber.errors import CommandError
from tailnumber.lifecycle import erasing
from tailnumber.lifecycle.retaining import prepare_hold
from tailnumber.lifecycle.subjects import find_people

pytestmark = pytest.mark.slow

BY = Account("urn:tailnumber:local", "officer")


class PowerCutError(Exception):
    pass


@pytest.fixture(autouse=True)
def no_grace(monkeypatch):
    monkeypatch.setattr(erasing, "_wait_for_gateways", lambda _: None)


@pytest.fixture
def control(recordings):
    return Erasures(recordings.engine), Holds(recordings.engine)


@pytest.fixture
def hold(control, request):
    """Place a hold that the test's end releases."""
    placed = []

    def place(scope, name=None):
        name = name or request.node.name
        placed.append(control[1].place(name, "case", scope, BY, datetime.now(UTC)))
        return placed[-1]

    yield place
    for each in placed:
        control[1].release(each.name, "over", BY, datetime.now(UTC))


def run(recordings, control, *people, reason="ticket 1"):
    return erasing.erase(recordings.trail, *control, people, reason, BY, lambda _: None)


def events(recordings, person):
    """Return the types and facts of the events that wait, of one person's erasures."""
    with Session(recordings.engine) as session:
        rows = session.scalars(select(ControlEventRow)).all()
        return [
            (row.event_type, row.facts)
            for row in rows
            if row.facts.get("holder", {}).get("subject") == person.account.subject
        ]


def test_erased_text_opens_for_nobody_and_its_rows_stay(recordings, control):
    ada, grace = recordings.person(), recordings.person()
    hers, other = (
        recordings.said(ada, "canary", ago(days=1)),
        recordings.said(grace, "x", ago(days=1)),
    )

    done, standing = run(recordings, control, ada)

    assert standing == ()
    assert [e.state for e in control[0].of([ada.principal_id])] == ["done"]
    with pytest.raises(ContentKeyMissing):
        recordings.opens(hers)
    assert recordings.opens(other) == "x"
    assert recordings.parts(ada) == 1
    ((kind, facts),) = events(recordings, ada)
    assert (kind, facts["reason"]) == ("content.erased", "ticket 1")
    assert facts["content_key_ids"] == list(done[0].key_ids) == [hers["key_id"]]


def test_all_quarters_and_all_accounts_of_a_person_go_at_once(recordings, control):
    ada, alias = recordings.person(), recordings.person()
    rows = [
        recordings.said(ada, "a", ago(days=1)),
        recordings.said(ada, "b", ago(days=120)),
        recordings.said(alias, "c", ago(days=1)),
    ]

    done, _ = run(recordings, control, ada, alias)

    assert sorted(len(each.key_ids) for each in done) == [1, 2]
    for row in rows:
        with pytest.raises(ContentKeyMissing):
            recordings.opens(row)


def test_texts_in_clear_are_emptied_also_where_a_hold_had_copied_them_and_later_ones_stay(
    recordings, control
):
    ada = recordings.person()
    tables = ("content.parts_v1", "hold.content_parts_v1")
    prepare_hold(recordings.trail)
    for table in tables:
        recordings.said_in_clear(ada, "canary in clear", ago(days=1), table=table)

    def texts(table):
        return recordings.trail.ask(
            f"SELECT text, salt, commitment FROM {table} WHERE principal_id = @who "
            "AND occurred_at > TIMESTAMP '1970-01-01 00:00:00+00' ORDER BY occurred_at",
            who=ada.principal_id,
        ).rows

    run(recordings, control, ada)
    for table in tables:
        assert texts(table) == [{"text": None, "salt": None, "commitment": "1" * 64}]

    recordings.said_in_clear(ada, "came late", ago(minutes=1))
    recordings.said_in_clear(ada, "said later", ago(minutes=-1))
    erasing.resume(recordings.trail, *control, lambda _: None)

    assert [row["text"] for row in texts(tables[0])] == [None, None, "said later"]


def test_later_request_of_the_person_gets_a_new_key(recordings, control):
    ada = recordings.person()
    old = recordings.said(ada, "before", ago(days=1))
    run(recordings, control, ada)

    recordings.sealer.forget_retired()
    new = recordings.said(ada, "after", ago(days=1))

    assert new["key_id"] != old["key_id"]
    assert recordings.opens(new) == "after"
    run(recordings, control, ada)
    with pytest.raises(ContentKeyMissing):
        recordings.opens(new)


def test_wrapped_key_is_in_no_file_of_the_control_database_afterwards(recordings, control):
    ada = recordings.person()
    recordings.said(ada, "x", ago(days=1))
    with Session(recordings.engine) as session:
        mine = ContentKeyRow.principal_id == ada.principal_id
        wrapped = session.scalars(select(ContentKeyRow.wrapped_keyset).where(mine)).one()

    def found():
        return [p.name for p in control_files(recordings.root) if wrapped in p.read_bytes()]

    assert found()
    run(recordings, control, ada)

    assert found() == []


def test_hold_on_the_person_refuses_and_the_refusal_is_told(recordings, control, hold):
    ada = recordings.person()
    row = recordings.said(ada, "kept", ago(days=1))
    placed = hold(Scope(principal_ids=(ada.principal_id,)))

    done, standing = run(recordings, control, ada)

    assert (done, [each.name for each in standing]) == ([], [placed.name])
    assert recordings.opens(row) == "kept"
    ((kind, facts),) = events(recordings, ada)
    assert (kind, facts["refusal_code"]) == ("erasure.refused", "refused_hold")
    assert facts["hold_ids"] == [placed.hold_id]


@pytest.mark.parametrize(
    ("scope", "refused"),
    [
        (Scope(session_ids=("case",)), True),
        (Scope(session_ids=("elsewhere",)), False),
        (Scope(repositories=("acme/case",)), True),
        (Scope(repositories=("acme/other",)), False),
        (Scope(begin=ago(days=3), end=ago(days=1)), True),
        (Scope(repositories=("acme/case",), end=ago(days=30)), False),
        (Scope(principal_ids=("somebodyelse",)), False),
    ],
    ids=[
        "session",
        "other session",
        "repository",
        "other repository",
        "period",
        "too early",
        "who",
    ],
)
def test_hold_on_a_part_of_their_work_refuses_the_whole(recordings, control, hold, scope, refused):
    ada = recordings.person()
    recordings.said(ada, "x", ago(days=2), session="case", repository="acme/case")
    recordings.said(ada, "y", ago(days=100), session="another")
    hold(scope)

    _, standing = run(recordings, control, ada)

    assert bool(standing) is refused


def test_hold_that_was_released_stands_no_longer(recordings, control, hold):
    ada = recordings.person()
    row = recordings.said(ada, "x", ago(days=1))
    placed = hold(Scope(principal_ids=(ada.principal_id,)))
    assert run(recordings, control, ada)[1]

    control[1].release(placed.name, "settled", BY, datetime.now(UTC))
    done, standing = run(recordings, control, ada)

    assert (standing, len(done)) == ((), 1)
    with pytest.raises(ContentKeyMissing):
        recordings.opens(row)


def test_hold_that_comes_while_gateways_let_go_stops_it(recordings, control, hold, monkeypatch):
    ada = recordings.person()
    row = recordings.said(ada, "kept", ago(days=1))
    scope = Scope(principal_ids=(ada.principal_id,))
    monkeypatch.setattr(erasing, "_wait_for_gateways", lambda _: hold(scope))

    _, standing = run(recordings, control, ada)

    assert len(standing) == 1
    assert recordings.opens(row) == "kept"
    assert [e.state for e in control[0].of([ada.principal_id])] == ["refused"]
    assert [kind for kind, _ in events(recordings, ada)] == ["erasure.refused"]


def test_hold_that_comes_between_judging_and_destroying_is_judged(
    recordings, control, hold, monkeypatch
):
    ada = recordings.person()
    row = recordings.said(ada, "kept", ago(days=1))
    judge, calls = erasing.judge, []

    def slow_judge(*arguments):
        judgement = judge(*arguments)
        calls.append(judgement)
        if len(calls) == 2:  # the last look before the keys go
            hold(Scope(principal_ids=(ada.principal_id,)))
        return judgement

    monkeypatch.setattr(erasing, "judge", slow_judge)

    assert len(run(recordings, control, ada)[1]) == 1
    assert len(calls) == 3
    assert recordings.opens(row) == "kept"


def test_hold_that_comes_before_it_begins_changes_nothing(recordings, control, hold):
    ada = recordings.person()
    recordings.said(ada, "kept", ago(days=1))
    judged = erasing.judge(recordings.trail, control[1], [ada.principal_id])
    hold(Scope(principal_ids=(ada.principal_id,)))

    begun = control[0].begin([ada], "r", BY, datetime.now(UTC), judged.open_ids)

    assert begun is None
    assert control[0].of([ada.principal_id]) == []


@pytest.mark.parametrize(
    ("where", "opens_still"),
    [("_destroy", True), ("_delete_published", False)],
    ids=["keys retired", "keys gone, warehouse not"],
)
def test_death_in_the_middle_is_finished_by_the_next(
    recordings, control, monkeypatch, where, opens_still
):
    ada = recordings.person()
    row = recordings.said(ada, "x", ago(days=1))

    def die(*_):
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(erasing, where, die)
        with pytest.raises(PowerCutError):
            run(recordings, control, ada)
    if opens_still:
        assert recordings.opens(row) == "x"
        assert events(recordings, ada) == []

    finished = erasing.resume(recordings.trail, *control, lambda _: None)

    assert [each.principal_id for each in finished] == [ada.principal_id]
    assert [e.state for e in control[0].of([ada.principal_id])] == ["done"]
    assert [kind for kind, _ in events(recordings, ada)] == ["content.erased"]
    with pytest.raises(ContentKeyMissing):
        recordings.opens(row)
    assert erasing.resume(recordings.trail, *control, lambda _: None) == []


def test_reader_who_holds_the_old_pages_is_waited_for_then_told(recordings, control):
    impatient = recordings.engine  # PostgreSQL waits three seconds for a lock
    if impatient.dialect.name == "sqlite":
        impatient = create_engine(recordings.engine.url, connect_args={"timeout": 0.05})
    erasures = Erasures(impatient)
    ada = recordings.person()
    recordings.said(ada, "x", ago(days=1))
    with recordings.engine.connect() as reader:
        reader.exec_driver_sql("BEGIN")
        reader.exec_driver_sql("SELECT COUNT(*) FROM content_keys").all()
        with pytest.raises(CommandError, match="--resume"):
            run(recordings, (erasures, control[1]), ada)
    if impatient is not recordings.engine:
        impatient.dispose()

    assert [e.state for e in control[0].of([ada.principal_id])] == ["erased"]
    erasing.resume(recordings.trail, *control, lambda _: None)
    assert [e.state for e in control[0].of([ada.principal_id])] == ["done"]


def test_person_without_texts_is_erased_with_no_key(recordings, control):
    ada = recordings.person()

    done, standing = run(recordings, control, ada)

    assert (len(done), done[0].key_ids, standing) == (1, (), ())


def test_sealer_of_another_process_lets_go_of_the_key(recordings, control):
    ada = recordings.person()
    recordings.said(ada, "x", ago(days=1))
    elsewhere = Sealer(recordings.sealer._keys)
    at = "2026Q4"
    before = elsewhere.seal(ada.principal_id, at, b"p", b"t")
    run(recordings, control, ada)

    elsewhere.forget_retired()

    assert elsewhere.seal(ada.principal_id, at, b"p", b"t").key_id != before.key_id


def test_person_is_named_by_principal_id_where_the_tenants_key_may_not_be_used(recordings):
    ada = recordings.person()
    recordings.said(ada, "x", ago(days=1))

    def refused():
        raise CommandError("the account may not decrypt with the tenant's key")

    (found,) = find_people(recordings.trail, recordings.engine, refused, ada.principal_id)

    assert found.principal_id == ada.principal_id
    with pytest.raises(CommandError, match="may not decrypt"):
        find_people(recordings.trail, recordings.engine, refused, ada.account.email)
