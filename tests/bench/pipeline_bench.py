# ruff: noqa: E402, T201  (the path comes before the imports; figures go to standard output)
"""Events per second from message bytes to encoded rows, in one process, beside a plain loop.

``python tests/bench/pipeline_bench.py [--events N]``; prints one JSON line per way. Run it on a
quiet machine: the figures are CPU-bound.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]

import apache_beam as beam
import msgspec
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from audit_messages import Writer, message

from pipeline import connections, steps
from pipeline.decode import Incoming, decode
from pipeline.enrich import enrich
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
    paths = [f"src/module_{n:03}/handler.py" for n in range(66)]
    return _incoming(
        message(writer.record(parts=[], prompt_part_ids=[], file_paths=paths)) for _ in range(count)
    )


def _incoming(messages) -> list[Incoming]:
    return [Incoming(data, str(n), NOW) for n, data in enumerate(messages)]


def plain_msgspec(messages: list[Incoming]) -> int:
    """Only parse JSON into untyped values: the floor."""
    decoder = msgspec.json.Decoder()
    for each in messages:
        decoder.decode(each.data)
    return 0


def plain_loop(messages: list[Incoming]) -> int:
    """The four steps without Beam."""
    encoders = connections.encoders()
    count = 0
    for each in messages:
        event = decode(each)
        verify(event)
        for table, row in rows(enrich(event, NOW)):
            encoders[table].encode(row)
            count += 1
    return count


class _Count(beam.DoFn):
    total = 0

    def process(self, encoded) -> None:
        _Count.total += len(encoded.rows)


def beam_graph(messages: list[Incoming]) -> int:
    """The four steps as the graph runs them."""
    _Count.total = 0
    with held(messages) as number:
        pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([]))
        source = pipeline | ReadHeld(number)
        for step in (
            steps.DecodeEvent(),
            steps.VerifyEvent(connections_places()),
            steps.EnrichEvent(),
            steps.RouteEvent(),
        ):
            label = type(step).__name__
            source = (source | label >> beam.ParDo(step).with_outputs(steps.REFUSED, main="ok")).ok
        source | beam.ParDo(_Count())
        pipeline.run().wait_until_finish()
    return _Count.total


def connections_places():
    from pipeline.options import Places

    return Places("bench", watch_chain=True)


def _measure(name: str, events: str, run: Callable, messages: list[Incoming]) -> None:
    run(messages[:100])
    started = time.perf_counter()
    rows_count = run(messages)
    seconds = time.perf_counter() - started
    print(
        json.dumps(
            {
                "way": name,
                "events": events,
                "event_bytes": len(messages[0].data),
                "events_per_second": round(len(messages) / seconds),
                "us_per_event": round(seconds / len(messages) * 1e6, 1),
                "rows": rows_count,
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    count = parser.parse_args().events
    for events, messages in (("record", without_text(count)), ("sealed text", with_text(count))):
        for run in (plain_msgspec, plain_loop, beam_graph):
            _measure(run.__name__, events, run, messages)


if __name__ == "__main__":
    main()
