"""What arrives changed is refused; a break in a chain is told, a redelivery is not."""

import base64
from datetime import UTC, datetime

import pytest
from audit_messages import Writer, clear_part, content_key, message, overflow, part, sealed

from pipeline.decode import Incoming, decode
from pipeline.errors import RefusedError
from pipeline.verify import ChainWatch, verify

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
ZEROS = "0" * 64


def _verify(data: bytes) -> None:
    verify(decode(Incoming(data, "1", NOW)))


def test_any_changed_byte_of_the_record_is_found() -> None:
    good = message(Writer().record(), sealed(b"sealed"))
    place = good.index(b"acme/payments")

    with pytest.raises(RefusedError) as refused:
        _verify(good[:place] + b"b" + good[place + 1 :])

    assert refused.value.reason_code == "record_hash_mismatch"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (sealed(b"other"), "content_mismatch"),
        (sealed(b"sealed", key_id="k2"), "content_mismatch"),
        (sealed(b"sealed", part_id="b" * 26), "content_unknown"),
    ],
    ids=["another text", "another key", "a part that the record does not name"],
)
def test_text_that_is_not_the_record_s_is_refused(content: dict[str, str], code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        _verify(message(Writer().record(), content))

    assert refused.value.reason_code == code


def test_record_whose_text_travels_apart_is_taken() -> None:
    record = Writer().record(parts=[part(b"long")])

    _verify(message(record))
    _verify(overflow(record, sealed(b"long")))


def test_text_beside_an_event_that_has_no_texts_is_refused() -> None:
    from audit_messages import example

    with pytest.raises(RefusedError):
        _verify(message(example("access.denied.1.no_key.pass.json"), sealed(b"sealed")))


def test_chain_without_a_gap_follows() -> None:
    watch = ChainWatch()

    assert watch.check("w", 0, ZEROS, "a")
    assert watch.check("w", 1, "a", "b")
    assert watch.check("v", 0, ZEROS, "z")
    assert watch.check("w", 2, "b", "c")


@pytest.mark.parametrize(
    ("sequence", "link"), [(2, "a"), (1, "x"), (5, "a")], ids=["skipped", "relinked", "far"]
)
def test_gap_is_told_once(sequence: int, link: str) -> None:
    watch = ChainWatch()
    watch.check("w", 0, ZEROS, "a")

    assert not watch.check("w", sequence, link, "q")
    assert watch.check("w", sequence + 1, "q", "r")


def test_redelivery_is_no_gap() -> None:
    watch = ChainWatch()
    for sequence, link, this in ((0, ZEROS, "a"), (1, "a", "b"), (2, "b", "c")):
        watch.check("w", sequence, link, this)

    assert watch.check("w", 1, "a", "b")
    assert watch.check("w", 3, "c", "d")


def test_chain_that_begins_wrong_is_told() -> None:
    assert not ChainWatch().check("w", 0, "a" * 64, "b")


def test_process_that_starts_late_sees_no_gap() -> None:
    assert ChainWatch().check("w", 77, "a" * 64, "b")


def test_memory_for_writers_is_bounded() -> None:
    watch = ChainWatch(writers_max=2)
    for writer in ("a", "b", "c"):
        watch.check(writer, 0, ZEROS, writer)

    assert watch.check("a", 9, "?", "x"), "forgotten, so nothing can be said"
    assert not watch.check("c", 9, "?", "x")


def test_key_that_is_not_the_one_of_its_hash_is_refused() -> None:
    _verify(content_key(b"wrapped"))

    with pytest.raises(RefusedError) as refused:
        _verify(content_key(b"wrapped", wrapped_keyset_hash=ZEROS))

    assert refused.value.reason_code == "key_mismatch"


@pytest.mark.parametrize(
    "fields",
    [{"quarter": "2026Q5"}, {"wrapped_keyset": "%%%"}, {"text": "x"}, {"key_id": None}],
    ids=["quarter", "base64", "unknown member", "no id"],
)
def test_key_of_another_form_is_refused_without_its_value(fields: dict[str, object]) -> None:
    with pytest.raises(RefusedError) as refused:
        _verify(content_key(b"wrapped", **fields))

    assert refused.value.reason_code == "message_malformed"
    assert "wrapped" not in refused.value.reason


def _tagged(text: str, salt: bytes, **fields: object) -> bytes:
    record = Writer().record(parts=[clear_part(b"clear", b"salt")])
    encoded = base64.b64encode(salt).decode()
    return message(record, {"part_id": "a" * 26, "text": text, "salt": encoded, **fields})


def test_text_in_clear_is_held_to_its_commitment() -> None:
    _verify(_tagged("clear", b"salt"))


@pytest.mark.parametrize(
    "data",
    [
        _tagged("other", b"salt"),
        _tagged("clear", b"pepper"),
        _tagged("clear", b"salt", ciphertext=""),
        message(Writer().record(parts=[clear_part(b"clear", b"salt")]), sealed(b"clear")),
        message(Writer().record(), {"part_id": "a" * 26, "key_id": "k1", "text": "sealed"}),
    ],
    ids=["another text", "another salt", "both", "sealed instead", "clear instead"],
)
def test_text_that_is_not_as_the_record_says_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        _verify(data)

    assert refused.value.reason_code == "content_mismatch"
