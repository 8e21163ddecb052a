"""Changes of the control state reach the trail once, whoever makes them and whenever."""

import asyncio

import pytest
from control_state import NOW, PRINCIPAL_KEY, control_database

from ingress.control_events import ControlEvents
from ingress.errors import AuditUnavailable
from ingress.identity.keys import Account, KeyStore

pytestmark = pytest.mark.usefixtures("control_backend")


class TakingRecorder:
    """Takes what is to be recorded; refuses while ``full``."""

    def __init__(self):
        self.taken = []
        self.full = False

    async def control_changed(self, event_type, *, event_id, at, principal, facts):
        if self.full:
            raise AuditUnavailable("disk_full")
        self.taken.append((event_type, event_id, at, principal.subject, facts))


@pytest.fixture
def engine(tmp_path):
    with control_database(tmp_path) as engine:
        yield engine


@pytest.fixture
def recorder():
    return TakingRecorder()


def issue(engine, subject="ada"):
    by = Account("urn:a", "root")
    return KeyStore(engine).create(issuer="urn:a", subject=subject, now=NOW, by=by)[0]


def drain(events):
    asyncio.run(events.drain())


def test_what_waited_is_recorded_once_with_actor_and_holder(engine, recorder):
    record = issue(engine)
    events = ControlEvents(engine, recorder, PRINCIPAL_KEY)

    drain(events)
    drain(events)

    ((event_type, _, at, actor, facts),) = recorder.taken
    assert (event_type, at, actor) == ("key.issued", NOW, "root")
    assert facts["gateway_key_id"] == record.key_id
    assert facts["holder"]["subject"] == "ada"
    assert len(facts["holder"]["principal_id"]) == 26


def test_two_gateways_record_an_event_once(engine, recorder, tmp_path):
    issue(engine)

    with control_database(tmp_path) as elsewhere:
        drain(ControlEvents(elsewhere, recorder, PRINCIPAL_KEY))
        drain(ControlEvents(engine, recorder, PRINCIPAL_KEY))

    assert len(recorder.taken) == 1


def test_what_cannot_be_recorded_waits_with_its_id(engine, recorder):
    issue(engine)
    issue(engine, "grace")
    events = ControlEvents(engine, recorder, PRINCIPAL_KEY)
    recorder.full = True
    with pytest.raises(AuditUnavailable):
        drain(events)

    recorder.full = False
    drain(events)

    assert len({event_id for _, event_id, *_ in recorder.taken}) == 2


def test_watch_goes_on_after_a_failure(engine, recorder, monkeypatch):
    monkeypatch.setattr("ingress.control_events.POLL_SECONDS", 0.01)
    issue(engine)
    recorder.full = True

    async def watched():
        watch = asyncio.ensure_future(ControlEvents(engine, recorder, PRINCIPAL_KEY).watch())
        await asyncio.sleep(0.05)
        recorder.full = False
        while not recorder.taken:  # noqa: ASYNC110 - the recorder under test has no event
            await asyncio.sleep(0.01)
        watch.cancel()

    asyncio.run(asyncio.wait_for(watched(), 5))

    assert len(recorder.taken) == 1
