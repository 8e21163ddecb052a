import pytest

from tailnumber.errors import CommandError
from tailnumber.files import private_folder, write_atomic, write_private


def test_file_is_replaced_whole_and_only_for_its_owner(tmp_path):
    file = tmp_path / "deep" / "file"

    write_private(file, b"one")
    write_private(file, b"two")

    assert file.read_bytes() == b"two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_link_stays_a_link(tmp_path):
    target, link = tmp_path / "dotfiles", tmp_path / "settings"
    target.write_text("old")
    link.symlink_to(target)

    write_atomic(link, b"new", 0o644)

    assert link.is_symlink()
    assert target.read_text() == "new"


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(CommandError, match="cannot be made"):
        private_folder(tmp_path / "file" / "folder")
    with pytest.raises(CommandError, match="cannot be written"):
        write_private(tmp_path / "file" / "folder", b"")
