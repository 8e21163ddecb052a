"""Nothing goes on before it is durable, seen from both sides of a gateway whose disk misbehaves."""

import json
import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from fake_transport import FakeTransport
from fake_upstream import DONE, FakeUpstream, chat_frame, stream
from faulty_files import FaultyFiles
from running_gateway import RunningGateway, prepare, stalled

from ingress.app import read_policy
from ingress.errors import PolicyError, PublishUnavailable
from ingress.recording.chunks import unpack_chunk
from ingress.recording.publisher import Message
from ingress.recording.segment import CHUNK, Frame, decode_header, walk


class TimedFiles(FaultyFiles):
    """A disk whose syncs take a while, and that notes when each was done."""

    def __init__(self) -> None:
        super().__init__()
        self.delay_seconds = 0.0
        self.synced_at: list[float] = []

    def fdatasync(self, descriptor: int) -> None:
        time.sleep(self.delay_seconds)
        super().fdatasync(descriptor)
        self.synced_at.append(time.monotonic())


@pytest.fixture(scope="module")
def files() -> TimedFiles:
    return TimedFiles()


@pytest.fixture(scope="module")
def slow(
    upstream: FakeUpstream, files: TimedFiles, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    root = tmp_path_factory.mktemp("slow")
    with RunningGateway(root, upstream.port, files=files, audit_wait_seconds=0.5) as running:
        # The first request of a principal makes a key, which has records of its own.
        _settled(running, "first")
        yield running


def test_the_upstream_sees_nothing_before_the_prompt_is_durable(slow, upstream, files):
    files.delay_seconds = 0.15
    before = len(files.synced_at)

    slow.chat("hi", session="order")
    files.delay_seconds = 0.0

    (seen,) = upstream.of("order")
    assert seen.at > files.synced_at[before]


def test_a_hanging_disk_refuses_in_time_and_service_comes_back(slow, upstream, files):
    with stalled(files):
        began = time.monotonic()
        answer = slow.chat("hi", session="hang")
        waited = time.monotonic() - began

    assert answer.status == 503
    assert answer.json["error"]["code"] == "audit_unavailable"
    assert answer.headers["x-github-request-id"]
    assert waited < 1.5
    assert upstream.of("hang") == []
    _until_served(slow, "after-hang")


@pytest.mark.parametrize("fault", ["full", "failing", "low"])
def test_a_broken_disk_refuses_at_once_and_service_comes_back(slow, upstream, files, fault):
    if fault == "full":
        files.capacity_bytes = 0
    elif fault == "failing":
        files.fail_syncs = 3
    else:
        files.free = -1
        time.sleep(0.6)

    began = time.monotonic()
    answers = [slow.chat("hi", session=f"disk-{fault}") for _ in range(2)]
    waited = time.monotonic() - began
    ready = slow.ask(None, "/readyz", method="GET")
    files.capacity_bytes, files.fail_syncs, files.free = None, 0, 1 << 50

    assert {answer.status for answer in answers} == {503}
    assert waited < 2
    assert ready.status in ({503} if fault != "failing" else {200, 503})
    assert upstream.of(f"disk-{fault}") == []
    _until_served(slow, f"after-{fault}")


def test_no_refusal_of_a_caller_is_told_before_it_is_recorded(slow, files):
    with stalled(files):
        assert slow.chat("hi", key="nonsense").status == 503
    _until_served(slow, "after-refusal")


def test_no_byte_of_a_stream_leaves_before_its_chunk_is_durable(slow, upstream, files):
    frames = [chat_frame(f"word {number} ") for number in range(4)]
    upstream.scenarios["durable"] = stream([*frames, DONE], 0.2)
    _settled(slow, "before-durable")
    files.delay_seconds = 0.08
    before = len(files.synced_at)

    answer = slow.chat("hi", stream=True, session="durable")
    files.delay_seconds = 0.0

    # Sync 0 holds the prompt, then one for each piece; each arrival is after its own.
    syncs = files.synced_at[before:]
    assert len(answer.pieces) >= 3
    for (arrived, _), synced in zip(answer.pieces, syncs[1:], strict=False):
        assert arrived > synced
    completed = slow.only_end("durable")
    opened = _opened_chunks(slow, completed)
    assert answer.body == b"".join(opened) + DONE
    assert slow.text_of(completed.completion_part_ids) == ["word 0 word 1 word 2 word 3 "]


def test_a_disk_that_fails_in_the_middle_ends_the_stream_and_the_end_is_recorded_later(
    slow, upstream, files
):
    frames = [chat_frame(f"word {number} ") for number in range(20)]
    upstream.scenarios["mid-disk"] = stream([*frames, DONE], 0.05)
    timer = threading.Timer(0.3, files.hung.clear)
    timer.start()
    try:
        answer = slow.chat("hi", stream=True, session="mid-disk")
    finally:
        timer.join()
        files.hung.set()

    assert b"[DONE]" not in answer.body
    assert b"audit_unavailable" in answer.body
    failed = slow.only_end("mid-disk")
    assert (failed.event_type, failed.reason_code) == ("interaction.failed", "audit_unavailable")
    (text,) = slow.text_of(failed.completion_part_ids)
    told = answer.body.partition(b"event: error")[0]
    assert told in b"".join(frames)
    assert text.startswith("".join(f"word {number} " for number in range(told.count(b"data:"))))


def test_a_bracketed_stream_goes_on_live_and_its_end_waits_for_the_record(slow, upstream, files):
    key = slow.reading.key("bob", "bracketed")
    upstream.scenarios["bracket"] = stream([chat_frame("live"), DONE], 0.05)
    slow.chat("warm up", session="bracket-first", key=key)
    files.delay_seconds = 0.1

    answer = slow.chat("hi", stream=True, session="bracket", key=key)
    files.delay_seconds = 0.0

    assert b"[DONE]" in answer.body
    completed = slow.only_end("bracket")
    assert completed.assurance == "bracket"
    assert slow.text_of(completed.completion_part_ids) == ["live"]
    assert answer.pieces[-1][0] - answer.pieces[0][0] > 0.1
    assert _opened_chunks(slow, completed) == []


def _settled(gateway, session):
    """Return once everything asked for is recorded, so that the next sync is the next request's."""
    gateway.chat("hi", session=session)
    gateway.events(session)


def _until_served(gateway, session):
    deadline = time.monotonic() + 5
    while gateway.chat("hi", session=session).status != 200:
        assert time.monotonic() < deadline, "service did not come back"
        time.sleep(0.05)


def _opened_chunks(gateway, event):
    found = []
    for path in sorted(gateway.settings.data_dir.glob("journal/*/*.segment")):
        data = path.read_bytes()
        for frame in walk(data, decode_header(data)[1]):
            if isinstance(frame, Frame) and frame.kind == CHUNK:
                chunk = unpack_chunk(data[frame.message_start : frame.end])
                if frame.interaction_id == event.interaction_id:
                    associated = f"{event.interaction_id}:{chunk.number}".encode()
                    opener = gateway.reading.opener
                    found.append(opener.open(chunk.key_id, chunk.ciphertext, associated))
    return found


BRACKETED = """\
version: 1
connections:
  copilot: {{kind: copilot, upstream: "http://127.0.0.1:{port}", credential: secret/copilot}}
masking: {{rules: [tiny.toml]}}
rules:
  - {{id: engineers, when: "'engineering' in principal.groups", effect: allow, assurance: bracket}}
"""


class Broker(FakeTransport):
    """Takes messages while it is up, and notes when it took the last ones."""

    def __init__(self) -> None:
        super().__init__()
        self.up = threading.Event()
        self.up.set()

    def publish(self, messages: Sequence[Message]) -> None:
        if not self.up.wait(2):
            raise PublishUnavailable("unavailable")
        super().publish(messages)


def test_without_a_lasting_disk_nothing_goes_on_that_the_broker_has_not_taken(upstream, tmp_path):
    gateway = RunningGateway(
        tmp_path, upstream.port, policy=BRACKETED, durable="pubsub", audit_wait_seconds=0.5
    )
    broker = gateway.transport = Broker()
    with gateway as running:
        _settled(running, "cloud-first")

        def told() -> list[str]:
            records = [json.loads(data)["record"] for data in running.events_raw()]
            return [r["event_type"] for r in records if r.get("session_id") == "cloud"]

        assert running.chat("hi", stream=True, session="cloud").status == 200
        assert told() == ["interaction.requested", "interaction.completed"]

        broker.up.clear()
        began = time.monotonic()
        answer = running.chat("hi", session="cloud-away")
        assert (answer.status, answer.json["error"]["code"]) == (503, "audit_unavailable")
        assert time.monotonic() - began < 1.5
        assert upstream.of("cloud-away") == []
        broker.up.set()
        _until_served(running, "cloud-after")


def test_promise_that_needs_a_lasting_disk_is_refused_with_the_way_out(tmp_path):
    settings = prepare(tmp_path, 1, durable="pubsub")

    with pytest.raises(PolicyError, match=r"rule engineers: .* write assurance: bracket") as caught:
        read_policy(settings.policy_file, settings.durable)
    assert len(caught.value.problems) == 1  # neither the refusing rule nor the bracketed one
