"""Run several gateway processes behind one listening socket, and replace one that dies.

Each worker is a whole gateway with a journal of its own: nothing is shared but the socket, the
control database and the folder of journals, where whoever starts takes over from the dead. The
kernel hands a connection to one of those that wait for it, and keeps it while none does.
"""

import ctypes
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import Final

_log = logging.getLogger(__name__)

LISTENER: Final = "TAILNUMBER_LISTENER"
"""Variable that tells a worker the descriptor of the socket it inherits."""

WORKERS: Final = "TAILNUMBER_WORKERS"
# A worker that died is followed by another after this long, seconds: one that cannot start must
# not keep a machine busy.
_RESTART_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.1
# Longer than a worker's own wait for its running requests and for Pub/Sub.
_STOP_SECONDS: Final = 20.0
# Source: prctl(2).
_PR_SET_PDEATHSIG: Final = 1


class Workers:
    """The processes of one gateway; the parent serves nothing itself."""

    def __init__(self, count: int, listener: socket.socket, environ: Mapping[str, str]) -> None:
        """Prepare ``count`` workers that accept from ``listener``."""
        self._listener = listener
        self._count = count
        self._environ = {**environ, WORKERS: "1", LISTENER: str(listener.fileno())}
        self._running: list[subprocess.Popen[str]] = []
        self._stopping = False

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code.

        When every worker is ready, one line says so, as a single process would. A worker that
        cannot start at all ends the whole with its code and its own words.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        for _ in range(self._count):
            self._start()
        lines = [worker.stdout.readline() for worker in self._running if worker.stdout]
        if not all(lines):
            self._stop()
            codes = [worker.returncode for worker in self._running]
            return 0 if self._stopping else next((code for code in codes if code), 1)
        host, port = self._listener.getsockname()[:2]
        ready = {"ready": True, "url": f"http://{host}:{port}", "pid": os.getpid()}
        ready["workers"] = [worker.pid for worker in self._running]
        print(json.dumps(ready), flush=True)  # noqa: T201  (the ready line is the output)
        while not self._stopping:
            time.sleep(_LOOK_SECONDS)
            self._replace_dead()
        self._stop()
        return 0

    def _start(self) -> None:
        self._running.append(
            subprocess.Popen(
                [sys.executable, "-m", "ingress"],
                env=self._environ,
                pass_fds=[self._listener.fileno()],
                stdout=subprocess.PIPE,
                text=True,
            )
        )

    def _replace_dead(self) -> None:
        for worker in [worker for worker in self._running if worker.poll() is not None]:
            _log.error("worker died", extra={"code": worker.returncode})
            self._running.remove(worker)
            worker.communicate()
            time.sleep(_RESTART_SECONDS)
            self._start()

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        for worker in self._running:
            worker.terminate()

    def _stop(self) -> None:
        for worker in self._running:
            worker.terminate()
        end = time.monotonic() + _STOP_SECONDS
        for worker in self._running:
            try:
                worker.wait(max(end - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                worker.kill()
            worker.communicate()


def inherited_listener(environ: Mapping[str, str]) -> socket.socket | None:
    """Return the socket that a parent handed to this worker; None if there is no parent.

    From here on the worker stops when its parent is gone.
    """
    descriptor = environ.get(LISTENER)
    if descriptor is None:
        return None
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    return socket.socket(fileno=int(descriptor))
