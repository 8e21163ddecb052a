"""Run the pipeline: ``run`` drives it on one machine, ``stream`` hands it to a Beam runner.

``directory pull`` fetches the people that enrichment knows.
"""

# mypy: disable-error-code="no-untyped-call"
# The Google clients leave some calls unannotated.

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from google.api_core import exceptions

from pipeline import pull
from pipeline.errors import TableError, WarehouseError
from pipeline.options import Places, resource
from pipeline.refresh import SOURCE_HELP, Sources, check_sources

DEFAULT_SUBSCRIPTION: Final = "audit-events-pipeline"
DEFAULT_DEAD_LETTER_TOPIC: Final = "audit-dead-letters"

_EXIT_USAGE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal; return 0 stopped, 2 could not start."""
    parser = argparse.ArgumentParser(prog="python -m pipeline", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _run_options(commands.add_parser("run", help="micro-batches on this machine"))
    commands.add_parser("stream", help="a Beam runner's own streaming; takes Beam's options")
    pull.add_options(commands.add_parser("directory", help="pull a directory into a CSV file"))
    options, rest = parser.parse_known_args(arguments)
    if options.command == "stream":
        from pipeline.streaming import stream

        return stream(rest)
    if rest:
        parser.error(f"unknown option {rest[0]}")
    return pull.run(options) if options.command == "directory" else _run(options)


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", required=True, help="Google Cloud project, or the local one's")
    parser.add_argument("--subscription", default=DEFAULT_SUBSCRIPTION, help="where events come in")
    parser.add_argument("--topic", help="create the subscription on this topic if it is missing")
    parser.add_argument("--pubsub", help="host:port of a Pub/Sub that is not Google's")
    parser.add_argument("--bigquery", help="URL of a BigQuery that is not Google's")
    parser.add_argument("--storage", help="host:port of its Storage API")
    parser.add_argument(
        "--dead-letter-topic",
        default=DEFAULT_DEAD_LETTER_TOPIC,
        help="takes refused messages whole",
    )
    for name, words in SOURCE_HELP.items():
        parser.add_argument(f"--{name}", metavar="FILE", help=words)
    parser.add_argument(
        "--alive-file",
        type=Path,
        metavar="FILE",
        help="touch it as long as work goes on; python -m pipeline.alive FILE looks at it",
    )
    parser.add_argument("--fault-at", help=argparse.SUPPRESS)


def _run(options: argparse.Namespace) -> int:
    from pipeline import driver
    from pipeline.source import Subscription

    _log_to_standard_error()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    places = Places(
        project=options.project,
        storage_address=options.storage,
        pubsub_address=options.pubsub,
        dead_letter_topic=resource(options.project, "topics", options.dead_letter_topic),
        watch_chain=True,
        sources=Sources(**{name: getattr(options, name) for name in SOURCE_HELP}),
    )
    name = resource(options.project, "subscriptions", options.subscription)
    for sentence in check_sources(places.sources).values():
        sys.stderr.write(f"pipeline: cannot start: {sentence}\n")
        return _EXIT_USAGE
    try:
        _prepare(options, name)
    except (TableError, WarehouseError, exceptions.GoogleAPICallError) as error:
        sys.stderr.write(f"pipeline: cannot start: {error}\n")
        return _EXIT_USAGE
    driver.warm_up(places)
    subscription = Subscription(name, options.pubsub)
    sys.stdout.write(json.dumps({"ready": True, "subscription": name}) + "\n")
    sys.stdout.flush()
    load = partial(driver.run_graph, places=places)
    alive = options.alive_file.touch if options.alive_file else lambda: None
    driver.Driver(subscription, load, stop, alive=alive, fault_at=options.fault_at).run()
    subscription.close()
    return 0


def _prepare(options: argparse.Namespace, subscription: str) -> None:
    """Create what terraform creates on Google Cloud."""
    from pipeline.source import ensure_topic
    from pipeline.tables import apply_contract, open_client

    if options.bigquery:
        client = open_client(options.project, options.bigquery)
        try:
            apply_contract(client)
        finally:
            client.close()
    if options.pubsub:
        kept = options.dead_letter_topic
        ensure_topic(
            options.pubsub,
            resource(options.project, "topics", kept),
            resource(options.project, "subscriptions", kept),
        )
        if options.topic:
            topic = resource(options.project, "topics", options.topic)
            ensure_topic(options.pubsub, topic, subscription)


def _log_to_standard_error() -> None:
    # Each line is JSON already. Beam's own lines quote elements and tracebacks: not ours to log.
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for library in ("apache_beam", "google", "grpc", "urllib3"):
        logging.getLogger(library).setLevel(logging.CRITICAL)


if __name__ == "__main__":
    sys.exit(main())
