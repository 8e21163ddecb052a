"""Run the one-machine warehouse: BigQuery's REST and Storage APIs on DuckDB, on loopback.

``python -m tailnumber.stack.warehouse --data-dir D --port N --grpc-port N`` prints one JSON line
when it is ready and ends on SIGTERM or SIGINT. It asks nobody who they are: another ``--host``
than loopback is for a container's private network alone. The rows are in ``D/bqemulator.duckdb``;
every row that an append acknowledged is there after a crash. It creates no table: see
``pipeline.tables``.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

# Project whose tables a query means that names none.
DEFAULT_PROJECT: Final = "tailnumber-local"

_EXIT_USAGE: Final = 2


class StartError(Exception):
    """The warehouse cannot start; the message says why and what to do, in one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal; return the exit code: 0 stopped, 2 could not start."""
    options = _parse(arguments)
    ready_stream = _claim_standard_output()
    try:
        for port in (options.port, options.grpc_port):
            _check_free(options.host, port)
        asyncio.run(_serve(options, ready_stream))
    except StartError as error:
        sys.stderr.write(f"warehouse: {error}\n")
        return _EXIT_USAGE
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tailnumber.stack.warehouse",
        description="Serve BigQuery's REST and Storage APIs on loopback from one data directory.",
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="where the rows lie")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="REST port; 0 takes a free one")
    parser.add_argument("--grpc-port", type=int, default=0, help="Storage port; 0 takes a free one")
    return parser.parse_args(arguments)


def _claim_standard_output() -> int:
    """Keep standard output for the ready line: libraries that print go to standard error."""
    sys.stdout.flush()
    claimed = os.dup(1)
    os.dup2(2, 1)
    return claimed


def _check_free(host: str, port: int) -> None:
    # gRPC shares a port that another process listens on (SO_REUSEPORT) and says nothing.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartError(
                f"cannot listen on {host}:{port} ({error.strerror}); choose another port"
            ) from error


async def _serve(options: argparse.Namespace, ready_stream: int) -> None:
    import duckdb
    from bqemulator.config import LogFormat, LogLevel
    from bqemulator.observability.logging_ import configure_logging

    # Before the modules that log while they are imported.
    configure_logging(level=LogLevel.WARNING, fmt=LogFormat.JSON)
    from bqemulator.server import EmulatorServer

    from tailnumber.stack import bigquery_emulator

    _install_spatial()
    bigquery_emulator.bend()
    server = EmulatorServer(
        bigquery_emulator.settings(
            options.data_dir,
            host=options.host,
            rest_port=options.port,
            grpc_port=options.grpc_port,
            project=DEFAULT_PROJECT,
        )
    )
    stop = _stop_on_signals()
    try:
        await server.start()
    except (duckdb.IOException, OSError) as error:
        await server.stop()
        raise StartError(
            f"cannot open {options.data_dir}: another warehouse uses it, or it is not writable"
        ) from error
    trimmer = asyncio.ensure_future(bigquery_emulator.trim_results())
    _announce(ready_stream, options.host, server.rest_port, server.grpc_port)
    try:
        await stop.wait()
    finally:
        trimmer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await trimmer
        await server.stop()


def _install_spatial() -> None:
    """Install DuckDB's extension from its wheel; bqemulator would download it."""
    from duckdb_extensions import import_extension  # type: ignore[import-untyped]  # ships no stubs

    import_extension("spatial")


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _announce(stream: int, host: str, rest_port: int, grpc_port: int) -> None:
    line = {
        "ready": True,
        "bigquery": f"http://{host}:{rest_port}",
        "storage": f"{host}:{grpc_port}",
    }
    os.write(stream, (json.dumps(line) + "\n").encode())


if __name__ == "__main__":
    sys.exit(main())
