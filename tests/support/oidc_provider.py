"""A real OIDC provider (oidc-provider from npm) on loopback, and a browser that signs in there.

It needs Node.js and the folder ``node_modules`` that ``npm i oidc-provider@9`` makes, named by
TAILNUMBER_OIDC_PROVIDER or beside the provider's script; without them tests skip and say so.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from vectors import shared

AUDIENCE = "https://audit-proxy.example/api"
# A client that signs in by its browser, which the script alone does not know.
NATIVE_CLIENT = "desktop-cli"
_NATIVE = f"""{{
  client_id: '{NATIVE_CLIENT}', token_endpoint_auth_method: 'none', application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token'], redirect_uris: ['http://127.0.0.1/callback'],
}},"""
_FORM = re.compile(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r"<(?:input|button)[^>]*>")
# Pages between the first and the last: code, confirmation, login, consent.
_PAGES_MAX = 12


@contextmanager
def running_provider(root: Path) -> Iterator[str]:
    """Run a provider in an empty folder; yield its issuer."""
    script = shared("idp", "idp.mjs")
    modules = Path(os.environ.get("TAILNUMBER_OIDC_PROVIDER") or script.parent / "node_modules")
    node = shutil.which("node")
    if node is None or not (modules / "oidc-provider").is_dir():
        pytest.skip(
            "no Node.js, or no oidc-provider: name its node_modules by TAILNUMBER_OIDC_PROVIDER"
        )
    (root / script.name).write_text(script.read_text().replace("clients:[", f"clients:[{_NATIVE}"))
    (root / "node_modules").symlink_to(modules)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [node, script.name],
        cwd=root,
        env={"PATH": os.environ["PATH"], "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"up "), "the provider did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def browse(url: str, user: str, code: str = "") -> httpx.Response:
    """Open a page and fill every form that follows, as the user does; return the last page."""
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(url)
        for _ in range(_PAGES_MAX):
            form = _FORM.search(page.text)
            if form is None:
                break
            data = _filled(form[2], user, code)
            page = browser.post(urljoin(str(page.url), form[1]), data=data)
        return page


def _filled(form: str, user: str, code: str) -> dict[str, str]:
    data = {}
    for tag in _FIELD.findall(form):
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "abort":
            data[name[1]] = value[1] if value else ""
    if 'name="login"' in form:
        data |= {"login": user, "password": "x", "prompt": "login"}
    if not data.get("user_code", "x"):
        data["user_code"] = code
    return data
