"""The checks of ``tailnumber doctor``; each returns a level and one sentence with the way out."""

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from pipeline.refresh import NO_SOURCES, Sources, check_sources
from tailnumber.errors import CommandError
from tailnumber.stack.enrichment import found_sources
from tailnumber.stack.health import inspect
from tailnumber.stack.layout import DEFAULT_PORT, Layout, is_locked, port_is_free, read_json

Level = Literal["ok", "warn", "fail"]

PYTHON_FIRST: Final = (3, 11)
PYTHON_AFTER: Final = (3, 14)
FREE_BYTES_MIN: Final = 2 * 1024**3
# Below it the gateway refuses requests (setting TAILNUMBER_JOURNAL_FREE_BYTES_MIN).
FREE_BYTES_STOP: Final = 1024**3
# What the commands need; then what a stack on this machine needs beside it.
PACKAGES: Final = (
    "ingress",
    "pipeline",
    "schemas",
    "cel_expr_python",
    "fastapi",
    "google.cloud.bigquery",
    "grpc",
    "re2",
    "sqlalchemy",
    "tink",
    "uvicorn",
    "uvloop",
)
STACK_PACKAGES: Final = (
    "apache_beam",
    "bqemulator",
    "duckdb",
    "google.cloud.bigquery_storage",
    "google.pubsub_v1",
)
_EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)
_CLOCK_PAUSE_SECONDS: Final = 0.05
_CLOCK_DRIFT_SECONDS: Final = 0.02


class Finding(NamedTuple):
    """The outcome of one check."""

    name: str
    level: Level
    text: str


def run_checks(layout: Layout, port: int | None) -> list[Finding]:
    """Run every check; none changes anything."""
    checks: Iterable[Callable[[], Finding]] = (
        lambda: check_python(sys.version_info[:2]),
        lambda: check_packages(PACKAGES, STACK_PACKAGES),
        lambda: check_port(layout, port),
        lambda: check_disk(layout.root, _free_bytes(layout.root)),
        lambda: check_folder(layout.root),
        check_clock,
        lambda: check_stack(layout),
        lambda: check_retention(layout),
        lambda: check_enrichment(layout),
    )
    return [check() for check in checks]


def check_python(version: tuple[int, ...]) -> Finding:
    """Check the interpreter's version."""
    text = ".".join(map(str, version))
    if PYTHON_FIRST <= version < PYTHON_AFTER:
        return Finding("python", "ok", f"Python {text}.")
    return Finding(
        "python",
        "fail",
        f"Python {text} is not supported (3.11 to 3.13 are); "
        "set up again with: make setup PYTHON=python3.11",
    )


def check_packages(names: Iterable[str], stack_names: Iterable[str] = ()) -> Finding:
    """Check that everything is installed; the command line may stand alone."""
    missing = [name for name in names if not _installed(name)]
    if missing:
        return Finding(
            "packages",
            "fail",
            f"Not installed: {', '.join(missing)}; install them with: make setup",
        )
    if not all(map(_installed, stack_names)):
        return Finding(
            "packages",
            "warn",
            "The command line is installed, a stack on this machine is not: `tailnumber up` "
            "needs: pip install 'tailnumber[local]'",
        )
    return Finding("packages", "ok", "Everything that the stack needs is installed.")


def check_port(layout: Layout, port: int | None) -> Finding:
    """Check that the gateway can listen, or that it is our own gateway that does."""
    endpoints = read_json(layout.endpoints_file) if is_locked(layout.lock_file) else None
    ours = urlsplit(endpoints["gateway"]).port if endpoints else None
    port = port or ours or DEFAULT_PORT
    if port_is_free(port):
        return Finding("port", "ok", f"Port {port} is free.")
    if port == ours:
        return Finding("port", "ok", f"Port {port} is the running gateway's.")
    return Finding(
        "port",
        "fail",
        f"Port {port} is in use; stop what listens there or start with: tailnumber up --port N",
    )


def check_disk(folder: Path, free_bytes: int) -> Finding:
    """Check that there is room for the journal and the warehouse."""
    free = f"{free_bytes / 1024**3:.1f} GiB are free for {folder}"
    if free_bytes < FREE_BYTES_STOP:
        return Finding(
            "disk",
            "fail",
            f"{free}; below 1 GiB the gateway refuses requests: free some or use --data-dir.",
        )
    if free_bytes < FREE_BYTES_MIN:
        return Finding("disk", "warn", f"{free}; 2 GiB or more are advised.")
    return Finding("disk", "ok", f"{free}.")


def check_folder(folder: Path) -> Finding:
    """Check that the data directory is ours and closed to others."""
    if not folder.exists():
        parent = next(path for path in folder.parents if path.exists())
        if os.access(parent, os.W_OK | os.X_OK):
            return Finding("data", "ok", f"{folder} will be made at the first start.")
        return Finding(
            "data", "fail", f"{folder} cannot be made in {parent}; choose another with --data-dir."
        )
    status = folder.stat()
    if status.st_uid != os.geteuid() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding(
            "data",
            "fail",
            f"{folder} is not this account's; choose another with --data-dir, "
            f"or run: chown -R $(id -un) '{folder}'",
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        return Finding("data", "warn", f"Others can look into {folder}; run: chmod 700 '{folder}'")
    return Finding("data", "ok", f"{folder} is this account's alone.")


def check_clock() -> Finding:
    """Check that the clock is set and moves as fast as time does."""
    now, began = datetime.now(UTC), time.monotonic()
    if now < _EARLIEST:
        return Finding("clock", "fail", f"The clock says {now:%Y-%m-%d}; set it (timedatectl).")
    time.sleep(_CLOCK_PAUSE_SECONDS)
    drift = (datetime.now(UTC) - now).total_seconds() - (time.monotonic() - began)
    if abs(drift) > _CLOCK_DRIFT_SECONDS:
        return Finding("clock", "warn", "The clock is being moved; records carry its time.")
    return Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC.")


def check_stack(layout: Layout) -> Finding:
    """Check the stack that runs on the data directory, if one does."""
    health = inspect(layout)
    if not health["running"]:
        return Finding("stack", "ok", "None runs here; start one with: tailnumber up")
    if health["healthy"]:
        return Finding("stack", "ok", f"Running at {health['gateway']}, every part is ready.")
    return Finding(
        "stack",
        "fail",
        f"It runs but is not healthy ({health['reason']}); "
        f"see: tailnumber status, and the logs in {layout.logs}",
    )


def check_retention(layout: Layout) -> Finding:
    """Check that every table of a running stack keeps its rows as long as its class says."""
    if not inspect(layout)["healthy"]:
        return Finding("retention", "ok", "Looked at while a stack runs.")
    from tailnumber.lifecycle.retaining import expiry_problems
    from tailnumber.trail import open_trail

    try:
        with open_trail(layout.read_endpoints()) as trail:
            problems = expiry_problems(trail)
    except CommandError as error:
        return Finding("retention", "warn", str(error))
    if problems:
        return Finding("retention", "fail", f"{'; '.join(problems)}; see: docs/retention.md")
    return Finding("retention", "ok", "Every table keeps its rows as long as its class says.")


def check_enrichment(layout: Layout) -> Finding:
    """Check the files that enrich rows, those of a running stack or those of its next start."""
    state = read_json(layout.state_file) if is_locked(layout.lock_file) else None
    running = state.get("sources") if state else None
    sources = found_sources(layout, NO_SOURCES) if running is None else Sources(**running)
    wrong = check_sources(sources)
    if wrong:
        kept = "; the pipeline keeps what it read before" if running else ""
        return Finding("enrichment", "fail", f"{'; '.join(wrong.values())}{kept}.")
    if not sources.named():
        return Finding("enrichment", "ok", f"None; its files would lie in {layout.enrichment}.")
    return Finding("enrichment", "ok", f"Readable: {', '.join(sources.named())}.")


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _free_bytes(folder: Path) -> int:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free
