"""Every touch of the file system by the journal, in one place, so that tests can break it.

``FileOps`` is the seam: the real one calls the kernel, a faulty one fails a sync, fills the disk
or hangs. ``DirectoryLock`` is the flock that tells a living writer from a dead one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

LOCK_NAME: Final = "lock"
REJECTED: Final = "rejected"
QUARANTINE: Final = "quarantine"


class FileOps:
    """The file operations of one writer. Every method may raise OSError."""

    def create(self, path: Path) -> int:
        """Create a file that must not exist, readable by its owner alone."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write some of the data behind what was written; return how many bytes were taken."""
        return os.write(descriptor, data)

    def reserve(self, descriptor: int, start: int, size: int) -> None:
        """Fill a place behind the end with zeros; the next write still goes where it would."""
        os.pwrite(descriptor, bytes(size), start)

    def fdatasync(self, descriptor: int) -> None:
        """Wait until the file's bytes and size are durable."""
        os.fdatasync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file to a size."""
        os.ftruncate(descriptor, size)

    def close(self, descriptor: int) -> None:
        """Close a file."""
        os.close(descriptor)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def sync_directory(self, path: Path) -> None:
        """Wait until the names in a directory are durable."""
        sync_directory(path)

    def free_bytes(self, path: Path) -> int:
        """Return how many bytes an unprivileged process may still write below a directory."""
        status = os.statvfs(path)
        return status.f_bavail * status.f_frsize


def sync_directory(path: Path) -> None:
    """Wait until the names in a directory are durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class DirectoryLock:
    """An exclusive flock on a writer's directory, held for as long as the object is open.

    The kernel lets go of it when the process dies, however it dies.
    """

    def __init__(self, directory: Path, descriptor: int) -> None:
        self.directory = directory
        self._descriptor: int | None = descriptor

    @classmethod
    def create(cls, root: Path, writer_id: str) -> DirectoryLock:
        """Make a new writer's directory, locked from its first visible moment.

        It is built under a hidden name and renamed: no adopter can see it unlocked.

        Raises:
            OSError: the disk refuses, or the directory exists (``writer_id`` is not unique).
        """
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        hidden = root / f".{writer_id}"
        hidden.mkdir(mode=0o700)
        lock = cls(hidden, os.open(hidden / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600))
        try:
            if not lock._take():
                raise BlockingIOError(f"writer directory is locked: {writer_id}")
            hidden.rename(root / writer_id)
        except OSError:
            with contextlib.suppress(OSError):  # the first error is the one to tell
                lock.remove_directory()
            raise
        lock.directory = root / writer_id
        sync_directory(root)
        return lock

    @classmethod
    def seize(cls, directory: Path) -> DirectoryLock | None:
        """Take the lock of a dead writer; None while somebody lives in the directory.

        Raises:
            OSError: the lock file cannot be opened.
        """
        path = directory / LOCK_NAME
        try:
            lock = cls(directory, os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except FileNotFoundError:
            return None
        if lock._take() and lock._is_current():
            return lock
        lock.close()
        return None

    def _take(self) -> bool:
        if self._descriptor is None:
            return False
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _is_current(self) -> bool:
        """Tell whether the locked file still has its name: another adopter may have removed it."""
        if self._descriptor is None:
            return False
        try:
            named = (self.directory / LOCK_NAME).stat()
        except FileNotFoundError:
            return False
        return named.st_ino == os.fstat(self._descriptor).st_ino

    def remove_directory(self) -> None:
        """Remove the directory with all in it, lock last, and let go.

        Raises:
            OSError: a file cannot be removed; the lock is let go of all the same.
        """
        try:
            for path in sorted(self.directory.iterdir()):
                if path.name != LOCK_NAME:
                    path.unlink()
            (self.directory / LOCK_NAME).unlink()
            self.directory.rmdir()
            sync_directory(self.directory.parent)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the lock; a second call does nothing."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with contextlib.suppress(OSError):  # closed either way, and nothing was written to it
                os.close(descriptor)
