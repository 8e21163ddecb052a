"""Trade tokens for gateway keys at a real gateway: RFC 8693, and what of it is recorded."""

import json
import time
from urllib.parse import urlencode

import pytest
from fake_upstream import FakeUpstream
from running_gateway import RunningGateway
from tokens import AUDIENCE, Idp

from ingress.identity.token_exchange import ACCESS_TOKEN, GRANT_TYPE, ID_TOKEN, JWT

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def idp():
    with Idp() as idp:
        yield idp


@pytest.fixture(scope="module")
def upstream():
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, upstream, idp):
    root = tmp_path_factory.mktemp("gateway")
    issuers = root / "issuers.yaml"
    entry = {
        "issuer": idp.issuer,
        "profile": "generic",
        "audiences": [AUDIENCE],
        "groups_claim": "groups",
        "key_lifetime": "8h",
        "login": {"name": "corp", "client_id": "cli", "audience": AUDIENCE},
    }
    issuers.write_text(json.dumps({"version": 1, "issuers": [entry]}))
    with RunningGateway(root, upstream.port, issuers_file=str(issuers)) as gateway:
        yield gateway


def exchange(gateway, token, *, agent="cli/1", kind=ACCESS_TOKEN, **more):
    form = {
        "grant_type": GRANT_TYPE,
        "subject_token": token,
        "subject_token_type": kind,
        **more,
    }
    return post(gateway, urlencode(form).encode(), agent=agent)


def post(gateway, body, *, agent="cli/1", content_type=FORM):
    headers = {"content-type": content_type, "user-agent": agent}
    return gateway.ask(body, "/oauth/token", key="", headers=headers)


def test_person_gets_a_key_that_works_and_its_issue_is_recorded(gateway, idp):
    answer = exchange(gateway, idp.token(time.time()), device_name="laptop")

    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json
    assert body["issued_token_type"] == ACCESS_TOKEN
    assert body["token_type"] == "Bearer"
    assert 8 * 3600 - 5 <= body["expires_in"] <= 8 * 3600
    assert gateway.chat("hello", session="traded", key=body["access_token"]).status == 200
    assert gateway.only_end("traded").principal.key_id == body["key_id"]
    (issued,) = gateway.key_events(body["key_id"], "key.issued")
    assert (issued.holder.subject, issued.principal.subject) == ("ada", "ada")
    assert issued.holder.groups == ("engineering",)
    assert issued.device_name == "laptop"
    assert all(body["access_token"].encode() not in data for data in gateway.events_raw())


def test_program_gets_a_key_for_a_quarter_of_an_hour_and_is_marked(gateway, idp):
    answer = exchange(gateway, idp.token(time.time(), sub="cli"), kind=JWT)

    assert answer.status == 200
    assert 890 <= answer.json["expires_in"] <= 900
    (issued,) = gateway.key_events(answer.json["key_id"], "key.issued")
    assert issued.holder.kind == "service"
    gateway.chat("hello", session="program", key=answer.json["access_token"])
    assert gateway.only_end("program").principal.kind == "service"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1}, "expired_access_token"),
        ({"aud": "another"}, "wrong_audience"),
        ({"iss": "https://evil.example"}, "unknown_issuer"),
        ({"groups": None}, "groups_missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_token_gets_one_text_and_the_record_the_reason(gateway, idp, claims, reason):
    agent = f"exchange-{reason}/1"

    answer = exchange(gateway, idp.token(time.time(), **claims), agent=agent)

    assert answer.status == 400
    assert answer.json["error"] == "invalid_request"
    assert answer.json["error_description"] == "The subject token is missing or not valid here."
    assert gateway.denied(agent).reason_code == reason


def test_gateway_key_cannot_buy_another(gateway):
    answer = exchange(gateway, gateway.key, agent="renewing/1")

    assert answer.status == 400
    assert gateway.denied("renewing/1").reason_code == "malformed_access_token"
    assert gateway.key.encode() not in b"".join(gateway.events_raw())


def test_id_token_is_for_issuers_that_have_no_other(gateway, idp):
    answer = exchange(gateway, idp.token(time.time()), kind=ID_TOKEN, agent="id/1")

    assert answer.json["error"] == "invalid_request"
    assert gateway.denied("id/1").reason_code == "bad_token_request"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "unsupported_grant_type"),
        (b"grant_type=password", "unsupported_grant_type"),
        (b"grant_type=%ff", "invalid_request"),
        (b"\xff", "invalid_request"),
        (b"a=1&a=2", "invalid_request"),
        (b"&".join(b"a%d=1" % n for n in range(40)), "invalid_request"),
        (urlencode({"grant_type": GRANT_TYPE}).encode(), "invalid_request"),
    ],
    ids=["empty", "password", "not UTF-8", "not ASCII", "twice", "many fields", "no token"],
)
def test_form_that_is_no_exchange_is_refused(gateway, body, error):
    answer = post(gateway, body)

    assert (answer.status, answer.json["error"]) == (400, error)


def test_body_that_is_no_form_or_too_large_is_refused(gateway):
    assert post(gateway, b"{}", content_type="application/json").status == 400
    assert post(gateway, b"a=" + b"x" * 30_000).status == 413


def test_exchange_is_refused_while_it_cannot_be_recorded(gateway, idp, monkeypatch):
    from ingress.errors import AuditUnavailable

    async def full(*_args, **_more):
        raise AuditUnavailable("disk_full")

    monkeypatch.setattr(gateway.parts.gateway.recorder, "control_changed", full)

    answer = exchange(gateway, idp.token(time.time()))

    assert answer.status == 503
    assert "access_token" not in answer.json


def test_login_tells_a_command_line_where_people_sign_in(gateway, idp):
    answer = gateway.ask(path="/api/v1/login", method="GET", key="")

    (issuer,) = answer.json["issuers"]
    assert issuer == {
        "name": "corp",
        "issuer": idp.issuer,
        "client_id": "cli",
        "scopes": ["openid", "offline_access"],
        "flows": ["device", "browser"],
        "audience": AUDIENCE,
    }
