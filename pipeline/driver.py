"""Drive the graph on one machine in small batches: pull, run, load, and only then acknowledge.

Beam's own streaming runner for one machine acknowledges before it processes, so a crash loses
messages. Here a crash at any point means redelivery: rows may be written twice, which the views
hide, and none is lost. A batch that cannot be loaded is held and tried again; nothing overtakes it.
"""

# mypy: disable-error-code="no-untyped-call"
# Beam leaves most of its calls unannotated.

import json
import logging
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import apache_beam as beam
from apache_beam.metrics.metric import MetricResults, MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from google.api_core import exceptions

from pipeline import connections, steps
from pipeline.decode import Incoming
from pipeline.errors import PipelineError
from pipeline.graph import build
from pipeline.options import Places
from pipeline.read import ReadHeld, held
from pipeline.refresh import Sources
from pipeline.source import Delivery, Subscription

logger = logging.getLogger(__name__)

# Pauses between attempts at a batch, or at a Pub/Sub that is away.
BACKOFF_FIRST_SECONDS: Final = 0.2
BACKOFF_MAX_SECONDS: Final = 5.0

# Where a test may end the process, as if its machine had died there.
FAULTS: Final = ("before_load", "after_load", "after_ack")

# Loads a batch; returns how many answers each source of enrichment did not have.
Load = Callable[[Sequence[Incoming]], Mapping[str, int]]


def run_graph(messages: Sequence[Incoming], places: Places) -> Mapping[str, int]:
    """Run the graph over a batch; when it returns, every row is durable.

    Returns:
        How many answers each source did not have, for the sources that lacked some.

    Raises:
        WarehouseError: BigQuery or the dead-letter topic did not take what is theirs.
    """
    with held(messages) as number:
        pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([]))
        build(pipeline | "ReadMessages" >> ReadHeld(number), places)
        result = pipeline.run()
        result.wait_until_finish()
    return _missing(result.metrics()) if places.sources.named() else {}


def _missing(metrics: MetricResults) -> Mapping[str, int]:
    counters = metrics.query(MetricsFilter().with_namespace(steps.METRICS))["counters"]
    names = {steps.missing_metric(source): source for source in Sources().__slots__}
    return {
        names[counter.key.metric.name]: counter.result
        for counter in counters
        if counter.key.metric.name in names
    }


def warm_up(places: Places) -> None:
    """Run the graph over nothing: what is made once must not delay the first event (0.9 s)."""
    connections.encoders()
    run_graph((), places)


class Driver:
    """Move batches from a subscription through the graph until told to stop."""

    def __init__(
        self,
        subscription: Subscription,
        load: Load,
        stop: threading.Event,
        *,
        alive: Callable[[], None] = lambda: None,
        fault_at: str | None = None,
    ) -> None:
        """Prepare to work; ``alive`` is called in each round and at each attempt at a batch."""
        self._subscription = subscription
        self._load = load
        self._stop = stop
        self._alive = alive
        self._fault_at = fault_at

    def run(self) -> None:
        """Work until the stop event is set; a batch in hand is finished or given back first."""
        pauses = _pauses()
        while not self._stop.is_set():
            self._alive()
            try:
                deliveries = self._subscription.pull()
            except exceptions.GoogleAPICallError as error:
                _log("pull_failed", error=type(error).__name__)
                self._stop.wait(next(pauses))
                continue
            pauses = _pauses()
            if deliveries:
                self._batch(deliveries)

    def _batch(self, deliveries: Sequence[Delivery]) -> None:
        started = time.monotonic()
        with self._subscription.lease(deliveries):
            self._fault("before_load")
            missing = self._load_until_done([delivery.message for delivery in deliveries])
            self._fault("after_load")
            try:
                if missing is None:
                    self._subscription.extend(deliveries, 0)
                    return
                self._subscription.acknowledge(deliveries)
            except exceptions.GoogleAPICallError as error:
                # They come again; the views show each row once.
                _log("acknowledge_failed", error=type(error).__name__)
        self._fault("after_ack")
        seconds = round(time.monotonic() - started, 3)
        counts = {f"{source}_missing_count": n for source, n in (missing or {}).items()}
        _log("batch_loaded", message_count=len(deliveries), duration_seconds=seconds, **counts)

    def _load_until_done(self, messages: Sequence[Incoming]) -> Mapping[str, int] | None:
        """Return what the load returns, or None when told to stop."""
        for pause in _pauses():
            self._alive()
            try:
                return self._load(messages)
            except Exception as error:  # noqa: BLE001  boundary: the batch is held and tried again
                _log("batch_failed", message_count=len(messages), error=_words(error))
            if self._stop.wait(pause):
                return None
        return None

    def _fault(self, name: str) -> None:
        if self._fault_at == name:
            os.kill(os.getpid(), signal.SIGKILL)


def _pauses() -> Iterator[float]:
    pause = BACKOFF_FIRST_SECONDS
    while True:
        # Jitter keeps several drivers from asking in step; nothing secret depends on it.
        yield pause * random.uniform(0.5, 1.0)  # noqa: S311
        pause = min(pause * 2, BACKOFF_MAX_SECONDS)


def _words(error: Exception) -> str:
    """Return our own words for a failure, which hold no value; else only its kind."""
    if not isinstance(error, PipelineError):
        return type(error).__name__
    # Beam adds the step's name behind the error's own words.
    return str(error).partition(" [while running")[0]


def _log(event: str, **fields: object) -> None:
    logger.info(json.dumps({"event": event, **fields}))
