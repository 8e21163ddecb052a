"""Show the gateway tokens of a real OIDC provider: oidc-provider from npm, on loopback."""

import json
import time

import httpx
import pytest
from fake_upstream import FakeUpstream
from oidc_provider import AUDIENCE, browse, running_provider
from running_gateway import RunningGateway

from ingress.identity import jwks

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "openid email groups copilot offline_access"

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow]


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    with running_provider(tmp_path_factory.mktemp("idp")) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def gateway(provider, tmp_path_factory):
    root = tmp_path_factory.mktemp("gateway")
    entry = {
        "issuer": provider,
        "profile": "generic",
        "audiences": [AUDIENCE],
        "groups_claim": "groups",
        "required": {"scope": "copilot"},
    }
    (root / "issuers.yaml").write_text(json.dumps({"version": 1, "issuers": [entry]}))
    with (
        FakeUpstream() as upstream,
        RunningGateway(root, upstream.port, issuers_file=str(root / "issuers.yaml")) as gateway,
    ):
        yield gateway


def device_login(provider, user):
    """Log a user in by the device flow (RFC 8628), playing the browser; return the tokens."""
    with httpx.Client() as client:
        asked = {"client_id": "audit-cli", "scope": SCOPE}
        device = client.post(f"{provider}/device/auth", data=asked).json()
        browse(device["verification_uri_complete"], user)
        poll = {
            "grant_type": DEVICE_GRANT,
            "device_code": device["device_code"],
            "client_id": "audit-cli",
        }
        return client.post(f"{provider}/token", data=poll).json()


def client_token(provider):
    grant = {
        "grant_type": "client_credentials",
        "scope": "copilot",
        "client_id": "ci-job",
        "client_secret": "ci-secret-ci-secret-ci-secret-ci",
    }
    return httpx.post(f"{provider}/token", data=grant).json()["access_token"]


def refused(gateway, token, agent):
    answer = gateway.chat("hello", key=token, headers={"user-agent": agent})
    assert answer.status == 401
    return gateway.denied(agent).reason_code


def test_person_who_logged_in_is_named_with_their_groups(provider, gateway):
    tokens = device_login(provider, "dev1")

    gateway.chat("hello", session="dev1", key=tokens["access_token"])

    principal = gateway.only_end("dev1").principal
    assert (principal.issuer, principal.subject) == (provider, "dev1")
    assert (principal.groups, principal.kind) == (("copilot-users", "eng"), "human")
    assert refused(gateway, tokens["id_token"], "id-token/1") == "wrong_token_type"
    # The refresh token of this provider is opaque.
    assert refused(gateway, tokens["refresh_token"], "refresh-token/1") == "malformed_key"


def test_person_with_more_groups_than_are_safe_is_refused(provider, gateway):
    token = device_login(provider, "many")["access_token"]

    assert refused(gateway, token, "many/1") == "groups_truncated"


def test_job_is_a_service_and_rotation_of_the_key_does_not_stop_it(provider, gateway, monkeypatch):
    monkeypatch.setattr(jwks, "COOL_DOWN_SECONDS", 0.0)
    old = client_token(provider)
    gateway.chat("hello", session="job-old", key=old)
    httpx.get(f"{provider}/_test/rotate_hard")

    gateway.chat("hello", session="job-new", key=client_token(provider))

    for session in ("job-old", "job-new"):
        principal = gateway.only_end(session).principal
        assert (principal.subject, principal.kind, principal.groups) == ("ci-job", "service", ())
    with monkeypatch.context() as later:
        later.setattr("ingress.gateway.time", lambda: time.time() + 61)
        assert refused(gateway, old, "withdrawn/1") == "unknown_token_key"
