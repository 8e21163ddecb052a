"""The pipeline as a process: from Pub/Sub to rows, through crashes, without a text in clear."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from audit_messages import Writer, message, part, sealed
from google.cloud import bigquery
from local_warehouse import Warehouse, ask
from pubsub_servers import Client, Server

from pipeline.__main__ import main

TOPIC = "audit-events"
WAIT_SECONDS = 20


@pytest.fixture(scope="module")
def pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    server = Server(tmp_path_factory.mktemp("pubsub") / "messages.sqlite")
    client = Client(server.address)
    yield client
    client.close()
    server.end(signal.SIGTERM)


class Pipeline:
    """The process, and what it said."""

    def __init__(self, project: str, pubsub: str, warehouse: Warehouse, *more: str) -> None:
        command = [sys.executable, "-m", "pipeline", "run", "--project", project, "--topic", TOPIC]
        command += ["--pubsub", pubsub, "--bigquery", warehouse.bigquery]
        command += ["--storage", warehouse.storage, *more]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        _, self.log = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode


def _until(condition: Callable[[], Any]) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < WAIT_SECONDS, "it did not come"
        time.sleep(0.05)
    return time.monotonic() - started


def _sequences(client: bigquery.Client, table: str = "audit.events") -> list[int]:
    return [row["sequence"] for row in ask(client, f"SELECT sequence FROM {table} ORDER BY 1")]


@pytest.mark.slow
def test_crash_between_load_and_acknowledgement_loses_nothing(
    warehouse: Warehouse, pubsub: Client
) -> None:
    client = warehouse.client()
    topic = f"projects/{client.project}/topics/{TOPIC}"
    # The subscription must be there before the messages; its lease is short, for the second run.
    pubsub.publisher.create_topic(name=topic)
    pubsub.subscriber.create_subscription(
        name=f"projects/{client.project}/subscriptions/audit-events-pipeline",
        topic=topic,
        ack_deadline_seconds=10,
    )
    writer = Writer()
    pubsub.publish(topic, *writer.messages(3))

    first = Pipeline(client.project, pubsub.address, warehouse, "--fault-at", "after_load")
    assert first.wait() == -signal.SIGKILL
    assert _sequences(client) == [0, 1, 2]

    second = Pipeline(client.project, pubsub.address, warehouse)
    pubsub.publish(topic, *writer.messages(2), b"poison")
    _until(lambda: _sequences(client, "audit.events_v1") == [0, 0, 1, 1, 2, 2, 3, 4])
    assert second.end() == 0

    assert _sequences(client) == [0, 1, 2, 3, 4]
    assert ask(client, "SELECT stage FROM audit.dead_letters") == [{"stage": "decode"}]


@pytest.mark.slow
def test_row_answers_a_query_soon_and_nothing_is_said_of_it(
    warehouse: Warehouse, pubsub: Client
) -> None:
    client = warehouse.client()
    running = Pipeline(client.project, pubsub.address, warehouse)
    topic = f"projects/{client.project}/topics/{TOPIC}"
    writer = Writer()
    pubsub.publish(topic, *writer.messages(1))
    _until(lambda: _sequences(client) == [0])

    sealed_text = b"canary-sealed-4b1d"
    record = writer.record(sealed_text, parts=[part(sealed_text)], path="/canary-path")
    pubsub.publish(topic, message(record, sealed(sealed_text)), b"canary-poison")
    seconds = _until(lambda: _sequences(client) == [0, 1])
    _until(lambda: ask(client, "SELECT stage FROM audit.dead_letters"))
    kept = pubsub.pull(f"projects/{client.project}/subscriptions/audit-dead-letters")

    assert running.end(signal.SIGINT) == 0
    assert seconds < 2
    assert [each.message.data for each in kept] == [b"canary-poison"]
    assert "canary" not in running.log
    events = [json.loads(line)["event"] for line in running.log.splitlines()]
    assert set(events) == {"batch_loaded"}


def test_warehouse_that_is_away_is_said_in_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.tables._RETRY", None)

    code = main(["run", "--project", "p", "--bigquery", "http://127.0.0.1:1"])

    assert code == 2
    assert capsys.readouterr().err.startswith("pipeline: cannot start: ")


def test_stream_without_its_places_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stream", "--project", "proj-test"]) == 2
    assert "--subscription" in capsys.readouterr().err


def test_stream_builds_the_same_graph() -> None:
    import apache_beam as beam

    from pipeline.options import AuditOptions
    from pipeline.streaming import compose

    options = AuditOptions(
        ["--subscription", "s", "--dead_letter_topic", "t", "--project", "proj-test", "--streaming"]
    )
    pipeline = beam.Pipeline(runner="FnApiRunner", options=options)
    compose(pipeline, options, "proj-test")
    labels: list[str] = []

    class Visitor(beam.pipeline.PipelineVisitor):
        def visit_transform(self, node: Any) -> None:
            labels.append(node.full_label.split("/")[0])

    pipeline.visit(Visitor())
    steps = ["DecodeEvent", "VerifyEvent", "EnrichEvent", "RouteEvent", "LoadRows"]
    assert [label for label in dict.fromkeys(labels) if label in steps] == steps
    assert "ReadMessages" in labels


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    assert "stream" in capsys.readouterr().out


def test_source_that_cannot_be_read_is_said_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_text("model,input_price,output_price,currency\nm,cheap,1,USD\n")

    assert main(["run", "--project", "p", "--prices", str(prices)]) == 2

    assert capsys.readouterr().err == (
        "pipeline: cannot start: prices.csv, line 2: input_price is not a number such as 2.50, "
        "at most 1,000,000\n"
    )
