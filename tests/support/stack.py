"""Start the one-machine stack as a user does, ask it as a reader does, and stop it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


class Stack:
    """A running ``tailnumber up --demo`` on a data directory of its own."""

    def __init__(self, data_dir: Path, *more: str) -> None:
        self.data_dir = data_dir
        self.log = data_dir.parent / f"{data_dir.name}.log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TAILNUMBER_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command("up"), "--demo", "--data-dir", data_dir, "--port", "0", *more],
                stdout=log,
                stderr=log,
                env=environment,
            )
        self.endpoints = self._wait_ready(60)

    def _wait_ready(self, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        path = self.data_dir / "endpoints.json"
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"up ended with {self.process.poll()}: {self.log.read_text()}")
            if path.exists():
                endpoints = json.loads(path.read_text())
                if endpoints["pids"].get("supervisor", self.process.pid) == self.process.pid:
                    return endpoints
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"up was not ready in {seconds} s: {self.log.read_text()}")

    @property
    def gateway(self) -> str:
        """Return the gateway's URL."""
        return self.endpoints["gateway"]

    @property
    def key(self) -> str:
        """Return the gateway key of the machine's user."""
        return self.endpoints["gateway_key"]

    def run(self, *arguments: str) -> Any:
        """Run a command with ``--json`` on this stack; return its document."""
        done = subprocess.run(
            [*command(*arguments), "--data-dir", self.data_dir, "--json"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments}: exit {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a question in BigQuery SQL."""
        return self.run("query", sql)["rows"]

    def query_until(self, sql: str, count: int, seconds: float = 45) -> list[dict[str, Any]]:
        """Ask again until there are ``count`` rows; return what there is at the deadline."""
        deadline = time.monotonic() + seconds
        rows = self.query(sql)
        while len(rows) < count and time.monotonic() < deadline:
            time.sleep(0.3)
            rows = self.query(sql)
        return rows

    def kill(self, part: str) -> None:
        """End one part as a power cut would; wait for it first if it is being restarted."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            pid = self._pid(part)
            # The supervisor may not have seen yet that the one it names has died.
            with contextlib.suppress(ProcessLookupError):
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
                    return
            time.sleep(0.1)
        raise RuntimeError(f"{part} did not come back in time")

    def _pid(self, part: str) -> int | None:
        return json.loads((self.data_dir / "endpoints.json").read_text())["pids"].get(part)

    def stop(self) -> int:
        """Stop everything as Ctrl-C does; return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def command(*arguments: str) -> list[str]:
    """Return the command line of ``tailnumber`` in this environment."""
    return [sys.executable, "-m", "tailnumber", *arguments]
