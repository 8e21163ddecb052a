import pytest

from ingress.errors import MalformedAccessToken
from ingress.identity.strict import decode_base64url, read_object


@pytest.mark.parametrize("text", ["AA==", "A", "AB", "A A", "+/8", "é"])
def test_text_that_is_base64_in_another_spelling_is_refused(text):
    with pytest.raises(MalformedAccessToken):
        decode_base64url(text)


def test_text_in_its_one_spelling_is_read():
    assert decode_base64url("_-8") == b"\xff\xef"
    assert decode_base64url("") == b""


@pytest.mark.parametrize(
    "raw",
    [b"[]", b"1", b"{", b'{"a": NaN}', b'{"a": 1, "a": 1}', b'{"a": {"b": 1, "b": 2}}', b"\xff"],
)
def test_anything_but_one_clear_object_is_refused(raw):
    with pytest.raises(MalformedAccessToken):
        read_object(raw)
