"""Check how published files are fetched, on a git repository made for the test."""

import subprocess
from pathlib import Path

import pytest

from schemas.published import RevisionError, published


def git(directory: Path, *arguments: str) -> None:
    identity = (
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.invalid",
        "-c",
        "commit.gpgsign=false",
    )
    subprocess.run(["git", "-C", str(directory), *identity, *arguments], check=True)


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    """Return a ``generated`` directory whose first commit is empty of it and second is not."""
    directory = tmp_path / "schemas" / "generated"
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "nothing yet")
    (directory / "views").mkdir(parents=True)
    (directory / "views" / "a b.sql").write_text("SELECT 'é'\n", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "publish")
    return directory


def test_files_of_a_revision_are_returned_by_their_path(generated: Path) -> None:
    (generated / "views" / "a b.sql").write_text("changed since\n")

    assert published("main", generated) == {"views/a b.sql": "SELECT 'é'\n"}


def test_revision_without_generated_files_has_none(generated: Path) -> None:
    assert published("main~1", generated) == {}


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "", "main:schemas"])
def test_what_is_no_commit_is_refused_by_its_name(generated: Path, revision: str) -> None:
    with pytest.raises(RevisionError, match="give a branch, a tag or a commit"):
        published(revision, generated)


def test_directory_outside_a_checkout_is_said(tmp_path: Path) -> None:
    (tmp_path / "generated").mkdir()

    with pytest.raises(RevisionError, match="not a git checkout"):
        published("main", tmp_path / "generated")


def test_missing_git_is_said(generated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(RevisionError, match="git is not installed"):
        published("main", generated)
