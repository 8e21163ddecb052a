"""Run a prepared machine under the supervisor: lock, signals, state files and what is said."""

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from pipeline.refresh import NO_SOURCES, Sources
from tailnumber.errors import CommandError
from tailnumber.output import say
from tailnumber.stack.daily import Daily
from tailnumber.stack.layout import Layout, lock_holder, locked, write_private
from tailnumber.stack.machine import STOP_ORDER, Machine, prepare
from tailnumber.stack.part import Part
from tailnumber.stack.supervisor import Reporter, Supervisor


class RunningStack:
    """A stack in the foreground; leaving the block stops it, however it is left."""

    def __init__(  # noqa: PLR0913  (what a person can say of a stack)
        self,
        layout: Layout,
        *,
        port: int,
        demo: bool,
        policy: Path | None,
        issuers: Path | None = None,
        sources: Sources = NO_SOURCES,
        reporter: Callable[[], Reporter],
    ) -> None:
        self._layout = layout
        self._port, self._demo, self._policy, self._issuers = port, demo, policy, issuers
        self._sources = sources
        self._reporter = reporter()
        self._exit = ExitStack()
        self._daily = Daily(layout)
        self._started_at = datetime.now(UTC)
        self._began = time.monotonic()
        self._announced = False
        self.start_seconds = 0.0

    def __enter__(self) -> Self:
        """Take the data directory and prepare everything.

        Raises:
            CommandError: another stack runs on it, or something cannot be prepared.
        """
        self._layout.create()
        # Whatever the parts write is for this account alone.
        self._exit.callback(os.umask, os.umask(0o077))
        try:
            self._exit.enter_context(locked(self._layout.lock_file))
        except BlockingIOError:
            root = self._layout.root
            raise CommandError(
                f"A stack already runs on {root} (process {lock_holder(self._layout.lock_file)}); "
                f"stop it with: tailnumber down --data-dir {root}"
            ) from None
        try:
            self._exit.callback(self._forget)
            self._forget()
            self.machine: Machine = prepare(
                self._layout,
                port=self._port,
                demo=self._demo,
                policy=self._policy,
                issuers=self._issuers,
                sources=self._sources,
            )
            self._supervisor = Supervisor(
                self.machine.parts(_provision),
                self._layout.logs,
                self._reporter,
                stop_order=STOP_ORDER,
                on_change=self._note,
            )
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                previous = signal.signal(number, self._on_signal)
                self._exit.callback(signal.signal, number, previous)
            self._exit.callback(self._stop)
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exit.close()

    @property
    def stopping(self) -> bool:
        """Tell whether a signal has asked for the end."""
        return self._supervisor.stopping

    def start(self) -> None:
        """Start every part; return when all serve, or when a signal came.

        Raises:
            StartFailed: a part cannot be started.
        """
        self._supervisor.start()
        self.start_seconds = time.monotonic() - self._began
        self._announced = not self.stopping
        self._note()

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Keep everything running until a signal comes or ``until`` says so."""

        def tick() -> bool:
            self._daily.tick()
            return until()

        self._supervisor.watch(tick)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._supervisor.stopping = True

    def _stop(self) -> None:
        began = time.monotonic()
        say("Stopping …", style="dim")
        # From here on the stack is no longer reached.
        self._layout.endpoints_file.unlink(missing_ok=True)
        self._daily.stop()
        self._supervisor.stop()
        say(f"Stopped in {time.monotonic() - began:.1f} s. Data: {self._layout.root}")

    def _note(self) -> None:
        parts = self._supervisor.snapshot()
        state = {
            "started_at": self._started_at.isoformat(),
            "parts": parts,
            "sources": self.machine.sources.named(),
        }
        write_private(self._layout.state_file, json.dumps(state, indent=2) + "\n")
        if self._announced and not self.stopping:
            pids = {"supervisor": os.getpid()}
            pids |= {name: part["pid"] for name, part in parts.items() if part["pid"]}
            document = asdict(self.machine.endpoints(pids))
            write_private(self._layout.endpoints_file, json.dumps(document, indent=2) + "\n")

    def _forget(self) -> None:
        for path in (self._layout.endpoints_file, self._layout.state_file):
            path.unlink(missing_ok=True)


class _Lines:
    """Say what happens, one line each."""

    def starting(self, part: Part) -> None:
        if not part.restart_count:
            say(f"  starting  {part.spec.title}", style="dim")

    def ready(self, part: Part) -> None:
        again = " again" if part.restart_count else ""
        say(f"  ready     {part.spec.title}{again} ({part.start_seconds:.1f} s)")

    def crashed(self, part: Part, pause_seconds: float) -> None:
        say(
            f"  stopped   The {part.spec.title} ended by itself ({describe_exit(part.last_exit)}); "
            f"starting it again in {pause_seconds:g} s. Log: {part.log_file}",
            style="yellow",
        )

    def stopped(self, part: Part) -> None:
        say(f"  stopped   {part.spec.title}", style="dim")


def lines_reporter() -> Reporter:
    """Return a reporter that prints lines."""
    return _Lines()


def describe_exit(code: int | None) -> str:
    """Say how a process ended."""
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"


def _provision(address: str) -> None:
    from tailnumber.stack.topics import provision

    provision(address)
