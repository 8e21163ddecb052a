"""Texts are shown only to who is recorded: who, which, why."""

import asyncio

import pytest
from control_state import PRINCIPAL_KEY
from sqlalchemy import create_engine, text

from ingress.control.store import open_sqlite
from ingress.control_events import ControlEvents
from ingress.identity.keys import Account
from ingress.ids import timestamp
from ingress.recording.records import principal_record
from ingress.sealing import ContentKeys, Sealer
from ingress.secrets import TenantSecrets
from schemas.viewing import VIEWED_MAX, RecordViewed
from tailnumber import revealing, searching
from tailnumber.errors import CommandError
from tailnumber.reader import open_reader
from tailnumber.stack.layout import Layout
from tailnumber.trail import Answer
from tailnumber.viewing import checked_reason, note_view

READER = Account("urn:tailnumber:local", "root")
PART, OTHER = "a" * 26, "b" * 26


class TakingRecorder:
    def __init__(self):
        self.events = []

    async def control_changed(self, event_type, *, event_id, at, principal, facts):
        head = {
            "event_id": event_id,
            "event_type": event_type,
            "event_version": 1,
            "occurred_at": timestamp(at),
            "tenant_id": "t",
            "writer_id": event_id,
            "sequence": 0,
            "previous_hash": "0" * 64,
            "assurance": "strict",
        }
        who = principal_record(principal) | {"groups": ()}
        lists = {name: tuple(v) if isinstance(v, list) else v for name, v in facts.items()}
        self.events.append(
            RecordViewed.model_validate({**head, "principal": who, **lists}, strict=False)
        )

    async def content_key(self, facts, **_):
        pass


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    layout.create()
    return layout


def recorded(layout):
    recorder = TakingRecorder()
    engine = open_sqlite(layout.control_db)
    try:
        recorder_events = ControlEvents(engine, recorder, PRINCIPAL_KEY)
        with engine.begin() as connection:
            connection.execute(
                text("DELETE FROM control_events WHERE event_type = 'content_key.created'")
            )
        asyncio.run(recorder_events.drain())
    finally:
        engine.dispose()
    return recorder.events


def sealed(layout, part_id, words, principal="ada"):
    tenant = TenantSecrets.load_or_create(layout.secrets)
    engine = open_sqlite(layout.control_db)
    try:
        sealer = Sealer(ContentKeys(engine, tenant.kek, tenant.subkey("content-key")))
        key_id, ciphertext = sealer.seal(principal, "2026Q4", part_id.encode(), words.encode())
    finally:
        engine.dispose()
    return {
        "part_id": part_id, "key_id": key_id, "ciphertext": ciphertext, "session_id": "s",
        "principal_id": "mzxw6ytboi4dknzvgq3tmnbsge",
    }  # fmt: skip


def answer_of(*rows):
    return Answer(tuple(rows[0]), list(rows))


def test_a_reading_is_recorded_with_reader_texts_and_reason(layout):
    note_view(layout, READER, "search", "incident 4711", [{"part_id": PART, "session_id": "s"}])

    (event,) = recorded(layout)
    assert (event.principal.subject, event.command, event.reason) == (
        "root", "search", "incident 4711",
    )  # fmt: skip
    assert (event.viewed_part_ids, event.viewed_session_ids) == ((PART,), ("s",))


def test_a_search_that_found_nothing_is_recorded_too(layout):
    note_view(layout, READER, "search", "why", [])

    (event,) = recorded(layout)
    assert event.viewed_part_ids == ()


def test_a_reading_of_very_many_texts_is_several_events(layout):
    parts = [
        {"part_id": f"{n:026d}".translate(str.maketrans("0123456789", "abcdefghij"))}
        for n in range(2500)
    ]

    note_view(layout, READER, "query", "why", parts)

    assert sorted(len(e.viewed_part_ids) for e in recorded(layout)) == [500, VIEWED_MAX, VIEWED_MAX]


@pytest.mark.parametrize("reason", [None, "", "  \n "])
def test_no_reason_is_refused_with_what_to_write(reason):
    with pytest.raises(CommandError, match="--reason"):
        checked_reason(reason)


def test_a_revealed_answer_has_texts_for_ciphertexts(layout):
    row = sealed(layout, PART, "the canary prompt")

    answer = revealing.reveal_answer(layout, answer_of(row), "why")

    assert answer.columns == ("part_id", "key_id", "session_id", "principal_id", "text")
    assert [row["text"] for row in answer.rows] == ["the canary prompt"]
    assert recorded(layout)[0].viewed_principal_ids == ("mzxw6ytboi4dknzvgq3tmnbsge",)


def test_what_cannot_be_recorded_is_not_shown(layout, monkeypatch):
    row = sealed(layout, PART, "the canary prompt")
    broken = create_engine(f"sqlite:///{layout.root / 'nowhere' / 'x.db'}")
    monkeypatch.setattr("tailnumber.viewing.open_state", lambda _: broken)

    with pytest.raises(CommandError, match="nothing is shown") as refusal:
        revealing.reveal_answer(layout, answer_of(row), "why")

    assert "canary" not in str(refusal.value)


def test_an_erased_text_is_none_and_the_rest_is_read(layout):
    gone, kept = sealed(layout, PART, "gone"), sealed(layout, OTHER, "kept", "grace")
    engine = open_sqlite(layout.control_db)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE content_keys SET wrapped_keyset = x'' WHERE principal_id = 'ada'")
        )
    engine.dispose()

    answer = revealing.reveal_answer(layout, answer_of(gone, kept), "why")

    assert [row["text"] for row in answer.rows] == [None, "kept"]


def test_an_unknown_key_is_as_good_as_erased(layout):
    row = {**sealed(layout, PART, "x"), "key_id": "ck_unknown"}

    assert revealing.reveal_answer(layout, answer_of(row), "why").rows[0]["text"] is None


def test_columns_that_reveal_needs_are_named(layout):
    with pytest.raises(CommandError, match="missing: key_id, ciphertext"):
        revealing.reveal_answer(layout, Answer(("part_id",), []), "why")


def test_search_finds_in_any_case_and_stops_at_the_limit(layout):
    rows = [sealed(layout, PART, "A Canary\nsings"), sealed(layout, OTHER, "no bird")]

    with open_reader(layout) as reader:
        found = searching.search(rows, reader, "canary", 10)
        first = searching.search([rows[0], rows[0]], reader, "canary", 1)

    assert [hit["excerpt"] for hit in found.hits] == ["A Canary sings"]
    assert (found.opened_count, found.complete, first.complete) == (2, True, False)


def test_excerpt_shows_the_surroundings_on_one_line():
    words = "x " * 100 + "canary" + " y" * 100

    cut = searching.excerpt(words, "Canary")

    assert cut.startswith("…")
    assert "x canary y" in cut
    assert len(cut) < 150
