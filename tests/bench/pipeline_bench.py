# ruff: noqa: E402, T201  (the path comes before the imports; figures go to standard output)
"""Events per second from message bytes to encoded rows, in one process, with and without steps.

``python tests/bench/pipeline_bench.py [--events N] [--repeat N]``; prints one JSON line per way: the
best of its runs, in CPU time of the process, which neighbours on the machine move least. All events
have 4 KiB.

Enrichment has a directory of 10,000 people, 200 patterns of repositories and 50 of models.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]

import apache_beam as beam
import msgspec
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from audit_messages import Writer, example, message, sealed

from pipeline import connections, graph, steps
from pipeline.decode import Incoming, decode
from pipeline.enrich import Enriched, Knowledge, enrich
from pipeline.enrichment.directory import read_directory
from pipeline.enrichment.prices import read_prices
from pipeline.enrichment.repositories import read_repositories
from pipeline.options import Places
from pipeline.read import ReadHeld, held
from pipeline.rows import rows
from pipeline.verify import verify

EVENT_BYTES = 4096
NOW = datetime.now(UTC)


def with_text(count: int) -> list[Incoming]:
    """Events of 4 KiB whose size is a sealed text: decode, hash and store it too."""
    size = 0
    while len(next(Writer().messages(1, b"x" * size))) < EVENT_BYTES - 4:
        size += 3
    return _incoming(Writer().messages(count, b"x" * size))


def without_text(count: int) -> list[Incoming]:
    """Events of 4 KiB that are all record: file paths fill them."""
    writer = Writer()
    paths = [f"src/module_{n:03}/handler.py" for n in range(88)]
    return _incoming(
        message(writer.record(parts=[], prompt_part_ids=[], file_paths=paths)) for _ in range(count)
    )


def completed(count: int) -> list[Incoming]:
    """Events of 4 KiB that end an interaction: tokens to price, a tool call, a sealed text."""
    writer = Writer()
    template = example("interaction.completed.1.tool_call.pass.json")
    own = ("writer_id", "sequence", "previous_hash", "event_id", "interaction_id", "parts")
    text = b"x" * 1222
    records = (
        {**template, **{n: r[n] for n in own}}
        for r in (writer.record(text, completion_part_ids=[]) for _ in range(count))
    )
    return _incoming(message(record, sealed(text)) for record in records)


def _incoming(messages) -> list[Incoming]:
    return [Incoming(data, str(n), NOW) for n, data in enumerate(messages)]


def plain_msgspec(messages: list[Incoming]) -> int:
    """Only parse JSON into untyped values: the floor."""
    decoder = msgspec.json.Decoder()
    for each in messages:
        decoder.decode(each.data)
    return 0


def knowledge() -> Knowledge:
    """Sources of a company's size; the bench's events are in each."""
    people = "".join(
        f"u{n},u{n}@acme.example,Engineering,boss@acme.example\n" for n in range(10_000)
    )
    known = "00u1ada,ada@acme.example,Payments,grace@acme.example\n"
    repositories = "".join(f"other/team-{n}-*,team-{n},low\n" for n in range(200))
    prices = "".join(f"other-{n}-*,1,2,EUR\n" for n in range(50))
    return Knowledge(
        read_directory(f"subject,email,department,manager_email\n{people}{known}".encode(), "d"),
        read_repositories(
            f"repository,owner,criticality\n{repositories}*,all,high\n".encode(), "r"
        ),
        read_prices(
            f"model,input_price,output_price,currency\n{prices}*,2.5,10,EUR\n".encode(), "p"
        ),
    )


def plain_loop(messages: list[Incoming], *, verified: bool, known: Knowledge | None) -> int:
    """The steps without Beam."""
    encoders = connections.encoders()
    count = 0
    for each in messages:
        event = decode(each)
        if verified:
            verify(event)
        for table, row in rows(enrich(event, NOW, known) if known else Enriched(event, NOW)):
            encoders[table].encode(row)
            count += 1
    return count


class _Count(beam.DoFn):
    total = 0

    def process(self, batch) -> None:
        for encoded in batch:
            _Count.total += len(encoded.rows)


class _Stamp(steps.EnrichEvent):
    """Give the event its time and nothing else."""

    def run(self, element, _exits):
        return Enriched(element, self._loaded_at)


def beam_graph(messages: list[Incoming], *, verified: bool, known: Knowledge | None) -> int:
    """The steps as the graph runs them."""
    _Count.total = 0
    places = Places("bench", watch_chain=True)
    # What would come from files, put where the step finds it.
    connections.known(places.sources)._knowledge = known or Knowledge()
    with held(messages) as number:
        pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([]))
        source = pipeline | ReadHeld(number)
        wanted = [steps.DecodeEvent()]
        wanted += [steps.VerifyEvent(places)] if verified else []
        wanted += [steps.EnrichEvent(places) if known else _Stamp(places), steps.RouteEvent()]
        for step in wanted:
            source = (source | type(step).__name__ >> graph._step(step)).ok
        source | beam.ParDo(_Count())
        pipeline.run().wait_until_finish()
    connections.forget()
    return _Count.total


def _measure(run: Callable, messages: list[Incoming], repeat: int, **facts) -> None:
    run(messages[:100])
    best = float("inf")
    for _ in range(repeat):
        started = time.process_time()
        rows_count = run(messages)
        best = min(best, time.process_time() - started)
    speed = {
        "events_per_cpu_second": round(len(messages) / best),
        "us_per_event": round(best / len(messages) * 1e6, 1),
        "rows": rows_count,
    }
    print(json.dumps({**facts, "event_bytes": len(messages[0].data), **speed}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    known = knowledge()
    for events, make in (
        ("sealed text", with_text),
        ("completed", completed),
        ("88 paths", without_text),
    ):
        messages = make(options.events)
        _measure(plain_msgspec, messages, options.repeat, way="parse", events=events)
        for way in (plain_loop, beam_graph):
            for verified, enriched in ((False, None), (True, None), (False, known), (True, known)):
                run = partial(way, verified=verified, known=enriched)
                facts = {"verified": verified, "enriched": enriched is not None}
                _measure(run, messages, options.repeat, way=way.__name__, events=events, **facts)


if __name__ == "__main__":
    main()
