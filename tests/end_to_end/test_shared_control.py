"""Two gateways on one PostgreSQL: what one does counts on the other, and both outlive its restart."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from control_state import control_database, control_place, using
from fake_upstream import FakeUpstream
from postgres_server import PASSWORD, postgres_server
from running_gateway import prepare
from sqlalchemy import func, select

from ingress.control.models import ContentKeyRow
from ingress.identity.keys import KeyStore, LocalIssuer

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.end_to_end]

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 12


def environment(settings, place):
    given = {
        "TAILNUMBER_DATA_DIR": settings.data_dir,
        "TAILNUMBER_POLICY_FILE": settings.policy_file,
        "TAILNUMBER_CONTROL_DATABASE": place.control_database,
        "TAILNUMBER_CONTROL_PASSWORD_FILE": place.control_password_file,
        "TAILNUMBER_PUBSUB_ADDRESS": "127.0.0.1:1",
        "TAILNUMBER_PORT": 0,
        "TAILNUMBER_JOURNAL_FREE_BYTES_MIN": 0,
        "TAILNUMBER_MASKING_ENGINE": "portable",
        "PYTHONPATH": ROOT,
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TAILNUMBER_")}
    return kept | {name: str(value) for name, value in given.items()}


@contextlib.contextmanager
def gateway(settings, place, log):
    with log.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingress"],
            env=environment(settings, place),
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
        )
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Two running gateways, the folder that names their database, and their logs."""
    root = tmp_path_factory.mktemp("shared")
    with contextlib.ExitStack() as stack:
        stack.enter_context(using("postgresql"))
        upstream = stack.enter_context(FakeUpstream())
        place = control_place(root)
        urls, logs = [], []
        for name in ("one", "two"):
            settings = prepare(root / name, upstream.port)
            if name == "two":  # one tenant: without Cloud KMS its secrets are copied
                shutil.rmtree(settings.data_dir / "secrets")
                shutil.copytree(root / "one" / "data" / "secrets", settings.data_dir / "secrets")
            logs.append(root / f"{name}.log")
            urls.append(stack.enter_context(gateway(settings, place, logs[-1])))
        yield urls, root, logs


def ask(url, key, path="/chat/completions", method="POST"):
    body = {"model": "gpt-x", "messages": [{"role": "user", "content": "hello"}]}
    request = urllib.request.Request(
        url + path, json.dumps(body).encode() if method == "POST" else None, method=method
    )
    request.add_header("authorization", f"Bearer {key}")
    request.add_header("x-scenario", "s")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code


def new_key(root, user="ada"):
    with control_database(root) as engine:
        issuer = LocalIssuer(KeyStore(engine))
        return issuer.mint(user, now=datetime.now(UTC), groups=["engineering"])


def seconds_until(wanted, action, limit=10.0):
    began = time.monotonic()
    while action() != wanted:
        assert time.monotonic() - began < limit
        time.sleep(0.02)
    return time.monotonic() - began


def test_key_that_one_revokes_is_refused_by_the_other_within_a_second(shared):
    (one, two), root, _ = shared
    record, key = new_key(root)
    assert (ask(one, key), ask(two, key)) == (200, 200)

    assert ask(one, key, f"/api/v1/keys/{record.key_id}", "DELETE") == 200

    assert seconds_until(401, lambda: ask(two, key)) <= 1.0
    assert seconds_until(401, lambda: ask(one, key)) <= 1.0


def test_content_key_is_made_once_whoever_asks_first(shared):
    urls, root, _ = shared
    keys = [new_key(root, f"racer-{number}")[1] for number in range(PEOPLE)]
    with control_database(root) as engine, engine.connect() as connection:
        count = select(func.count()).select_from(ContentKeyRow)
        before = connection.execute(count).scalar_one()
    answers = []

    for key in keys:
        together = threading.Barrier(4)

        def run(url, key=key, together=together):
            together.wait()
            answers.append(ask(url, key))

        threads = [threading.Thread(target=run, args=(url,)) for url in urls * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with control_database(root) as engine, engine.connect() as connection:
        assert connection.execute(count).scalar_one() - before == PEOPLE
    assert answers == [200] * 4 * PEOPLE


def test_gateways_refuse_while_the_server_is_away_and_serve_again_by_themselves(shared):
    (one, two), root, logs = shared
    server = postgres_server()
    _, key = new_key(root, "patient")
    assert (ask(one, key), ask(two, key)) == (200, 200)

    server.stop()
    try:
        took = seconds_until(503, lambda: ask(one, key))
        began = time.monotonic()
        refused = ask(two, key)
        answered = time.monotonic() - began
        readiness = ask(one, key, "/readyz", "GET")
        alive = ask(one, key, "/healthz", "GET")
    finally:
        server.start()
    back = [seconds_until(200, lambda url=url: ask(url, key)) for url in (one, two)]

    assert took <= 2.0  # up to a second of trust in what was seen, then up to one to be refused
    assert (refused, readiness, alive) == (503, 503, 200)
    assert answered <= 1.0
    assert max(back) <= 3.0
    assert all(PASSWORD not in log.read_text() for log in logs)
    assert "the control database is back" in logs[0].read_text()


def test_gateway_does_not_start_on_a_database_that_was_not_migrated(shared):
    _, root, _ = shared
    server = postgres_server()
    settings = prepare(root / "three", 1)
    place = control_place(root)
    address = server.make_database("never_migrated")

    started = subprocess.run(
        [sys.executable, "-m", "ingress"],
        env=environment(settings, place) | {"TAILNUMBER_CONTROL_DATABASE": address},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert started.returncode == 2
    assert "127.0.0.1/never_migrated has no tables yet" in started.stderr
    assert "run: tailnumber control migrate" in started.stderr
    assert "Traceback" not in started.stderr
