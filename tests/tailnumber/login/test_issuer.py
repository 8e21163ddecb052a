from dataclasses import replace

import pytest

from tailnumber.errors import CommandError, SignInFailed
from tailnumber.login.issuer import Issuer, OAuthError


def test_issuer_that_speaks_for_another_is_not_used(wire, issuer, registration):
    issuer.discovery["issuer"] = issuer.issuer + "/"

    with pytest.raises(SignInFailed, match="speaks for another issuer"):
        Issuer.discover(wire, registration)


@pytest.mark.parametrize("reply", [(404, {}), (200, b"<html>"), (500, {})])
def test_missing_discovery_document_is_named(wire, issuer, registration, reply):
    issuer.instead["/realm/.well-known/openid-configuration"] = [reply]

    with pytest.raises(SignInFailed, match="corp has no discovery document"):
        Issuer.discover(wire, registration)


def test_issuer_over_plain_http_is_refused(wire, registration):
    with pytest.raises(CommandError, match="not https"):
        Issuer.discover(wire, replace(registration, issuer="http://sso.example"))


def test_endpoint_over_plain_http_is_refused(wire, issuer, registration):
    issuer.discovery["token_endpoint"] = "http://sso.example/token"

    with pytest.raises(CommandError, match="token_endpoint is not https"):
        Issuer.discover(wire, registration).endpoint("token_endpoint")


def test_missing_endpoint_points_to_the_other_flow(wire, issuer, registration):
    del issuer.discovery["device_authorization_endpoint"]

    with pytest.raises(SignInFailed, match="try the other of --browser and --device"):
        Issuer.discover(wire, registration).endpoint("device_authorization_endpoint")


def test_refusal_keeps_its_code_and_says_it_printably(wire, issuer, registration):
    found = Issuer.discover(wire, registration)

    with pytest.raises(OAuthError) as refused:
        found.refresh(wire, "stolen")

    assert refused.value.code == "invalid_grant"
    assert str(refused.value) == "The issuer corp refuses (invalid_grant: used\ufffd[31m up)."
    assert "stolen" not in str(refused.value)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            (503, {"error": "temporarily_unavailable"}),
            "fails .temporarily_unavailable.; try again later",
        ),
        ((200, {"token_type": "Bearer"}), "no bearer token"),
        ((200, {"access_token": "a", "token_type": "DPoP"}), "no bearer token"),
        ((200, {"access_token": "a"}), "no bearer token"),
    ],
    ids=["down", "no token", "bound token", "no type"],
)
def test_answer_without_a_usable_token_is_no_sign_in(wire, issuer, registration, reply, said):
    issuer.instead["/realm/token"] = [reply]

    with pytest.raises(SignInFailed, match=said):
        Issuer.discover(wire, registration).refresh(wire, "refresh-0")


def test_issuer_that_does_not_rotate_keeps_its_refresh_token(wire, issuer, registration):
    issuer.instead["/realm/token"] = [(200, {"access_token": "a.b.c", "token_type": "bearer"})]

    tokens = Issuer.discover(wire, registration).refresh(wire, "refresh-0")

    assert (tokens.access_token, tokens.refresh_token) == ("a.b.c", "refresh-0")


def test_refresh_asks_for_the_same_resource(wire, issuer, registration):
    Issuer.discover(wire, registration).refresh(wire, "refresh-0")

    assert issuer.forms("/realm/token") == [
        {
            "client_id": "tailnumber-cli",
            "grant_type": "refresh_token",
            "refresh_token": "refresh-0",
            "resource": "https://gateway.example/api",
        }
    ]


def test_issuer_without_revocation_says_so(wire, issuer, registration):
    del issuer.discovery["revocation_endpoint"]

    assert not Issuer.discover(wire, registration).revoke(wire, "refresh-0")
    assert issuer.revoked == []
