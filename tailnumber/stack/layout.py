"""Know where the one-machine stack keeps its files, and read and write ``endpoints.json``.

Everything lies under one data directory, mode 0700. Nothing here starts a process.
"""

import contextlib
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

from tailnumber.errors import CommandError, StackNotRunning

PROJECT: Final = "tailnumber-local"
TOPIC: Final = "audit-events"
SUBSCRIPTION: Final = "audit-loader"
DEAD_LETTER_TOPIC: Final = "audit-dead-letters"
# The pipeline makes it too, under this name.
DEAD_LETTER_SUBSCRIPTION: Final = DEAD_LETTER_TOPIC

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8080
# Below the ephemeral range of Linux and macOS, so that no outgoing connection takes the port of
# a part while it is being restarted.
_INTERNAL_PORTS: Final = range(20_000, 32_000)
_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What ``endpoints.json`` holds: where a running stack is reached, and the local key."""

    gateway: str
    console: str
    gateway_key: str
    project: str
    bigquery: str
    pubsub: str
    upstream_demo: str | None
    pids: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one data directory."""

    root: Path

    @property
    def endpoints_file(self) -> Path:
        """Return where a running stack tells how it is reached."""
        return self.root / "endpoints.json"

    @property
    def lock_file(self) -> Path:
        """Return the file that a running supervisor holds locked; its process id stands in it."""
        return self.root / "stack.lock"

    @property
    def state_file(self) -> Path:
        """Return where the supervisor notes the state of each part."""
        return self.root / "stack.json"

    @property
    def logs(self) -> Path:
        """Return the folder of the parts' logs."""
        return self.root / "logs"

    @property
    def secrets(self) -> Path:
        """Return the folder of keys and credentials."""
        return self.root / "secrets"

    @property
    def control_db(self) -> Path:
        """Return the control database: gateway keys and content keys."""
        return self.root / "control.db"

    @property
    def credentials_file(self) -> Path:
        """Return the encrypted file of upstream credentials."""
        return self.secrets / "credentials.json"

    @property
    def local_key_file(self) -> Path:
        """Return where the gateway key of the machine's own user is kept."""
        return self.secrets / "local-key"

    def policy_file(self, *, demo: bool) -> Path:
        """Return the policy that ``up`` writes at its first start, one for each kind of stack."""
        return self.root / ("policy.demo.yaml" if demo else "policy.yaml")

    @property
    def issuers_file(self) -> Path:
        """Return the issuers file that counts where no other is named; it need not be there."""
        return self.root / "issuers.yaml"

    @property
    def enrichment(self) -> Path:
        """Return the folder whose files the pipeline takes where no others are named."""
        return self.root / "enrichment"

    def log_file(self, part: str) -> Path:
        """Return a part's log."""
        return self.logs / f"{part}.log"

    def create(self) -> None:
        """Make the folders, closed to other accounts.

        Raises:
            CommandError: they cannot be made or written.
        """
        try:
            for folder in (self.root, self.logs):
                folder.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(
                f"The data directory {self.root} cannot be made ({error.strerror}); "
                "choose another with --data-dir."
            ) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise CommandError(
                f"The data directory {self.root} is not writable; choose another with --data-dir."
            )

    def require(self) -> None:
        """Make sure that a stack ever ran here.

        Raises:
            CommandError: the folder does not exist.
        """
        if not self.root.is_dir():
            raise CommandError(
                f"There is no data directory {self.root}; start a stack with: tailnumber up, or "
                "name the database of your gateways in TAILNUMBER_CONTROL_DATABASE"
            )

    def read_endpoints(self) -> Endpoints:
        """Return the endpoints of the running stack.

        Raises:
            StackNotRunning: none runs here, or it is not ready yet.
        """
        if not is_locked(self.lock_file):
            raise StackNotRunning(
                f"No stack runs on {self.root}; start it with: tailnumber up --data-dir {self.root}"
            )
        document = read_json(self.endpoints_file)
        if document is None:
            raise StackNotRunning(
                f"The stack on {self.root} is still starting; try again in a few seconds."
            )
        return Endpoints(**document)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file for as long as the block runs, with our process id in it.

    Raises:
        BlockingIOError: another process holds it.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, _FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Tell whether a running process holds the lock file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def lock_holder(path: Path) -> int | None:
    """Return the process id of who holds the lock file, or None."""
    if not is_locked(path):
        return None
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text("ascii"))
    return None


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a JSON object that one of us wrote, or None if it is not there."""
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document


def write_private(path: Path, text: str) -> None:
    """Replace a file at once and durably, mode 0600."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def port_is_free(port: int) -> bool:
    """Tell whether we could listen on a loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens now, outside the range of outgoing connections.

    Raises:
        CommandError: there are none.
    """
    found: list[int] = []
    for port in SystemRandom().sample(_INTERNAL_PORTS, k=400):
        if len(found) == count:
            break
        if port_is_free(port):
            found.append(port)
    if len(found) < count:
        raise CommandError("No free port was found between 20000 and 32000; stop what uses them.")
    return found
