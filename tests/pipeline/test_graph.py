"""The whole path in one process: messages in, rows and dead letters in the warehouse."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from audit_messages import Writer, example, message, overflow, sealed
from google.api_core import exceptions
from google.cloud import bigquery
from local_warehouse import Warehouse, ask

from pipeline import connections, steps
from pipeline.decode import Incoming
from pipeline.driver import run_graph
from pipeline.errors import WarehouseError
from pipeline.graph import build
from pipeline.options import Places
from pipeline.read import ReadHeld, held
from pipeline.refresh import Sources
from pipeline.tables import apply_contract

CANARY = b"canary-prompt-7f3a"


@pytest.fixture(autouse=True)
def fresh_connections() -> Iterator[None]:
    yield
    connections.forget()


@pytest.fixture
def client(warehouse: Warehouse) -> bigquery.Client:
    client = warehouse.client()
    apply_contract(client)
    return client


def _places(warehouse: Warehouse, client: bigquery.Client, **more: Any) -> Places:
    return Places(client.project, warehouse.storage, watch_chain=True, **more)


def _incoming(*data: bytes) -> list[Incoming]:
    now = datetime.now(UTC)
    return [Incoming(each, f"m{n}", now) for n, each in enumerate(data)]


def _count(client: bigquery.Client, table: str) -> int:
    return ask(client, f"SELECT COUNT(*) AS n FROM `{table}`")[0]["n"]


def _letters(client: bigquery.Client) -> list[tuple[str, str]]:
    rows = ask(client, "SELECT stage, reason_code FROM audit.dead_letters ORDER BY message_id")
    return [(row["stage"], row["reason_code"]) for row in rows]


def test_events_reach_their_tables(warehouse: Warehouse, client: bigquery.Client) -> None:
    writer = Writer()
    messages = [*writer.messages(3), message(example("access.denied.1.no_key.pass.json"))]

    run_graph(_incoming(*messages), _places(warehouse, client))

    assert _count(client, "audit.events") == 4
    assert _count(client, "audit.interactions") == 3
    assert _count(client, "content.parts_v1") == 3
    assert _count(client, "audit.access_denials") == 1
    assert _letters(client) == []


@pytest.mark.slow
def test_rows_that_were_loaded_are_counted_per_table(
    warehouse: Warehouse, client: bigquery.Client
) -> None:
    places = _places(warehouse, client)
    with held(_incoming(*Writer().messages(2))) as number:
        pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([]))  # type: ignore[no-untyped-call]
        build(pipeline | ReadHeld(number), places)
        result = pipeline.run()
        result.wait_until_finish()

    counters = result.metrics().query(MetricsFilter().with_namespace(steps.METRICS))["counters"]
    counts = {counter.key.metric.name: counter.result for counter in counters}
    assert counts["audit.events_v1.row.count"] == 2
    assert counts["content.parts_v1.row.count"] == 2


def test_poison_becomes_a_dead_letter_and_the_rest_flows(
    warehouse: Warehouse, client: bigquery.Client
) -> None:
    writer = Writer()
    forged = message(writer.record(sequence=99)).replace(b"acme/payments", b"acme/paymentz")
    messages = [b"\xff" + CANARY, *writer.messages(1), message({"canary": 1}), forged]

    run_graph(_incoming(*messages), _places(warehouse, client))

    assert _letters(client) == [
        ("decode", "message_malformed"),
        ("decode", "record_invalid"),
        ("verify", "record_hash_mismatch"),
    ]
    assert _count(client, "audit.events") == 1


def test_delivery_twice_shows_once(warehouse: Warehouse, client: bigquery.Client) -> None:
    messages = _incoming(*Writer().messages(2), b"poison")
    places = _places(warehouse, client)

    run_graph(messages, places)
    run_graph(messages, places)

    assert _count(client, "audit.events_v1") == 4
    for view, count in (("events", 2), ("interactions", 2), ("dead_letters", 1)):
        assert _count(client, f"audit.{view}") == count
    assert _count(client, "content.parts") == 1, "one text of one session"


def test_rows_are_enriched_from_files_that_change_between_batches(
    warehouse: Warehouse, client: bigquery.Client, tmp_path: Path
) -> None:
    people, prices = tmp_path / "people.csv", tmp_path / "prices.csv"
    people.write_text("email,department\nada@acme.example,Payments\n")
    prices.write_text("model,input_price,output_price,currency\n*,2.5,10,USD\n")
    places = _places(warehouse, client, sources=Sources(str(people), None, str(prices)))
    completed = example("interaction.completed.1.tool_call.pass.json")
    who = {**completed["principal"], "email": "ada@acme.example"}
    tokens = {"principal": who, "input_tokens": 3, "output_tokens": 1, "cached_tokens": None}

    first = run_graph(_incoming(message({**completed, **tokens})), places)
    people.write_text("email,department\nben@acme.example,Web\n")
    second = run_graph(_incoming(*Writer().messages(2)), places)

    assert (first, second) == ({}, {"directory": 2})
    rows = ask(
        client,
        "SELECT status, department, cost_amount, cost_currency FROM audit.interactions "
        "WHERE requested_at >= TIMESTAMP '2020-01-01' ORDER BY status, department",
    )
    nobody = {"department": None, "cost_amount": None, "cost_currency": None}
    paid = {"department": "Payments", "cost_amount": Decimal("0.0000175"), "cost_currency": "USD"}
    assert rows == [
        {"status": "completed", **paid},
        {"status": "requested", **nobody},
        {"status": "requested", **nobody},
    ]
    assert _letters(client) == []


def test_gap_in_a_chain_is_told_and_its_event_is_loaded(
    warehouse: Warehouse, client: bigquery.Client
) -> None:
    first, _lost, third = Writer().messages(3)

    run_graph(_incoming(first, third), _places(warehouse, client))

    assert _letters(client) == [("verify", "chain_gap")]
    assert _count(client, "audit.events") == 2


def test_last_stage_of_an_interaction_shows(warehouse: Warehouse, client: bigquery.Client) -> None:
    requested = Writer().record()
    completed = example("interaction.completed.1.minimal.pass.json")
    shared = ("interaction_id", "requested_at", "session_id", "principal")
    completed.update({name: requested[name] for name in shared})

    run_graph(
        _incoming(message(completed), message(requested, sealed(b"sealed"))),
        _places(warehouse, client),
    )

    assert ask(client, "SELECT status FROM audit.interactions") == [{"status": "completed"}]
    assert _count(client, "audit.interactions_v1") == 2


def test_text_that_travels_apart_is_stored(warehouse: Warehouse, client: bigquery.Client) -> None:
    record = Writer().record(b"long")

    run_graph(
        _incoming(message(record), overflow(record, sealed(b"long"))), _places(warehouse, client)
    )

    assert ask(client, "SELECT ciphertext FROM content.parts") == [{"ciphertext": b"long"}]


def test_row_that_the_warehouse_refuses_is_a_dead_letter(
    warehouse: Warehouse, client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.write.ROW_BYTES_MAX", 10_000)
    writer = Writer()
    big = writer.record(file_paths=["x" * 12_000], parts=[])

    run_graph(_incoming(message(big), *writer.messages(1)), _places(warehouse, client))

    assert _letters(client) == [("load", "row_too_large")]
    assert _count(client, "audit.events") == 1
    assert ask(client, "SELECT sequence, event_type FROM audit.dead_letters") == [
        {"sequence": 0, "event_type": "interaction.requested"}
    ]


def test_step_that_breaks_refuses_its_message_without_its_words(
    warehouse: Warehouse, client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Incoming) -> None:
        raise KeyError(CANARY.decode())

    monkeypatch.setattr(steps, "decode", broken)

    run_graph(_incoming(*Writer().messages(1)), _places(warehouse, client))

    rows = ask(client, "SELECT stage, reason FROM audit.dead_letters")
    assert rows == [{"stage": "decode", "reason": "the step raised KeyError"}]


class FakePublisher:
    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.published: list[Any] = []

    def publish(self, *, topic: str, messages: Sequence[Any], **options: Any) -> None:
        assert options["timeout"] > 0
        if self.fails:
            raise exceptions.ServiceUnavailable("gone")
        self.published += [(topic, each.data, each.attributes["reason_code"]) for each in messages]


def test_refused_message_is_kept_whole_for_redrive(
    warehouse: Warehouse, client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = FakePublisher()
    monkeypatch.setattr(connections, "publisher", lambda _: publisher)
    topic = "projects/p/topics/audit-dead-letters"

    run_graph(_incoming(b"poison"), _places(warehouse, client, dead_letter_topic=topic))

    assert publisher.published == [(topic, b"poison", "message_malformed")]
    assert ask(client, "SELECT kept_in FROM audit.dead_letters") == [{"kept_in": topic}]


def test_message_that_cannot_be_kept_fails_the_batch(
    warehouse: Warehouse, client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "publisher", lambda _: FakePublisher(fails=True))
    places = _places(warehouse, client, dead_letter_topic="projects/p/topics/t")

    with pytest.raises(WarehouseError, match="the dead-letter topic took no message"):
        run_graph(_incoming(b"poison"), places)


def test_graph_reads_as_the_path_of_an_event() -> None:
    source = Path(steps.__file__).with_name("graph.py").read_text()
    labels = ["DecodeEvent", "VerifyEvent", "EnrichEvent", "RouteEvent", "LoadRows"]

    places = [source.index(f'"{label}"') for label in labels]

    assert places == sorted(places)
    assert len(source.splitlines()) <= 60
