"""Start the services of the compose files as processes of this machine, with their own words.

What a container would have is moved: paths of volumes, mounts and secrets into a folder, names of
services and their ports to free ports of loopback. The rest is as the files say.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from containers import effective, entrypoint, environment, merged

from tailnumber.stack.layout import free_ports

PORTS = ("8080", "8085", "9050", "9060")
READY_SECONDS = 60


class Composed:
    """The services of ``compose.local.yaml`` over ``compose.yaml``."""

    def __init__(self, folder: Path, socket_folder: Path) -> None:
        self.services = merged("local")["services"]
        self.secrets = merged("local")["secrets"]
        self.folder = folder
        self.socket_folder = socket_folder
        self.ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start a service and wait until its health check, or its image's, says yes."""
        log = (self.folder / f"{name}.log").open("wb")
        with log:
            command = [*entrypoint(self._target(name)), *self.services[name].get("command", ())]
            self.running[name] = subprocess.Popen(
                self._words(name, command), env=self._environ(name), stdout=log, stderr=log
            )
        test = self._words(name, self._health(name))
        deadline = time.monotonic() + READY_SECONDS
        while subprocess.run(test, env=self._environ(name), check=False).returncode:
            code = self.running[name].poll()
            if code is not None or time.monotonic() > deadline:
                raise AssertionError(f"{name}: {code}\n{self.log(name)}")
            time.sleep(0.3)

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a service that ends, with these words for its command's if there are some."""
        command = [
            *entrypoint(self._target(name)),
            *(arguments or self.services[name].get("command", ())),
        ]
        return subprocess.run(
            self._words(name, command),
            env=self._environ(name),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def stop(self) -> dict[str, int]:
        """Stop all, the last first, as ``docker compose stop`` does; return the exit codes."""
        codes = {}
        for name, process in reversed(self.running.items()):
            process.terminate()
            try:
                codes[name] = process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                codes[name] = process.wait()
        self.running.clear()
        return codes

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _target(self, name: str) -> str:
        return str(self.services[name]["build"]["target"])

    def _health(self, name: str) -> list[str]:
        if "healthcheck" in self.services[name]:
            return list(self.services[name]["healthcheck"]["test"][1:])
        said = dict(effective(self._target(name)))["HEALTHCHECK"]
        return list(json.loads(said.partition("CMD ")[2]))

    def _words(self, name: str, command: list[str]) -> list[str]:
        program, *rest = [self._local(name, word) for word in command]
        return [sys.executable, *(["-m", "tailnumber"] if program == "tailnumber" else []), *rest]

    def _environ(self, name: str) -> dict[str, str]:
        ours = {k: v for k, v in os.environ.items() if not k.startswith("TAILNUMBER_")}
        said: dict[str, Any] = {
            **environment(self._target(name)),
            **self.services[name].get("environment", {}),
        }
        said.pop("PATH")
        # Started in the checkout, whose code is what is tried.
        said.pop("PYTHONSAFEPATH")
        inside = {key: self._local(name, str(value)) for key, value in said.items()}
        return {**ours, **inside, "NO_PROXY": "*", "no_proxy": "*"}

    def _local(self, name: str, text: str) -> str:
        said = self.services[name]
        mounts = (volume.split(":")[:2] for volume in said.get("volumes", ()))
        moved = {inside: str(self._folder(source)) for source, inside in mounts}
        moved |= {
            f"/run/secrets/{each}": str(self.secret(each)) for each in said.get("secrets", ())
        }
        moved |= {"/tmp": str(self.folder), "0.0.0.0": "127.0.0.1"}
        moved |= {f"{server}:": "127.0.0.1:" for server in ("pubsub", "warehouse")}
        moved |= self.ports
        # All at once, whole words: what was moved must not move again.
        words = "|".join(map(re.escape, sorted(moved, key=len, reverse=True)))
        return re.sub(rf"(?<![\w.])(?:{words})(?![a-z])", lambda word: moved[word[0]], text)

    def _folder(self, source: str) -> Path:
        if source == "postgres-socket":
            return self.socket_folder
        folder = self.folder / source.removeprefix("./")
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def secret(self, name: str) -> Path:
        """Return the file of a secret on the host."""
        file = self.folder / self.secrets[name]["file"]
        file.parent.mkdir(mode=0o700, exist_ok=True)
        return file
