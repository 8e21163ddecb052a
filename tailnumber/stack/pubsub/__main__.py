"""Run the Pub/Sub server as a process: `python -m tailnumber.stack.pubsub --data-file F --port N`.

`--topic projects/P/topics/T=projects/P/subscriptions/S`, which may be repeated, makes both before
it serves, where they are missing. Prints one line of JSON when it is ready. Stops on SIGTERM or
SIGINT. Exit codes: 0 stopped as asked, 2 it could not start.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from tailnumber.stack.pubsub.errors import CannotStart
from tailnumber.stack.pubsub.server import PubSubServer


def main(arguments: list[str] | None = None) -> int:
    """Run the server until it is told to stop; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    try:
        server = PubSubServer(options.data_file, host=options.host, port=options.port)
        asyncio.run(_serve(server, dict(options.topic)))
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 2
    return 0


async def _serve(server: PubSubServer, topics: Mapping[str, str]) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await server.start(topics)
    print(json.dumps({"ready": True, "address": server.address}), flush=True)
    await server.serve(stopping)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tailnumber.stack.pubsub",
        description="An embedded Pub/Sub server (google.pubsub.v1 over gRPC), durable in SQLite.",
    )
    parser.add_argument("--data-file", type=Path, required=True, help="where the messages live")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes any free one")
    parser.add_argument(
        "--topic",
        type=_pair,
        action="append",
        default=[],
        metavar="TOPIC=SUBSCRIPTION",
        help="make this topic and its subscription if they are missing; may be repeated",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    return parser


def _pair(text: str) -> tuple[str, str]:
    topic, separator, subscription = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError("write projects/P/topics/T=projects/P/subscriptions/S")
    return topic, subscription


if __name__ == "__main__":
    sys.exit(main())
