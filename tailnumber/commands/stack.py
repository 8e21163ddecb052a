"""``tailnumber up``, ``down`` and ``status``: the one-machine stack as a person runs it."""

import os
import signal
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tailnumber.commands.options import DataDir, Json, layout_of
from tailnumber.errors import CheckFailed, CommandError
from tailnumber.output import console, print_json, say, table
from tailnumber.stack.layout import DEFAULT_PORT, Layout, is_locked, lock_holder

# The parts are given about 13 s to stop; a supervisor that takes longer hangs.
_DOWN_SECONDS: Final = 25.0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example:  tailnumber up --demo    (stop it with Ctrl-C)")(up)
    app.command(epilog="Example:  tailnumber down")(down)
    app.command(epilog="Example:  tailnumber status --json")(status)


def up(  # noqa: PLR0913, PLR0917  (what a person can say of a stack)
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the gateway; 0 takes a free one.")
    ] = DEFAULT_PORT,
    demo: Annotated[
        bool, typer.Option("--demo", help="With a made-up Copilot on this machine as upstream.")
    ] = False,
    policy: Annotated[
        Path | None,
        typer.Option(help="Policy file. Default: DATA_DIR/policy.yaml, made at the first start."),
    ] = None,
    issuers: Annotated[
        Path | None,
        typer.Option(
            envvar="TAILNUMBER_ISSUERS_FILE",
            help="OIDC issuers whose tokens are accepted. Default: DATA_DIR/issuers.yaml, if any.",
        ),
    ] = None,
    directory: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="CSV of people: department, cost centre (docs/enrichment.md). Default, as for the "
            "next three: the file in DATA_DIR/enrichment, if any.",
        ),
    ] = None,
    repositories: Annotated[
        str | None, typer.Option(metavar="FILE", help="CSV of repositories: owner, criticality.")
    ] = None,
    prices: Annotated[
        str | None, typer.Option(metavar="FILE", help="CSV of model prices: cost per interaction.")
    ] = None,
    countries: Annotated[
        str | None, typer.Option(metavar="FILE", help="MaxMind database: country of an address.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Start the whole stack on this machine and keep it running until Ctrl-C.

    Gateway, Pub/Sub, pipeline and BigQuery run as processes on 127.0.0.1. What was recorded is
    found again by the next start on the same data directory.
    """
    layout = layout_of(data_dir)
    from pipeline.refresh import Sources
    from tailnumber.stack.running import RunningStack, lines_reporter
    from tailnumber.stack.welcome import welcome

    with RunningStack(
        layout,
        port=port,
        demo=demo,
        policy=policy,
        issuers=issuers,
        sources=Sources(directory, repositories, prices, countries),
        reporter=lines_reporter,
    ) as stack:
        stack.start()
        if not stack.stopping:
            welcome(stack.machine, stack.start_seconds)
            stack.watch()


def down(data_dir: DataDir = None) -> None:
    """Stop the stack that runs on the data directory; return when it has stopped."""
    layout = layout_of(data_dir)
    pid = lock_holder(layout.lock_file)
    if pid is None:
        say(f"Nothing runs on {layout.root}.")
        return
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise CommandError(f"Process {pid} belongs to another account; stop it there.") from error
    began = time.monotonic()
    while is_locked(layout.lock_file):
        if time.monotonic() - began > _DOWN_SECONDS:
            raise CheckFailed(f"The stack (process {pid}) did not stop; run: kill -9 {pid}")
        time.sleep(0.05)
    say(f"Stopped in {time.monotonic() - began:.1f} s. The data stays in {layout.root}.")


def status(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show the running parts, what waits to be loaded, and how much was."""
    layout = layout_of(data_dir)
    from tailnumber.stack.health import inspect

    document = inspect(layout)
    if as_json:
        print_json(document)
    else:
        _print_status(layout, document)
    if not document["running"]:
        raise CheckFailed(
            f"No stack runs on {layout.root}; start it with: tailnumber up --data-dir {layout.root}"
        )
    if not document["healthy"]:
        raise CheckFailed(f"The stack is not healthy: {document['reason']}")


def _print_status(layout: Layout, document: dict[str, Any]) -> None:
    if not document["running"]:
        return
    columns = ("part", "state", "pid", "uptime", "restarts", "last exit")
    rows = [
        (
            part["name"],
            part["state"],
            part["pid"],
            part["uptime"],
            part["restart_count"],
            part["last_exit"],
        )
        for part in document["parts"]
    ]
    console().print(table(columns, rows))
    say(f"gateway    {document['gateway']}")
    say(f"data       {layout.root}")
    say(f"waiting    {document['journal_waiting_count']} records in the journal")
    say(f"loaded     {document['event_count']} events, {document['interaction_count']} prompts")
    say(f"refused    {document['dead_letter_count']} dead letters")
    if document["last_error"]:
        say(f"last error {document['last_error']}", style="yellow")
