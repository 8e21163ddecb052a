"""Show the gateway tokens of a real OIDC provider: oidc-provider from npm, on loopback.

It needs Node.js and the folder ``node_modules`` that ``npm i oidc-provider@9`` makes, named by
TAILNUMBER_OIDC_PROVIDER or beside the provider's script; without them the tests skip and say so.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from fake_upstream import FakeUpstream
from running_gateway import RunningGateway
from vectors import shared

from ingress.identity import jwks

AUDIENCE = "https://audit-proxy.example/api"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "openid email groups copilot offline_access"
FORM = re.compile(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
FIELD = re.compile(r"<(?:input|button)[^>]*>")

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow]


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    script = shared("idp", "idp.mjs")
    modules = Path(os.environ.get("TAILNUMBER_OIDC_PROVIDER") or script.parent / "node_modules")
    node = shutil.which("node")
    if node is None or not (modules / "oidc-provider").is_dir():
        pytest.skip(
            "no Node.js, or no oidc-provider: name its node_modules by TAILNUMBER_OIDC_PROVIDER"
        )
    root = tmp_path_factory.mktemp("idp")
    shutil.copy(script, root)
    (root / "node_modules").symlink_to(modules)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [node, "idp.mjs"],
        cwd=root,
        env={"PATH": os.environ["PATH"], "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout.readline().startswith(b"up "), "the provider did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


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
    with httpx.Client(follow_redirects=True) as browser, httpx.Client() as client:
        asked = {"client_id": "audit-cli", "scope": SCOPE}
        device = client.post(f"{provider}/device/auth", data=asked).json()
        page = browser.get(device["verification_uri_complete"])
        for _ in range(12):
            form = FORM.search(page.text)
            if form is None:
                break
            page = browser.post(urljoin(str(page.url), form[1]), data=_filled(form[2], user))
        poll = {
            "grant_type": DEVICE_GRANT,
            "device_code": device["device_code"],
            "client_id": "audit-cli",
        }
        return client.post(f"{provider}/token", data=poll).json()


def _filled(form, user):
    data = {}
    for tag in FIELD.findall(form):
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "abort":
            data[name[1]] = value[1] if value else ""
    if 'name="login"' in form:
        data |= {"login": user, "password": "x", "prompt": "login"}
    return data


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
