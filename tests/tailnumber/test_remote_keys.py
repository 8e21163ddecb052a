"""Manage keys of a real gateway by the command line, as somebody who is signed in there."""

import pytest
from fake_upstream import FakeUpstream
from running_gateway import RunningGateway

from tailnumber.login.keys import GoodKey


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    with (
        FakeUpstream() as upstream,
        RunningGateway(tmp_path_factory.mktemp("real"), upstream.port) as gateway,
    ):
        yield gateway


@pytest.fixture
def url(real):
    return f"http://127.0.0.1:{real.port}"


@pytest.fixture
def signed_in(real, account, monkeypatch):
    key = real.reading.key("vera")
    monkeypatch.setattr(
        "tailnumber.remote_keys.good_key", lambda gateway, *_: GoodKey(gateway, key, None)
    )
    return key


@pytest.mark.usefixtures("signed_in")
def test_list_has_this_person_s_keys_of_that_gateway(tailnumber, url):
    keys = tailnumber.on_data("keys", "list", "--gateway", url, "--json").document["keys"]

    assert {key["user"] for key in keys} == {"vera"}
    assert "current" in keys[0]
    assert "vera" in tailnumber.on_data("keys", "list", "--gateway", url).out


def test_revoked_key_is_refused_by_that_gateway(tailnumber, url, real, signed_in):
    other = real.reading.key("vera")

    revoked = tailnumber.on_data("keys", "revoke", other.split("_")[1], "--gateway", url)

    assert revoked.code == 0
    assert real.chat("hello", key=other).status == 401
    assert real.chat("hello", key=signed_in, session="still").status == 200


@pytest.mark.usefixtures("signed_in")
def test_key_of_somebody_else_is_no_key(tailnumber, url, real):
    others = real.reading.key("grace").split("_")[1]

    refused = tailnumber.on_data("keys", "revoke", others, "--gateway", url)

    assert refused.code == 2
    assert f"You have no key '{others}'" in refused.err


def test_key_that_ended_says_to_sign_in_anew(tailnumber, url, real, signed_in):
    tailnumber.on_data("keys", "revoke", signed_in.split("_")[1], "--gateway", url)

    refused = tailnumber.on_data("keys", "list", "--gateway", url)

    assert refused.code == 1
    assert "refuses (401); sign in anew" in refused.err
