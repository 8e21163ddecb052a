import pytest
from sign_in import DEVICE_GRANT

from tailnumber.errors import CommandError, SignInFailed
from tailnumber.login.device import Clock, device_login
from tailnumber.login.issuer import Issuer, OAuthError


@pytest.fixture
def clock():
    slept = []
    clock = Clock(monotonic=lambda: sum(slept), sleep=slept.append)
    return clock, slept


@pytest.fixture
def login(wire, issuer, registration, clock):
    def run():
        shown = []
        tokens = device_login(wire, Issuer.discover(wire, registration), shown.append, clock[0])
        return tokens, shown

    return run


def pending(code="authorization_pending"):
    return 400, {"error": code}


def test_person_is_shown_page_and_code_and_then_signed_in(issuer, login):
    tokens, shown = login()

    assert tokens.access_token.count(".") == 2
    assert tokens.refresh_token == "refresh-1"
    [prompt] = shown
    assert (prompt.url, prompt.code) == (f"{issuer.issuer}/activate", "WDJB-MJHT")
    assert prompt.complete_url == f"{issuer.issuer}/activate?user_code=WDJB-MJHT"
    [asked] = issuer.forms("/realm/device")
    assert asked["scope"] == "openid offline_access"
    [polled] = issuer.forms("/realm/token")
    assert (polled["grant_type"], polled["device_code"]) == (
        DEVICE_GRANT,
        "device-code-nobody-sees",
    )


def test_polling_keeps_the_interval_and_slows_down_when_told(issuer, login, clock):
    issuer.device["interval"] = 2
    issuer.instead["/realm/token"] = [pending(), pending("slow_down"), pending()]

    login()

    assert clock[1] == [2, 2, 7, 7]


@pytest.mark.parametrize("interval", [None, "5", True, float("1e999")], ids=str)
def test_interval_that_is_none_is_five_seconds(issuer, login, clock, interval):
    issuer.device["interval"] = interval

    login()

    assert clock[1] == [5]


def test_server_that_fails_for_a_while_is_asked_less_often(issuer, login, clock):
    issuer.device["interval"] = 2
    issuer.instead["/realm/token"] = [(503, {}), (502, b"<html>"), pending()]

    tokens, _ = login()

    assert tokens.access_token
    assert clock[1] == [2, 4, 8, 8]


def test_refusal_on_the_page_ends_the_wait(issuer, login):
    issuer.instead["/realm/token"] = [pending(), pending("access_denied")]

    with pytest.raises(SignInFailed, match="refused on the issuer's page"):
        login()


def test_code_that_the_issuer_lets_expire_ends_the_wait(issuer, login):
    issuer.instead["/realm/token"] = [pending("expired_token")]

    with pytest.raises(SignInFailed, match="run tailnumber login again"):
        login()


def test_code_expires_here_too_if_the_issuer_never_says_so(issuer, login, clock):
    issuer.device |= {"interval": 5, "expires_in": 21}
    issuer.instead["/realm/token"] = [pending() for _ in range(99)]

    with pytest.raises(SignInFailed, match="expired before it was confirmed"):
        login()

    assert sum(clock[1]) == 20


def test_any_other_refusal_is_told_as_it_is(issuer, login):
    issuer.instead["/realm/token"] = [pending("invalid_grant")]

    with pytest.raises(OAuthError, match=r"corp refuses .invalid_grant."):
        login()


def test_issuer_that_starts_no_device_flow_points_to_the_browser(issuer, login):
    issuer.instead["/realm/device"] = [(400, {"error": "unauthorized_client"})]

    with pytest.raises(SignInFailed, match=r"unauthorized_client.*try --browser"):
        login()


@pytest.mark.parametrize(
    "changed",
    [{"user_code": None}, {"verification_uri": None}, {"user_code": "A\x1b[2J"}],
    ids=["no code", "no page", "unprintable"],
)
def test_page_and_code_must_be_there_and_printable(issuer, login, changed):
    issuer.device |= changed

    with pytest.raises(SignInFailed, match="names no page and code"):
        login()


def test_page_over_plain_http_is_not_shown(issuer, login):
    issuer.device["verification_uri_complete"] = "http://sso.example/activate?user_code=1"

    with pytest.raises(CommandError, match="sign-in page is not https"):
        login()


def test_page_may_bear_googles_name(issuer, login):
    issuer.device["verification_url"] = issuer.device.pop("verification_uri")

    assert login()[1][0].url == f"{issuer.issuer}/activate"
