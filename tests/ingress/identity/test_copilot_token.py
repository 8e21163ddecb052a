import pytest

from ingress.errors import ExpiredToken, ForgedToken
from ingress.identity.copilot_token import (
    MINIMUM_LIFETIME_SECONDS,
    CopilotTokens,
    looks_like_copilot_token,
)

NOW = 1_795_000_000.7
KEY = bytes(range(32))
TOKENS = CopilotTokens(KEY)


def test_minted_token_leads_back_to_its_key():
    minted = TOKENS.mint("abcd1234", NOW)

    assert TOKENS.verify(minted.token, NOW) == "abcd1234"
    assert looks_like_copilot_token(minted.token)


def test_token_has_the_flags_that_clients_read():
    minted = TOKENS.mint("abcd1234", NOW, ttl_seconds=1800)

    flags = dict(flag.split("=") for flag in minted.token.partition(":")[0].split(";"))
    assert flags["chat"] == "1"
    assert flags["st"] == "dotcom"
    assert flags["exp"] == str(minted.expires_at) == str(int(NOW) + 1800)
    assert {"tid", "sku"} <= flags.keys()


def test_token_is_renewed_before_clients_think_it_is_nearly_over():
    minted = TOKENS.mint("abcd1234", NOW, ttl_seconds=1800)

    assert minted.expires_at - (int(NOW) + minted.refresh_in) >= 5 * 60


def test_same_time_and_key_give_the_same_token():
    assert TOKENS.mint("abcd1234", NOW) == TOKENS.mint("abcd1234", NOW)


def test_token_is_over_at_its_time():
    minted = TOKENS.mint("abcd1234", NOW)

    assert TOKENS.verify(minted.token, minted.expires_at - 0.1) == "abcd1234"
    with pytest.raises(ExpiredToken) as caught:
        TOKENS.verify(minted.token, minted.expires_at)
    assert caught.value.unverified_key_id == "abcd1234"


def test_every_changed_character_is_found():
    token = TOKENS.mint("abcd1234", NOW).token

    for index, character in enumerate(token):
        changed = token[:index] + chr(ord(character) ^ 1) + token[index + 1 :]
        with pytest.raises(ForgedToken):
            TOKENS.verify(changed, NOW)


@pytest.mark.parametrize(
    "token",
    ["", ":", "tid=x", "tid=x;tn=abcd1234:", "tid=" + "x" * 2000 + ":0", "tid=é:0", "a:b:c"],
    ids=["empty", "colon", "no mac", "empty mac", "long", "not ascii", "colons"],
)
def test_what_was_not_minted_here_is_refused(token):
    with pytest.raises(ForgedToken):
        TOKENS.verify(token, NOW)


def test_token_of_another_tenant_is_refused():
    token = CopilotTokens(bytes(32)).mint("abcd1234", NOW).token

    with pytest.raises(ForgedToken):
        TOKENS.verify(token, NOW)


def test_token_is_not_printed():
    minted = TOKENS.mint("abcd1234", NOW)

    assert minted.token not in repr(minted)


def test_lifetime_that_makes_clients_fetch_all_the_time_is_refused():
    with pytest.raises(ValueError, match="at least 900 s"):
        TOKENS.mint("abcd1234", NOW, ttl_seconds=MINIMUM_LIFETIME_SECONDS - 1)


def test_key_id_cannot_smuggle_flags():
    with pytest.raises(ValueError, match="letters and digits"):
        TOKENS.mint("a;exp=9", NOW)
