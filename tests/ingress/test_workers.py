"""Several processes behind one socket: each with its own journal, none missed when one dies."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from running_gateway import prepare

from ingress.recording.recovery import adopt

ROOT = Path(__file__).resolve().parents[2]


def environment(settings, **more):
    given = {
        "TAILNUMBER_DATA_DIR": settings.data_dir,
        "TAILNUMBER_POLICY_FILE": settings.policy_file,
        "TAILNUMBER_PUBSUB_ADDRESS": "127.0.0.1:1",
        "TAILNUMBER_PORT": 0,
        "TAILNUMBER_JOURNAL_FREE_BYTES_MIN": 0,
        "TAILNUMBER_MASKING_ENGINE": "portable",
        "TAILNUMBER_WORKERS": 2,
        "PYTHONPATH": ROOT,
        **more,
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TAILNUMBER_")}
    return kept | {name: str(value) for name, value in given.items()}


@contextlib.contextmanager
def gateway(settings):
    process = subprocess.Popen(
        [sys.executable, "-m", "ingress"],
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def healthy(url: str) -> bool:
    with urllib.request.urlopen(url + "/healthz", timeout=5) as answer:
        return answer.status == 200


def writers(settings) -> list[str]:
    journal = settings.data_dir / "journal"
    return sorted(path.name for path in journal.iterdir() if not path.name.startswith("."))


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.slow
def test_workers_have_a_journal_each_and_a_dead_one_is_replaced(tmp_path, upstream):
    settings = prepare(tmp_path, upstream.port)

    with gateway(settings) as (process, ready):
        before = writers(settings)
        killed, other = ready["workers"]
        os.kill(killed, signal.SIGKILL)
        during = [healthy(ready["url"]) for _ in range(20)]
        deadline = time.monotonic() + 20
        # A journal that was taken over stays until it is published, which is never here.
        while len(writers(settings)) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        after = writers(settings)

    assert len(before) == 2
    assert all(during)
    assert len(set(after) - set(before)) == 1
    assert process.returncode == 0
    assert not alive(other)
    closed = [orphan.closed for orphan in adopt(settings.data_dir / "journal", "none")]
    assert sorted(closed) == [False, True, True]


@pytest.mark.slow
def test_workers_that_cannot_start_end_the_whole_with_their_words(tmp_path, upstream):
    settings = prepare(tmp_path, upstream.port)
    settings.policy_file.write_text("version: 1\nconections: {}\n")

    done = subprocess.run(
        [sys.executable, "-m", "ingress"],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "policy.yaml:2:1: unknown key 'conections'" in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_workers_end_with_their_parent(tmp_path, upstream):
    with gateway(prepare(tmp_path, upstream.port)) as (process, ready):
        process.kill()
        deadline = time.monotonic() + 20
        while any(alive(pid) for pid in ready["workers"]) and time.monotonic() < deadline:
            time.sleep(0.1)

        assert not any(alive(pid) for pid in ready["workers"])
