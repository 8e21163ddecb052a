"""Run ``tailnumber retain`` once a day beside a running stack; BigQuery expires rows by itself."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from tailnumber.stack.layout import Layout

# After the start, when parts have settled; then each day. Seconds.
FIRST_SECONDS: Final = 600.0
EVERY_SECONDS: Final = 24 * 3600.0
# An interrupted run goes on with the next: what it did stays done.
_STOP_SECONDS: Final = 3.0


class Daily:
    """A command that runs now and then; never two of it at once."""

    def __init__(
        self,
        layout: Layout,
        command: tuple[str, ...] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Run ``command``, by default ``tailnumber retain``, first in ``FIRST_SECONDS``."""
        root = str(layout.root)
        self._command = command or (
            *(sys.executable, "-P", "-m", "tailnumber"),
            *("retain", "--data-dir", root),
        )
        self._log_file = layout.log_file("retain")
        self._clock = clock
        self._next_at = clock() + FIRST_SECONDS
        self._process: subprocess.Popen[bytes] | None = None

    def tick(self) -> None:
        """Start it if it is due; returns at once."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        if self._process is None and self._clock() >= self._next_at:
            self._next_at = self._clock() + EVERY_SECONDS
            # One line per table and day: the log of the last run is enough.
            with self._log_file.open("wb") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={k: v for k, v in os.environ.items() if not k.startswith("TAILNUMBER_")},
                )

    def stop(self) -> None:
        """End it if it runs."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
