"""``tailnumber demo``: the whole product in one command, on this machine, with made-up people."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tailnumber.commands.options import DataDir
from tailnumber.stack.layout import DEFAULT_PORT, Layout


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example:  tailnumber demo    (or: make demo)")(demo)


def demo(
    leave: Annotated[
        bool,
        typer.Option(
            "--exit", envvar="DEMO_EXIT", help="Stop once the rows are seen; for scripts."
        ),
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep what earlier demos recorded.")] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the gateway.")
    ] = DEFAULT_PORT,
    data_dir: DataDir = None,
) -> None:
    """Start a stack, send an hour of six people's work through it, show what was recorded.

    It runs on a data directory of its own, emptied first, unless you name one. Keeps running
    until Ctrl-C.
    """
    from tailnumber.demo.run import run_demo

    run_demo(demo_layout(data_dir), port=port, leave=leave, keep=keep, own=data_dir is None)


def demo_layout(data_dir: Path | None) -> Layout:
    """Return the demo's own folder, in the user's cache, unless one was named."""
    if data_dir is None:
        from platformdirs import user_cache_path

        data_dir = user_cache_path("tailnumber", appauthor=False) / f"demo-{os.getuid()}"
    return Layout(data_dir.expanduser().absolute())
