"""An editor signs in as at a GitHub Enterprise host; the company's issuer says who it is."""

import pytest
from running_gateway import RunningGateway
from sign_in import CLIENT_ID, DEVICE_GRANT, FakeIssuer
from tokens import AUDIENCE

ISSUERS = """
version: 1
issuers:
  - issuer: {issuer}
    profile: generic
    audiences: [{audience}]
    groups_claim: groups
    login: {{client_id: {client_id}, audience: "https://gateway.example/api"}}
"""
POLL = {"client_id": "Iv1.b507a08c87ecfe98", "device_code": "d", "grant_type": DEVICE_GRANT}
BEGIN = {"client_id": "Iv1.b507a08c87ecfe98", "scope": "repo workflow"}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def issuer():
    with FakeIssuer() as running:
        running.claims = {"groups": ["engineering"]}
        yield running


@pytest.fixture(scope="module")
def gateway(upstream, issuer, tmp_path_factory):
    root = tmp_path_factory.mktemp("github-login")
    issuers = root / "issuers.yaml"
    issuers.write_text(ISSUERS.format(issuer=issuer.issuer, audience=AUDIENCE, client_id=CLIENT_ID))
    with RunningGateway(root, upstream.port, issuers_file=str(issuers)) as running:
        yield running


def begin(gateway, body=BEGIN, **more):
    return gateway.ask(body, "/login/device/code", key="", headers=JSON, **more)


def poll(gateway, agent="editor/1", **changed):
    headers = {**JSON, "user-agent": agent}
    return gateway.ask({**POLL, **changed}, "/login/oauth/access_token", key="", headers=headers)


def test_editor_gets_the_issuers_page_and_code_as_from_github(gateway, issuer):
    answer = begin(gateway)

    assert answer.status == 200
    assert answer.json["user_code"] == "WDJB-MJHT"
    assert answer.json["verification_uri"] == f"{issuer.issuer}/activate"
    assert answer.json["expires_in"] == 600
    # Without it the language server takes an answer for a firewall's.
    assert answer.headers["x-github-request-id"]
    (asked,) = issuer.forms("/realm/device")
    assert asked["client_id"] == CLIENT_ID
    assert asked["resource"] == "https://gateway.example/api"


@pytest.mark.parametrize("word", ["authorization_pending", "slow_down", "expired_token"])
def test_what_the_person_has_not_done_yet_is_told_in_githubs_way(gateway, issuer, word):
    issuer.instead["/realm/token"] = [(400, {"error": word})]

    answer = poll(gateway)

    assert (answer.status, answer.json["error"]) == (200, word)


def test_who_signed_in_holds_a_key_that_the_clients_take_and_the_trail_knows(gateway):
    answer = poll(gateway)

    key = answer.json["access_token"]
    assert key.startswith("gho_tnk_")
    assert answer.json["token_type"] == "bearer"
    user = gateway.ask(None, "/user", method="GET", key=key, session="user")
    assert user.status == 200
    assert isinstance(user.json["id"], int)
    assert gateway.ask(None, "/copilot_internal/v2/token", method="GET", key=key).status == 200
    assert gateway.chat("hello", key=key, session="signed-in").status == 200
    (issued,) = gateway.key_events(key.split("_")[2], "key.issued")
    assert issued.holder.subject == gateway.only_end("signed-in").principal.subject


def test_a_code_of_nobodys_is_over(gateway, issuer):
    issuer.instead["/realm/token"] = [(400, {"error": "invalid_grant"})]

    assert poll(gateway).json["error"] == "expired_token"


def test_who_is_not_of_this_company_is_refused_with_one_word_and_recorded(gateway, issuer):
    issuer.claims = {"groups": ["engineering"], "aud": "https://elsewhere.example"}

    answer = poll(gateway, agent="stranger/1")

    issuer.claims = {"groups": ["engineering"]}
    assert (answer.status, answer.json["error"]) == (200, "access_denied")
    assert gateway.denied("stranger/1").reason_code == "wrong_audience"


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b"\xff", b"[" * 5000, b'{"a":"\\ud800"', b"NaN", b"1e999"],
    ids=["cut", "list", "text", "bytes", "deep", "surrogate", "nan", "huge"],
)
def test_a_body_that_is_no_form_is_refused(gateway, body):
    answer = begin(gateway, body)

    assert answer.status == 400
    assert "device_code" not in answer.json


@pytest.mark.parametrize(
    "changed", [{"grant_type": "password"}, {"device_code": ""}, {"device_code": "x" * 5000}]
)
def test_a_poll_that_is_none_is_refused(gateway, changed):
    assert poll(gateway, **changed).status == 400


def test_an_issuer_that_is_down_is_told_so(gateway, issuer):
    issuer.instead["/realm/.well-known/openid-configuration"] = [(500, {})]

    answer = begin(gateway)

    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")


def test_a_discovery_document_cannot_lead_elsewhere(gateway, issuer):
    elsewhere = {**issuer.discovery, "device_authorization_endpoint": "http://127.0.0.1:1/device"}
    issuer.instead["/realm/.well-known/openid-configuration"] = [(200, elsewhere)]

    assert begin(gateway).status == 503


def test_without_an_issuer_nobody_signs_in(upstream, tmp_path):
    with RunningGateway(tmp_path, upstream.port) as gateway:
        assert begin(gateway).status == 400
