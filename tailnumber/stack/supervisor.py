"""Start the parts of the stack in their order, keep them running, stop them in the opposite order.

One thread and no event loop: ``tick`` moves every part one step on, and the loops around it sleep
in between. Knows nothing of what the parts do: ``tailnumber.stack.machine`` says which there are.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from tailnumber.errors import CommandError
from tailnumber.stack.part import Part, PartSpec

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
# A part that lived this long has recovered: its next crash is a first one again.
STEADY_SECONDS: Final = 60.0
_TICK_SECONDS: Final = 0.05


class StartFailed(CommandError):
    """A part could not be started; the message says which, and its own last words."""


class Reporter(Protocol):
    """Hear what happens to the parts, to show it."""

    def starting(self, part: Part) -> None:
        """Hear that a process was started."""

    def ready(self, part: Part) -> None:
        """Hear that it serves."""

    def crashed(self, part: Part, pause_seconds: float) -> None:
        """Hear that it ended by itself and when it is started again."""

    def stopped(self, part: Part) -> None:
        """Hear that it was stopped as asked."""


class Supervisor:
    """The parts of one stack, in the order of their start; they are stopped by ``stop_order``."""

    def __init__(  # noqa: PLR0913  (what one stack is made of)
        self,
        specs: Sequence[PartSpec],
        logs: Path,
        reporter: Reporter,
        *,
        stop_order: Sequence[str] = (),
        on_change: Callable[[], None] = lambda: None,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self.parts = {spec.name: Part(spec, logs / f"{spec.name}.log") for spec in specs}
        self.stopping = False
        self._reporter = reporter
        self._stop_order = tuple(stop_order)
        self._on_change = on_change
        self._first_pause_seconds = first_pause_seconds
        self._pauses: dict[str, float] = {}
        self._start_again_at: dict[str, float] = {}

    def start(self) -> None:
        """Start every part; return when all are ready, or when ``stopping`` was set.

        Raises:
            StartFailed: one ended or was not ready in time; the rest still runs, call ``stop``.
        """
        while not self.stopping and not self.all_ready():
            self.tick(starting_up=True)
            time.sleep(_TICK_SECONDS)

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Keep the parts running until ``stopping`` is set or ``until`` says so."""
        while not self.stopping and not until():
            self.tick()
            time.sleep(_TICK_SECONDS)

    def all_ready(self) -> bool:
        """Tell whether every part serves."""
        return all(part.state == "ready" for part in self.parts.values())

    def tick(self, *, starting_up: bool = False) -> None:
        """Move every part one step on.

        Raises:
            StartFailed: with ``starting_up``, a part ended or was not ready in time.
        """
        for part in self.parts.values():
            if part.state == "waiting":
                self._start_if_due(part)
            elif part.state == "backing off":
                if time.monotonic() >= self._start_again_at[part.spec.name]:
                    self._start(part)
            else:
                self._follow(part, starting_up=starting_up)

    def stop(self) -> None:
        """Stop every part; return when no process is left."""
        self.stopping = True
        for name in self._stop_order:
            part = self.parts.get(name)
            if part is not None and part.state != "stopped":
                self._stop(part)
        rest = [part for part in self.parts.values() if part.state != "stopped"]
        for part in rest:
            part.ask_to_stop()
        for part in rest:
            self._stop(part)

    def snapshot(self) -> dict[str, Any]:
        """Return the state of every part, for the state file."""
        return {
            name: {
                "state": part.state,
                "pid": part.pid,
                "started_at": part.started_at.isoformat() if part.started_at else None,
                "restart_count": part.restart_count,
                "last_exit": part.last_exit,
                "log": str(part.log_file),
                "log_offset": part.log_offset,
            }
            for name, part in self.parts.items()
        }

    def _start_if_due(self, part: Part) -> None:
        if all(self.parts[name].state == "ready" for name in part.spec.after):
            self._start(part)

    def _start(self, part: Part) -> None:
        part.start()
        self._reporter.starting(part)
        self._on_change()

    def _follow(self, part: Part, *, starting_up: bool) -> None:
        before = part.state
        part.poll()
        if part.last_exit is not None:
            self._ended(part, starting_up=starting_up)
        elif before == "starting" and part.state == "ready":
            if part.spec.prepare is not None:
                part.spec.prepare()
            self._reporter.ready(part)
            self._on_change()
        elif part.state == "starting" and part.age_seconds > part.spec.ready_seconds:
            part.stop(0.5)
            self._ended(part, starting_up=starting_up)

    def _ended(self, part: Part, *, starting_up: bool) -> None:
        if starting_up and part.restart_count + 1 >= part.spec.start_attempts:
            raise StartFailed(_start_failure(part))
        name = part.spec.name
        if part.age_seconds > STEADY_SECONDS:
            self._pauses.pop(name, None)
        pause = self._pauses.get(name, self._first_pause_seconds)
        self._pauses[name] = min(pause * 2, LONGEST_PAUSE_SECONDS)
        self._start_again_at[name] = time.monotonic() + pause
        part.state = "backing off"
        part.restart_count += 1
        self._reporter.crashed(part, pause)
        self._on_change()

    def _stop(self, part: Part) -> None:
        ran = part.pid is not None
        part.stop()
        if ran:
            self._reporter.stopped(part)
            time.sleep(part.spec.linger_seconds)


def _start_failure(part: Part) -> str:
    if part.age_seconds > part.spec.ready_seconds:
        how = f"was not ready within {part.spec.ready_seconds:.0f} seconds"
    else:
        how = f"could not start (exit status {part.last_exit})"
    words = part.last_words()
    said = f": {words[:300]}" if words else ""
    return f"The {part.spec.title} {how}{said}\nIts log is {part.log_file}"
