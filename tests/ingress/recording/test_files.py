"""The lock that tells a living writer from a dead one."""

from __future__ import annotations

import pytest

from ingress.recording.files import DirectoryLock, FileOps


def test_directory_is_locked_from_its_first_visible_moment(tmp_path):
    lock = DirectoryLock.create(tmp_path, "w1")

    assert DirectoryLock.seize(tmp_path / "w1") is None

    lock.close()
    seized = DirectoryLock.seize(tmp_path / "w1")
    assert seized is not None
    seized.close()


def test_missing_directory_cannot_be_seized(tmp_path):
    assert DirectoryLock.seize(tmp_path / "nobody") is None


def test_existing_directory_is_not_taken_over(tmp_path):
    DirectoryLock.create(tmp_path, "w1").close()

    with pytest.raises(OSError, match="not empty"):
        DirectoryLock.create(tmp_path, "w1")

    assert [path.name for path in tmp_path.iterdir()] == ["w1"]


def test_segment_file_is_created_once(tmp_path):
    files = FileOps()
    files.close(files.create(tmp_path / "s"))

    with pytest.raises(FileExistsError):
        files.create(tmp_path / "s")
    assert files.free_bytes(tmp_path) > 0
