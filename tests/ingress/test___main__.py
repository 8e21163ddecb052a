"""The process itself: how it starts, why it cannot, and what a successor makes of its death."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from canaries import Scanner
from fake_upstream import chat_frame, stream, whole
from journal_tools import assert_chain_holds
from running_gateway import CREDENTIAL, Reading, prepare

import ingress.__main__ as entry
from ingress.app import build_rules, read_policy
from ingress.errors import IngressError
from ingress.recording.recovery import adopt
from schemas.message import parse_message

ROOT = Path(__file__).resolve().parents[2]
TEXT = "".join(f"word {number} " for number in range(3))


def environment(settings, **more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TAILNUMBER_")}
    given = {
        "TAILNUMBER_DATA_DIR": settings.data_dir,
        "TAILNUMBER_POLICY_FILE": settings.policy_file,
        "TAILNUMBER_PUBSUB_ADDRESS": "127.0.0.1:1",
        "TAILNUMBER_PORT": 0,
        "TAILNUMBER_JOURNAL_FREE_BYTES_MIN": 0,
        "TAILNUMBER_MASKING_ENGINE": "portable",
        "PYTHONPATH": ROOT,
        **more,
    }
    return kept | {name: str(value) for name, value in given.items() if value is not None}


def start(settings, **more):
    process = subprocess.Popen(
        [sys.executable, "-m", "ingress"],
        env=environment(settings, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    assert line, process.communicate(timeout=10)
    return process, json.loads(line)


def refused(settings, **more):
    return subprocess.run(
        [sys.executable, "-m", "ingress"],
        env=environment(settings, **more),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_a_killed_gateways_interactions_are_closed_with_what_was_delivered(tmp_path, upstream):
    settings = prepare(tmp_path, upstream.port)
    reading = Reading(settings.data_dir)
    frames = [chat_frame(f"word {number} ") for number in range(100)]
    upstream.scenarios["crash"] = stream(frames, 0.05)
    process, ready = start(settings)

    # The client stays until the gateway is dead: one that leaves is recorded as having left.
    with _stream_until(ready["url"], reading.key("ada"), b"word 2 ") as got:
        process.kill()
        process.communicate()
    successor, _ = start(settings)
    successor.kill()
    successor.communicate()

    # Nothing was published, so both writers' journals still stand.
    first, second = _writers(settings.data_dir, reading)
    requested = next(e for e in first.values() if e.event_type == "interaction.requested")
    failed = next(e for e in second.values() if e.event_type == "interaction.failed")
    assert failed.reason_code == "interrupted"
    assert failed.interaction_id == requested.interaction_id
    assert failed.principal.subject == "ada"
    delivered = second.text(failed.completion_part_ids)
    assert delivered.startswith(TEXT)
    assert got in b"".join(frames)
    assert delivered.startswith("".join(f"word {n} " for n in range(got.count(b"\n\n"))))
    closed = [e for e in second.values() if e.event_type == "writer.closed"]
    assert [(e.closed_writer_id, e.reason) for e in closed] == [(first.writer_id, "interrupted")]
    assert closed[0].last_sequence == len(first.messages) - 1
    reading.close()


def test_it_says_where_it_listens_answers_and_stops_at_once(tmp_path, upstream):
    process, ready = start(prepare(tmp_path, upstream.port))

    with urllib.request.urlopen(ready["url"] + "/healthz", timeout=5) as answer:
        assert json.load(answer) == {"status": "ok"}
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=15)

    assert ready["pid"] == process.pid
    assert time.monotonic() - began < 6


def test_a_port_in_use_is_one_sentence_and_exit_2(tmp_path, upstream):
    settings = prepare(tmp_path, upstream.port)

    done = refused(settings, TAILNUMBER_PORT=upstream.port)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"port {upstream.port} on 127.0.0.1 cannot be used" in done.stderr


def test_a_bad_policy_is_told_with_line_and_column_and_exit_2(tmp_path, upstream):
    settings = prepare(tmp_path, upstream.port)
    settings.policy_file.write_text("version: 1\nconections: {}\n")

    done = refused(settings)

    assert done.returncode == 2
    assert "policy.yaml:2:1: unknown key 'conections'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_one_sentence_and_exit_2(monkeypatch, capsys):
    monkeypatch.setattr(os, "environ", {"TAILNUMBER_PROT": "1"})
    monkeypatch.setattr(entry, "configure_logging", lambda: None)

    assert entry.main() == 2
    assert "unknown setting TAILNUMBER_PROT" in capsys.readouterr().err


@pytest.mark.parametrize("text", [None, "[[rules", '[[rules]]\nid = "x"\nregex = "("\n'])
def test_a_missing_or_broken_rule_file_keeps_it_from_starting(tmp_path, text):
    settings = prepare(tmp_path, 1)
    (tmp_path / "tiny.toml").unlink()
    if text is not None:
        (tmp_path / "tiny.toml").write_text(text)

    with pytest.raises(IngressError, match=r"tiny\.toml"):
        build_rules(read_policy(settings.policy_file), settings, bytes(32))


class Writer:
    """One writer's journal as its successor would read it."""

    def __init__(self, orphan, reading):
        self.writer_id = orphan.writer_id
        self._reading = reading
        self.messages = [data for kind, data in orphan.messages() if kind == "event"]
        assert_chain_holds(self.messages)

    def values(self):
        return [parse_message(data).event for data in self.messages]

    def text(self, part_ids):
        texts = self._reading.texts(self.messages)
        return "".join(texts[part_id] for part_id in part_ids)


def _writers(data_dir, reading):
    orphans = sorted(adopt(data_dir / "journal", "reader"), key=lambda orphan: orphan.writer_id)
    try:
        return [Writer(orphan, reading) for orphan in orphans]
    finally:
        for orphan in orphans:
            orphan.close()


@contextlib.contextmanager
def _stream_until(url, key, text):
    host, port = url.removeprefix("http://").split(":")
    body = b'{"stream":true,"messages":[{"role":"user","content":"hi"}]}'
    head = (
        f"POST /chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"X-Session-Id: crash\r\nX-Scenario: crash\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        got = b""
        while text not in got:
            piece = connection.recv(65536)
            assert piece, got
            got += piece
        # HTTP/1.1 frames in chunks: what is left without their sizes is the stream.
        chunks = got.partition(b"\r\n\r\n")[2].split(b"\r\n")
        yield b"".join(chunk for chunk in chunks if chunk.startswith(b"data:"))


@pytest.mark.slow
def test_credential_is_in_no_environment_argument_dump_log_or_file(tmp_path, upstream):
    settings = prepare(tmp_path, upstream.port)
    reading = Reading(settings.data_dir)
    upstream.scenarios["dump"] = whole(f"<{CREDENTIAL}>".encode(), "500 Oops")
    process, ready = start(settings)
    try:
        request = urllib.request.Request(
            f"{ready['url']}/chat/completions",
            b'{"messages":[{"role":"user","content":"hi"}]}',
            {"Authorization": f"Bearer {reading.key('ada')}", "X-Scenario": "dump"},
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        told = caught.value.read() + str(caught.value.headers).encode()
        caught.value.close()

        proc = Path(f"/proc/{process.pid}")
        assert "Max core file size        0                    0" in (proc / "limits").read_text()
        known = [told, *((proc / name).read_bytes() for name in ("environ", "cmdline"))]
    finally:
        process.terminate()
        out, err = process.communicate(timeout=20)
    scanner = Scanner([CREDENTIAL])
    for data in (*known, out.encode(), err.encode()):
        assert scanner.found(data) == set()
    assert scanner.found_below(settings.data_dir) == {}
    assert upstream.of("dump")[0].header("authorization") == f"Bearer {CREDENTIAL}"
