import base64

import pytest

from ingress.errors import DuplicateCredential, MalformedKey
from ingress.identity.headers import extract_credential

KEY = "tnk_abcd1234_" + "s" * 32 + "_000000"
BASIC = base64.b64encode(f"git:{KEY}".encode())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"authorization", b"Bearer " + KEY.encode()),
        (b"authorization", b"bearer " + KEY.encode()),
        (b"authorization", b"token " + KEY.encode()),
        (b"authorization", b"TOKEN  " + KEY.encode() + b" "),
        (b"authorization", b"Basic " + BASIC),
        (b"x-api-key", KEY.encode()),
        (b"api-key", KEY.encode()),
        (b"authorization", b"Bearer gho_" + KEY.encode()),
        (b"x-api-key", b"ghu_" + KEY.encode()),
    ],
)
def test_key_is_found_where_a_client_can_put_it(name, value):
    assert extract_credential([(b"host", b"localhost"), (name, value)]) == KEY


def test_githubs_own_token_keeps_its_prefix():
    assert extract_credential([(b"authorization", b"token gho_16C7e42F292c")]) == "gho_16C7e42F292c"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"host", b"localhost")],
        [(b"authorization", b"")],
        [(b"authorization", b"Bearer ")],
        [(b"x-api-key", b" ")],
        [(b"authorization", b"Basic " + base64.b64encode(b"git"))],
    ],
    ids=["none", "other header", "empty", "scheme only", "blank", "no password"],
)
def test_no_credential_is_none(headers):
    assert extract_credential(headers) is None


def test_one_credential_in_two_headers_is_one():
    headers = [(b"authorization", b"Bearer " + KEY.encode()), (b"x-api-key", KEY.encode())]

    assert extract_credential(headers) == KEY


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")],
        [(b"authorization", b"Bearer a"), (b"authorization", b"")],
        [(b"authorization", b"Bearer a"), (b"x-api-key", b"b")],
        [(b"api-key", b"a"), (b"x-api-key", b"b")],
    ],
    ids=["same twice", "second empty", "two headers differ", "two key headers differ"],
)
def test_guessing_between_credentials_is_refused(headers):
    with pytest.raises(DuplicateCredential):
        extract_credential(headers)


@pytest.mark.parametrize(
    "value",
    [
        b"Digest username=x",
        KEY.encode(),
        b"Basic !!!",
        b"Basic " + base64.b64encode(b"\xff:\xff"),
        b"Bearer \xff",
    ],
    ids=["scheme", "no scheme", "not base64", "basic not ascii", "not ascii"],
)
def test_unreadable_authorization_is_malformed_and_not_quoted(value):
    with pytest.raises(MalformedKey) as caught:
        extract_credential([(b"authorization", value)])

    assert str(caught.value) == "malformed_key"
    assert caught.value.__cause__ is None
