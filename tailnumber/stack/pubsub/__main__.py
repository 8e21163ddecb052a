"""Run the Pub/Sub server as a process: `python -m tailnumber.stack.pubsub --data-file F --port N`.

Prints one line of JSON when it is ready. Stops on SIGTERM or SIGINT. Exit codes: 0 stopped as
asked, 2 it could not start.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from pathlib import Path

from tailnumber.stack.pubsub.errors import CannotStart
from tailnumber.stack.pubsub.server import PubSubServer


def main(arguments: list[str] | None = None) -> int:
    """Run the server until it is told to stop; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(_serve(options.data_file, options.host, options.port))
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 2
    return 0


async def _serve(data_file: Path, host: str, port: int) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = PubSubServer(data_file, host=host, port=port)
    await server.start()
    print(json.dumps({"ready": True, "address": server.address}), flush=True)
    await server.serve(stopping)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tailnumber.stack.pubsub",
        description="An embedded Pub/Sub server (google.pubsub.v1 over gRPC), durable in SQLite.",
    )
    parser.add_argument("--data-file", type=Path, required=True, help="where the messages live")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes any free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    return parser


if __name__ == "__main__":
    sys.exit(main())
