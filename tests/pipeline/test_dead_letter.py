"""A dead letter says where and why, and nothing of what the message said."""

import hashlib
from datetime import UTC, datetime

from audit_messages import Writer, message

from pipeline.connections import encoders
from pipeline.dead_letter import broken, dead_letter_row, refused
from pipeline.decode import Incoming, decode
from pipeline.errors import RefusedError
from schemas.tables import DeadLetterRow

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 19, tzinfo=UTC)


def test_row_fits_its_table_and_holds_no_content() -> None:
    incoming = Incoming(b"canary", "42", NOW)

    row = dead_letter_row(
        refused("decode", RefusedError("message_malformed", "why"), incoming), NOW
    )

    assert "canary" not in repr(row)
    assert row["message_hash"] == hashlib.sha256(b"canary").hexdigest()
    DeadLetterRow.model_validate({k: v for k, v in row.items() if v is not None})
    encoders()["audit.dead_letters_v1"].encode(row)


def test_same_refusal_is_the_same_row_at_each_delivery() -> None:
    letter = refused("decode", RefusedError("a", "why"), Incoming(b"x", "42", NOW))
    other = refused("decode", RefusedError("b", "why"), Incoming(b"x", "42", NOW))

    ids = [
        dead_letter_row(each, at)["dead_letter_id"]
        for each, at in ((letter, NOW), (letter, LATER), (other, NOW))
    ]

    assert ids[0] == ids[1] != ids[2]


def test_refusal_of_a_decoded_event_says_which() -> None:
    record = Writer().record()
    event = decode(Incoming(message(record), "1", NOW))

    row = dead_letter_row(refused("load", RefusedError("a", "b"), event.incoming, event), NOW)

    assert (row["event_id"], row["event_type"]) == (record["event_id"], "interaction.requested")
    assert (row["writer_id"], row["sequence"]) == (record["writer_id"], 0)


def test_broken_step_is_told_by_the_kind_of_its_error_alone() -> None:
    letter = broken("route", ValueError("canary"), Incoming(b"x", "1", NOW))

    assert (letter.reason_code, letter.reason) == ("internal_error", "the step raised ValueError")
