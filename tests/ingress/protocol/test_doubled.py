"""A member written twice is noticed, whatever it holds and wherever it stands."""

import orjson
import pytest

from ingress.protocol.doubled import says_more


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":"first","a":"last"}',
        b'{"a":1,"a":2}',
        b'{"a":{"b":"first","b":"last"}}',
        b'[{"a":[],"\\u0061":"last"}]',
        b'{"a":"first","a":"\\u0022\\u0022\\u0022\\u0022"}',
    ],
    ids=["text", "number", "inner", "escaped name", "escaped quotes"],
)
def test_a_member_written_twice_says_more(data):
    assert says_more(data, orjson.loads(data))


@pytest.mark.parametrize(
    "data",
    [b'{"a":"x","b":{"a":"x"}}', b'{ "a" : "\\"\\\\" }', b'{"a":"\\u00fc\xc3\xbc\\/"}', b"[]"],
    ids=["same name elsewhere", "quotes in a text", "escapes", "nothing"],
)
def test_what_is_written_once_says_no_more(data):
    assert not says_more(data, orjson.loads(data))


def test_what_cannot_be_written_again_is_refused():
    data = b"[" * 500 + b"]" * 500

    with pytest.raises(ValueError, match="deeply"):
        says_more(data, orjson.loads(data))
