"""One request through the services of the compose files, played as processes, to a row."""

import json
import shutil
import time
import urllib.request

import pytest
from composed import Composed
from fake_upstream import FakeUpstream
from postgres_server import postgres_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.end_to_end,
    pytest.mark.timeout(240),
]

QUESTION = (
    "SELECT status, tenant_id FROM audit.interactions "
    "WHERE requested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)"
)


@pytest.fixture
def upstream():
    with FakeUpstream() as running:
        yield running


@pytest.fixture
def house(tmp_path, upstream):
    server = postgres_server()
    server.make_database("tailnumber")
    composed = Composed(tmp_path, server.root)
    shutil.copy(server.password_file, composed.secret("postgres_password"))
    (tmp_path / "config").mkdir()
    (tmp_path / "config/policy.yaml").write_text(
        f"version: 1\nconnections:\n  models: {{kind: openai, upstream: 'http://127.0.0.1:{upstream.port}'}}\n"
        "rules: [{id: everyone, effect: allow}]\n"
    )
    yield composed
    composed.stop()


def test_request_passes_the_services_and_is_a_row(house, monkeypatch):
    monkeypatch.setenv("PGPORT", str(postgres_server().port))
    assert house.run("migrate").returncode == 0
    for name in ("pubsub", "warehouse", "gateway", "pipeline"):
        house.start(name)
    key = json.loads(house.run("tools", "keys", "create", "--user", "ada", "--json").stdout)["key"]

    assert ask(house, key) == 200

    rows, deadline = [], time.monotonic() + 60
    while not rows and time.monotonic() < deadline:
        time.sleep(0.5)
        rows = json.loads(house.run("tools", "query", QUESTION, "--json").stdout)["rows"]
    assert rows == [{"status": "completed", "tenant_id": "acme"}]
    retained = house.run("tools", "retain", "--json")
    assert retained.returncode == 0, retained.stderr
    assert set(house.stop().values()) <= {0, -15}


def ask(house, key):
    """Send one chat completion through the gateway; return the status."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{house.ports['8080']}/v1/chat/completions",
        json.dumps({"model": "gpt-x", "messages": [{"role": "user", "content": "hi"}]}).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:
        answer.read()
        return answer.status
