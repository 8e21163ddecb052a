from datetime import UTC, datetime, timedelta

import pytest

from tailnumber.errors import CommandError, SignInFailed
from tailnumber.login.facts import Tokens
from tailnumber.login.gateway import exchange, registrations, revoke_key

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOKENS = Tokens("access.token.here", "refresh", "id.token.here")


def test_gateway_tells_its_issuers(wire, gateway, issuer):
    [found] = registrations(wire, gateway.url)

    assert (found.name, found.issuer, found.client_id) == ("corp", issuer.issuer, "tailnumber-cli")
    assert found.flows == ("browser", "device")
    assert found.scopes == ("openid", "offline_access")


def test_issuer_that_this_client_does_not_understand_is_passed_over(wire, gateway, issuer):
    good = issuer.registration(name="good", flows=["device", "telepathy"], scopes="openid email")
    gateway.issuers = [
        "text", {}, issuer.registration(flows=[]), issuer.registration(client_id=7),
        issuer.registration(name="a\x1bb"), good,
    ]  # fmt: skip

    [found] = registrations(wire, gateway.url)

    assert (found.name, found.flows, found.scopes) == ("good", ("device",), ("openid", "email"))


def test_gateway_without_issuers_takes_no_sign_in(wire, gateway):
    gateway.issuers = []

    with pytest.raises(CommandError, match="ask its operator for a gateway key"):
        registrations(wire, gateway.url)


@pytest.mark.parametrize("reply", [(404, {}), (200, b"<html>"), (200, {"issuers": "x"})])
def test_what_is_no_gateway_is_said_to_be_none(wire, gateway, reply):
    gateway.instead["/api/v1/login"] = [reply]

    with pytest.raises(SignInFailed, match="check that it is the URL of a Tailnumber gateway"):
        registrations(wire, gateway.url)


def test_token_is_traded_by_the_standards_form(wire, gateway):
    issued = exchange(wire, gateway.url, TOKENS, "laptop", NOW)

    assert issued.key == gateway.keys[0]
    assert issued.expires_at == NOW + timedelta(hours=1)
    assert gateway.forms("/oauth/token") == [
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": "access.token.here",
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "device_name": "laptop",
        }
    ]


def test_access_token_that_only_its_issuer_can_read_is_replaced_by_the_id_token(wire, gateway):
    exchange(wire, gateway.url, Tokens("ya29-opaque", None, "id.token.here"), "laptop", NOW)

    [form] = gateway.forms("/oauth/token")
    assert form["subject_token"] == "id.token.here"
    assert form["subject_token_type"] == "urn:ietf:params:oauth:token-type:id_token"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            (400, {"error": "invalid_request", "error_description": "Not valid here."}),
            "access.denied",
        ),
        ((401, {"error": {"code": "x"}}), "does not accept this sign-in .HTTP 401."),
        ((503, {"error": "temporarily_unavailable"}), "try again later"),
        ((200, {"access_token": "eyJ.x.y", "expires_in": 60}), "gave no gateway key"),
        ((200, {"access_token": "tnk_a_b_c"}), "how long its key is good"),
        ((200, {"access_token": "tnk_a_b_c", "expires_in": -1}), "how long its key is good"),
    ],
    ids=["refused", "unauthenticated", "down", "no key", "no end", "no life"],
)
def test_exchange_that_gives_no_key_says_why(wire, gateway, reply, said):
    gateway.instead["/oauth/token"] = [reply]

    with pytest.raises(SignInFailed, match=said) as failed:
        exchange(wire, gateway.url, TOKENS, "laptop", NOW)

    assert "access.token.here" not in str(failed.value)


@pytest.mark.parametrize(
    ("status", "key_id", "gone"),
    [(204, "a", True), (404, "b", True), (401, "a", True), (401, "b", False), (503, "a", False)],
)
def test_key_is_gone_when_the_gateway_no_longer_takes_it(wire, gateway, status, key_id, gone):
    gateway.keys = ["another"]
    gateway.instead[f"/api/v1/keys/{key_id}"] = [(status, {})]

    assert revoke_key(wire, gateway.url, "tnk_a_secret_c", key_id) is gone
