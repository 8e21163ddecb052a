import pytest

from tailnumber.errors import CommandError
from tailnumber.login.facts import IssuedKey, Registration, Tokens, key_id_of, now_utc, secure_url


@pytest.mark.parametrize(
    ("url", "same_as"),
    [
        ("https://gateway.example", "https://gateway.example"),
        ("https://gateway.example/", "https://gateway.example"),
        (" https://gateway.example:443/base/ ", "https://gateway.example/base"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_one_gateway_has_one_spelling(url, same_as):
    assert secure_url(url, "the gateway") == same_as


@pytest.mark.parametrize(
    "url",
    [
        "gateway.example",
        "http://gateway.example",
        "http://10.0.0.1",
        "http://127.0.0.1.evil.example",
        "https://user:word@gateway.example",
        "https://gateway.example?key=1",
        "ftp://gateway.example",
        "file:///etc/passwd",
        "https://",
    ],
)
def test_secret_is_sent_to_no_url_that_others_can_read(url):
    with pytest.raises(CommandError, match="The URL of the gateway is not"):
        secure_url(url, "the gateway")


@pytest.mark.parametrize(
    ("audience", "asked"),
    [
        ("https://gateway.example/api", {"resource": "https://gateway.example/api"}),
        ("api://tailnumber", {}),
        ("66666666-7777-8888-9999-000000000000", {}),
        (None, {}),
    ],
    ids=["web address", "application uri", "application id", "none"],
)
def test_resource_is_asked_for_only_where_the_audience_is_one(audience, asked):
    registration = Registration(
        "corp", "https://i.example", "cli", ("a", "b"), ("device",), audience
    )

    assert registration.resource() == asked
    assert registration.request() == {"client_id": "cli", "scope": "a b", **asked}


def test_tokens_and_keys_do_not_show_themselves():
    tokens = Tokens("access-secret", "refresh-secret", "id-secret")
    issued = IssuedKey("tnk_12345678_secret_check0", now_utc(), now_utc())

    assert "secret" not in f"{tokens!r} {issued!r}"
    assert issued.key_id == key_id_of(issued.key) == "12345678"
