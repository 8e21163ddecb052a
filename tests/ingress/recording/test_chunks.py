"""A chunk's payload."""

import pytest

from ingress.recording.chunks import pack_chunk, unpack_chunk


def test_a_chunk_is_read_back_as_it_was_packed():
    assert unpack_chunk(pack_chunk("ck_a", 7, b"sealed")) == ("ck_a", 7, b"sealed")


@pytest.mark.parametrize("payload", [b"", b"\0" * 5, b"\0\0\0\0\x01\0\xff"])
def test_what_is_no_chunk_is_refused(payload):
    with pytest.raises(ValueError, match=r"chunk|ascii"):
        unpack_chunk(payload)
