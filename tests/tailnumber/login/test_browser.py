import socket
import threading
import time
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from tokens import segment

from tailnumber.errors import SignInFailed
from tailnumber.login.browser import _consent, browser_login, challenge
from tailnumber.login.issuer import Issuer


class Browser:
    """Opens the page in a thread, as a browser does, and keeps what the person sees."""

    def __init__(self, *visits):
        self.visits = visits
        self.pages = []
        self.url = None

    def __call__(self, url):
        self.url = url
        self.thread = threading.Thread(target=self._browse)
        self.thread.start()

    def _browse(self):
        for visit in self.visits:
            self.pages.append(visit(self.url))

    @property
    def asked(self):
        return dict(parse_qsl(urlsplit(self.url).query))


@pytest.fixture
def login(wire, registration):
    def run(browser, wait_seconds=10.0):
        try:
            found = Issuer.discover(wire, registration)
            return browser_login(wire, found, browser, wait_seconds)
        finally:
            browser.thread.join(10)

    return run


def redirect(url, path="/callback", host=None, **members):
    asked = dict(parse_qsl(urlsplit(url).query))
    target = urlsplit(asked["redirect_uri"])
    headers = {"host": host} if host else {}
    return httpx.get(f"http://{target.netloc}{path}", params=members, headers=headers)


def test_person_is_signed_in_by_code_with_pkce(issuer, login):
    browser = Browser(issuer.browse)

    tokens = login(browser)

    assert tokens.access_token.count(".") == 2
    assert tokens.refresh_token == "refresh-1"
    assert browser.asked["response_type"] == "code"
    assert browser.asked["code_challenge_method"] == "S256"
    assert browser.asked["redirect_uri"].startswith("http://127.0.0.1:")
    assert "Back to the terminal" in browser.pages[0].text


def test_challenge_is_that_of_the_standard():
    # RFC 7636, appendix B.
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_secrets_are_new_each_time_and_the_verifier_stays_here(issuer, login):
    first, second = Browser(issuer.browse), Browser(issuer.browse)

    login(first)
    login(second)

    for name in ("state", "nonce", "code_challenge", "redirect_uri"):
        assert first.asked[name] != second.asked[name]
    assert "code_verifier" not in first.asked
    assert all(43 <= len(form["code_verifier"]) <= 128 for form in issuer.forms("/realm/token"))


@pytest.mark.parametrize(
    ("url", "scopes", "asked"),
    [
        ("https://sso.example", ("openid", "offline_access"), {"prompt": "consent"}),
        ("https://sso.example", ("openid",), {}),
        ("https://login.microsoftonline.com/t/v2.0", ("openid", "offline_access"), {}),
    ],
    ids=["offline", "online", "Entra"],
)
def test_consent_is_asked_for_where_a_refresh_token_needs_it(registration, url, scopes, asked):
    assert _consent(Issuer(replace(registration, issuer=url, scopes=scopes), {})) == asked


def test_page_and_its_address_tell_nothing(issuer, login):
    browser = Browser(issuer.browse)

    login(browser)

    page = browser.pages[0]
    assert "code-0" not in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"


def test_answers_to_another_question_are_turned_away_and_waited_past(issuer, login):
    def forged(url):
        return redirect(url, code="stolen", state="guess")

    def twice(url):
        return redirect(url, code="stolen", state=["guess", "guess"])

    def elsewhere(url):
        return redirect(url, path="/favicon.ico")

    def rebound(url):
        return redirect(url, host="evil.example", code="x")

    browser = Browser(forged, twice, elsewhere, rebound, issuer.browse)

    tokens = login(browser)

    assert tokens.refresh_token == "refresh-1"
    assert [page.status_code for page in browser.pages] == [400, 400, 404, 404, 200]
    assert [form["code"] for form in issuer.forms("/realm/token")] == ["code-0"]


def test_caller_that_says_nothing_does_not_keep_the_person_waiting(issuer, login, monkeypatch):
    monkeypatch.setattr("tailnumber.login.browser._Handler.timeout", 0.1)

    def silent(url):
        target = urlsplit(dict(parse_qsl(urlsplit(url).query))["redirect_uri"])
        with socket.create_connection((target.hostname, target.port)) as connection:
            time.sleep(0.2)
            return connection.recv(1)

    assert login(Browser(silent, issuer.browse)).refresh_token == "refresh-1"


@pytest.mark.parametrize("iss", [None, "https://other.example"], ids=["missing", "another"])
def test_answer_of_another_issuer_is_not_used(issuer, login, iss):
    browser = Browser(lambda url: issuer.browse(url, iss=iss))

    with pytest.raises(SignInFailed, match="another issuer"):
        login(browser)

    assert issuer.forms("/realm/token") == []


def test_issuer_that_does_not_name_itself_in_answers_may_leave_it_out(issuer, login):
    del issuer.discovery["authorization_response_iss_parameter_supported"]

    assert login(Browser(lambda url: issuer.browse(url, iss=None))).refresh_token == "refresh-1"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("access_denied", "refused on the issuer's page"),
        ("server_error", "corp refuses .server_error."),
        ("\x1b[2J", "corp refuses .unreadable error."),
    ],
)
def test_error_in_the_answer_is_told(issuer, login, error, said):
    browser = Browser(lambda url: issuer.browse(url, code=None, error=error))

    with pytest.raises(SignInFailed, match=said):
        login(browser)


@pytest.mark.parametrize(
    "claims",
    [{"nonce": "another"}, {"aud": "another"}, {"iss": "another"}, {}],
    ids=["nonce", "audience", "issuer", "none"],
)
def test_id_token_of_another_sign_in_is_not_used(issuer, login, claims):
    whole = {"iss": issuer.issuer, "aud": "tailnumber-cli", **claims} if claims else {}
    issuer.more_members["id_token"] = f"{segment({})}.{segment(whole)}.x"

    with pytest.raises(SignInFailed, match="belongs to another sign-in"):
        login(Browser(issuer.browse))


@pytest.mark.parametrize("token", ["x", "a.!.c", "a.W10.c"])
def test_id_token_that_is_none_is_not_used(issuer, login, token):
    issuer.more_members["id_token"] = token

    with pytest.raises(SignInFailed, match="belongs to another sign-in"):
        login(Browser(issuer.browse))


def test_person_who_does_not_come_back_is_not_waited_for_for_ever(login):
    with pytest.raises(SignInFailed, match=r"Nobody came back .* --device"):
        login(Browser(lambda _: None), wait_seconds=0.2)
