"""Sign in at a real gateway by the command line, and work with what that gives: chat and git."""

import json
import os
import shutil
import subprocess
import time

import pytest
from command_line import CommandLine
from fake_upstream import FakeUpstream
from git_server import ENVIRONMENT, GitServer, git
from running_gateway import CREDENTIAL, RunningGateway
from sign_in import CLIENT_ID, FakeIssuer
from tokens import AUDIENCE

POLICY = """\
version: 1
connections:
  copilot: {{kind: copilot, upstream: "http://127.0.0.1:{port}", credential: secret/copilot}}
  forge: {{kind: git, upstream: "http://127.0.0.1:FORGE", credential: secret/copilot}}
masking: {{rules: [tiny.toml]}}
rules:
  - {{id: engineers, when: "'engineering' in principal.groups", effect: allow}}
"""

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]


@pytest.fixture(scope="module")
def issuer():
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    with GitServer(tmp_path_factory.mktemp("forge"), CREDENTIAL) as server:
        yield server


@pytest.fixture(scope="module")
def gateway(issuer, forge, tmp_path_factory):
    root = tmp_path_factory.mktemp("gateway")
    entry = {
        "issuer": issuer.issuer,
        "profile": "generic",
        "audiences": [AUDIENCE],
        "groups_claim": "groups",
        "key_lifetime": "8h",
        "login": {"name": "corp", "client_id": CLIENT_ID, "audience": AUDIENCE},
    }
    (root / "issuers.yaml").write_text(json.dumps({"version": 1, "issuers": [entry]}))
    policy = POLICY.replace("FORGE", str(forge.port))
    with (
        FakeUpstream() as upstream,
        RunningGateway(
            root, upstream.port, policy=policy, issuers_file=str(root / "issuers.yaml")
        ) as gateway,
    ):
        yield gateway


@pytest.fixture
def person(tmp_path, monkeypatch, gateway):
    """A person's command line, in a home of its own, signed in at the gateway."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("TAILNUMBER_DATA_DIR", raising=False)
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    monkeypatch.setattr("tailnumber.login.keys.system_keyring", lambda: None)
    command = CommandLine(tmp_path / "data")
    url = f"http://127.0.0.1:{gateway.port}"
    done = command("login", "--gateway", url, "--device")
    assert done.code == 0, done.err
    return command


def test_person_who_signs_in_chats_as_themselves_until_they_sign_out(person, gateway, issuer):
    key = person("key").out.strip()

    answer = gateway.chat("hello", session="signed-in", key=key)

    assert answer.status == 200
    principal = gateway.only_end("signed-in").principal
    assert (principal.issuer, principal.subject) == (issuer.issuer, "ada")
    assert (principal.groups, principal.kind) == (("engineering",), "human")
    lifetime = json.loads(person("key", "--json").out)["expires_at"]
    assert lifetime.endswith("Z")
    left = person("logout")
    assert left.code == 0, left.err
    assert gateway.chat("hello", key=key, headers={"user-agent": "later/1"}).status == 401
    assert gateway.denied("later/1").reason_code == "revoked_key"


def test_worn_key_is_renewed_for_the_same_person(person, gateway, monkeypatch):
    first = person("key").out.strip()
    monkeypatch.setattr("tailnumber.login.store.Login.is_due", lambda *_: True)

    second = person("key").out.strip()

    assert second != first
    assert gateway.chat("hello", session="renewed", key=second).status == 200
    assert gateway.only_end("renewed").principal.subject == "ada"


def test_person_without_groups_gets_no_key_and_no_reason(tmp_path, person, gateway, issuer):
    issuer.claims["groups"] = None
    try:
        refused = person("login", "--gateway", f"http://127.0.0.1:{gateway.port}", "--device")
    finally:
        issuer.claims.clear()

    assert refused.code == 1
    assert "does not accept this sign-in" in refused.err
    assert person("key").code == 0  # the sign-in of before is kept


@pytest.mark.skipif(shutil.which("git") is None, reason="needs the git command")
def test_git_that_is_configured_clones_and_pushes_as_the_person(person, gateway, forge, tmp_path):
    bare = forge.repository("acme/web")
    seed = tmp_path / "seed"
    git("init", "-q", str(seed), cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "first", cwd=seed)
    git("push", "-q", str(bare), "HEAD:refs/heads/main", cwd=seed)
    git("symbolic-ref", "HEAD", "refs/heads/main", cwd=bare)
    done = person("configure", "git", "--connection", "forge", "--git-host", "git.acme.example")
    assert done.code == 0, done.err

    def as_person(*arguments):
        environment = ENVIRONMENT | {"HOME": str(tmp_path)}
        environment |= {n: os.environ[n] for n in ("PYTHONPATH",) if n in os.environ}
        return subprocess.run(
            ["git", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    cloned = as_person("clone", "-q", "git@git.acme.example:acme/web.git", "work")
    assert cloned.returncode == 0, cloned.stderr
    as_person("-C", "work", "commit", "-q", "--allow-empty", "-m", "second")
    pushed = as_person("-C", "work", "push", "-q", "origin", "HEAD:refs/heads/topic")
    assert pushed.returncode == 0, pushed.stderr
    assert "refs/heads/topic" in git("for-each-ref", cwd=bare).text
    push = _completed(gateway, "push")
    assert (push.principal.subject, push.repository) == ("ada", "acme/web")


def _completed(gateway, operation):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        for message in gateway.messages():
            event = message.event
            if event.event_type == "interaction.completed" and event.operation == operation:
                return event
        time.sleep(0.05)
    raise AssertionError(f"no {operation} was completed")
