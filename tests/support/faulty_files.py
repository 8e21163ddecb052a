"""File operations that fail, fill up, stall or count on demand: the disk of the journal's tests."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

from ingress.recording.files import FileOps


class FaultyFiles(FileOps):
    """The real disk, until told otherwise."""

    def __init__(self) -> None:
        self.fail_syncs = 0
        self._capacity_bytes: int | None = None
        self._filling = threading.Lock()
        self.free = 1 << 50
        self.hung = threading.Event()
        self.hung.set()
        self.truncate_works = True
        self.actions: list[str] = []
        self.synced_after_failure = False
        self._failed: set[int] = set()

    @property
    def capacity_bytes(self) -> int | None:
        """How much still fits; None: all."""
        return self._capacity_bytes

    @capacity_bytes.setter
    def capacity_bytes(self, left: int | None) -> None:
        with self._filling:  # the writer's thread may be filling it at this moment
            self._capacity_bytes = left

    def create(self, path: Path) -> int:
        self.actions.append(f"create {path.name}")
        descriptor = super().create(path)
        self._failed.discard(descriptor)
        return descriptor

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        with self._filling:
            capacity = self._capacity_bytes
            if capacity == 0:
                raise OSError(errno.ENOSPC, "no space left")
            taken = super().write(descriptor, data[:capacity])
            if capacity is not None:
                self._capacity_bytes = capacity - taken
            return taken

    def fdatasync(self, descriptor: int) -> None:
        self.hung.wait(20)
        if descriptor in self._failed:
            self.synced_after_failure = True
        if self.fail_syncs:
            self.fail_syncs -= 1
            self._failed.add(descriptor)
            self.actions.append("sync failed")
            raise OSError(errno.EIO, "input/output error")
        super().fdatasync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        if not self.truncate_works:
            raise OSError(errno.EIO, "input/output error")
        super().truncate(descriptor, size)

    def free_bytes(self, path: Path) -> int:
        return self.free
