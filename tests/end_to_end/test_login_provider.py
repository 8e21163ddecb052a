"""Sign in by the command line at a real OIDC provider, as a person does, without a browser."""

import os
import re
import subprocess
import sys
import threading

import httpx
import pytest
from oidc_provider import AUDIENCE, NATIVE_CLIENT, browse, running_provider
from sign_in import FakeGateway

from tailnumber.login.browser import browser_login
from tailnumber.login.facts import Registration
from tailnumber.login.issuer import Issuer, OAuthError
from tailnumber.login.wire import Wire

SCOPES = ("openid", "email", "groups", "copilot", "offline_access")

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow]


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    with running_provider(tmp_path_factory.mktemp("idp")) as issuer:
        yield issuer


@pytest.fixture
def gateway(provider):
    with FakeGateway() as gateway:
        gateway.issuers = [
            {
                "name": "corp",
                "issuer": provider,
                "client_id": "audit-cli",
                "scopes": list(SCOPES),
                "flows": ["device"],
                "audience": AUDIENCE,
            }
        ]
        yield gateway


@pytest.fixture
def tailnumber(tmp_path):
    """Start the command line in a home of its own."""
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    for name in ("XDG_CONFIG_HOME", "DBUS_SESSION_BUS_ADDRESS", "TAILNUMBER_DATA_DIR"):
        environment.pop(name, None)

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "tailnumber", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def read_page_and_code(process):
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.startswith("Confirm"):
            break
    url = next(line for line in lines if line.startswith("http"))
    return url, next(line for line in lines if re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", line))


def sign_in(tailnumber, gateway, user="dev1"):
    process = tailnumber("login", "--gateway", gateway.url, "--device", "--store", "file")
    url, code = read_page_and_code(process)
    page = browse(url, user, code)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err, page


def test_person_types_the_code_and_is_signed_in_renewed_and_signed_out(
    tailnumber, gateway, provider
):
    gateway.lifetime_seconds = 30

    code, out, err, page = sign_in(tailnumber, gateway)

    assert code == 0, err
    assert page.status_code == 200
    assert "Signed in at" in out
    first = gateway.forms("/oauth/token")[0]["subject_token"]
    for count in (2, 3):  # a refresh token is used once: the second renewal has the first one's
        out, err = tailnumber("key").communicate(timeout=60)
        assert err == ""
        assert out == f"{gateway.keys[-1]}\n"
        assert len(gateway.keys) == count
    assert gateway.forms("/oauth/token")[1]["subject_token"] != first
    httpx.get(f"{provider}/_test/rotate")
    process = tailnumber("logout")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert gateway.revoked[-1] == "key00002"


def test_browser_with_pkce_signs_in_and_a_refresh_token_works_once(provider):
    registration = Registration("corp", provider, NATIVE_CLIENT, SCOPES, ("browser",), AUDIENCE)
    threads = []

    def open_page(url):
        threads.append(threading.Thread(target=browse, args=(url, "dev1")))
        threads[0].start()

    with Wire() as wire:
        issuer = Issuer.discover(wire, registration)
        tokens = browser_login(wire, issuer, open_page, wait_seconds=60)
        threads[0].join()
        renewed = issuer.refresh(wire, tokens.refresh_token)

        assert tokens.access_token.count(".") == tokens.id_token.count(".") == 2
        assert renewed.access_token != tokens.access_token
        with pytest.raises(OAuthError, match="invalid_grant"):
            issuer.refresh(wire, tokens.refresh_token)
