"""Run one part of the stack as a process: start it, hear that it is ready, see it end, stop it.

A part says that it is ready by one JSON line on standard output. Everything else that it writes
goes to its log. Nothing here waits, except ``Part.stop``.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, Literal

from tailnumber.stack.layout import HOST

State = Literal["waiting", "starting", "ready", "backing off", "stopped"]

READY_SECONDS: Final = 60.0
LOG_BYTES_MAX: Final = 10 * 1024 * 1024
_LOG_TAIL_BYTES: Final = 16 * 1024
_READ_BYTES: Final = 64 * 1024
_TETHER: Final = Path(__file__).with_name("tether.py")
# Settings of other programs that would lead a part away from loopback.
_FOREIGN_PREFIXES: Final = ("TAILNUMBER_", "GOOGLE_", "PUBSUB_", "BIGQUERY_", "STORAGE_")


@dataclass(frozen=True, slots=True)
class PartSpec:
    """How one part is run. ``after`` names the parts that must be ready before it is started."""

    name: str
    title: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    ready_seconds: float = READY_SECONDS
    # Tries at the start of the stack; for a part that may meet another that is not up yet.
    start_attempts: int = 1
    stop_seconds: float = 3.0
    # Time that the next part in the order of the stop still gets for what this one sent last.
    linger_seconds: float = 0.0
    # Called each time the part has become ready, before a part that waits for it is started.
    prepare: Callable[[], None] | None = None


class Part:
    """One part over all of its lives."""

    def __init__(self, spec: PartSpec, log_file: Path) -> None:
        self.spec = spec
        self.log_file = log_file
        self.state: State = "waiting"
        self.restart_count = 0
        self.last_exit: int | None = None
        self.started_at: datetime | None = None
        self.start_seconds = 0.0
        # Where this stack's part of the log begins; what stands before is of an earlier one.
        self.log_offset = 0
        self._began = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._output = b""

    @property
    def pid(self) -> int | None:
        """Return the process id while the process lives."""
        return self._process.pid if self._process and self.last_exit is None else None

    @property
    def age_seconds(self) -> float:
        """Return for how long the present process has lived."""
        return time.monotonic() - self._began

    def start(self) -> None:
        """Start the process; ``poll`` tells what becomes of it."""
        rotate(self.log_file)
        if not self.restart_count:
            self.log_offset = self.log_file.stat().st_size if self.log_file.exists() else 0
        self.last_exit = None
        self._output = b""
        self._log = self.log_file.open("ab")
        tether = (sys.executable, "-S", str(_TETHER), str(os.getpid()))
        self._process = subprocess.Popen(
            (*tether, *self.spec.command),
            env=clean_environment(os.environ) | dict(self.spec.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            # A Ctrl-C in the terminal is the supervisor's: it stops the parts in their order.
            start_new_session=True,
        )
        if self._process.stdout is not None:
            os.set_blocking(self._process.stdout.fileno(), False)
        self._began = time.monotonic()
        self.started_at = datetime.now(UTC)
        self.state = "starting"

    def poll(self) -> None:
        """Take in what the process did; sets ``state`` and ``last_exit``."""
        if self._process is None or self.last_exit is not None:
            return
        self._read_output()
        code = self._process.poll()
        if code is not None:
            self._close(code)

    def stop(self, seconds: float | None = None) -> None:
        """Ask the process to end, wait for it, and kill it when it does not."""
        process = self._process
        if process is not None and self.last_exit is None:
            self.ask_to_stop()
            try:
                code = process.wait(self.spec.stop_seconds if seconds is None else seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            self._close(code)
        self.state = "stopped"

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return at once."""
        if self._process is not None and self.last_exit is None:
            self._process.send_signal(signal.SIGTERM)

    def last_words(self) -> str:
        """Return the last line of the log: what a part says when it cannot start."""
        lines = tail(self.log_file, _LOG_TAIL_BYTES, self.log_offset).splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _read_output(self) -> None:
        pipe = self._process.stdout if self._process else None
        if pipe is None or self._log is None:
            return
        while piece := pipe.read(_READ_BYTES):
            if self.state == "ready":
                self._log.write(piece)
                continue
            self._output += piece
            *lines, self._output = self._output.split(b"\n")
            for line in lines:
                if self.state == "starting" and _is_ready(line):
                    self.state = "ready"
                    self.start_seconds = self.age_seconds
                else:
                    self._log.write(line + b"\n")
        self._log.flush()

    def _close(self, code: int) -> None:
        self._read_output()
        self.last_exit = code
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        if self._log is not None:
            self._log.close()


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the settings of other programs, and off every proxy."""
    kept = {k: v for k, v in environ.items() if not k.startswith(_FOREIGN_PREFIXES)}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, (kept.get(name), HOST, "localhost")))
    kept["PYTHONUNBUFFERED"] = "1"
    return kept


def rotate(log_file: Path) -> None:
    """Put a log that has grown large aside; the one before it goes."""
    if log_file.exists() and log_file.stat().st_size > LOG_BYTES_MAX:
        log_file.replace(log_file.with_name(log_file.name + ".1"))


def tail(path: Path, size: int, offset: int = 0) -> str:
    """Return the end of a text file, nothing from before ``offset``."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, offset, path.stat().st_size - size))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _is_ready(line: bytes) -> bool:
    try:
        document: Any = json.loads(line)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("ready") is True
