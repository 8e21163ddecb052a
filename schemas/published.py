"""Fetch from git what another revision rendered."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from schemas.render import GENERATED

# A local git answers in milliseconds; one that does not is waiting for something.
_GIT_TIMEOUT_SECONDS: Final = 30


class RevisionError(Exception):
    """There is no such revision, no checkout, or no git."""


def published(revision: str, directory: Path = GENERATED) -> Mapping[str, str]:
    """Return the generated files of a git revision by their path; none if it had none.

    Raises:
        RevisionError: the revision cannot be read; the message says why and what to do.
    """
    name = f"{revision}^{{commit}}"
    found = _git(directory.parent, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
    if found is None:
        raise RevisionError(f"no commit {revision!r} here; give a branch, a tag or a commit")
    commit = found.strip()
    listing = _git(directory.parent, "ls-tree", "-r", "-z", "--name-only", commit, directory.name)
    files = {}
    for path in (listing or "").split("\0"):
        if path:
            text = _git(directory.parent, "show", f"{commit}:./{path}")
            if text is None:
                raise RevisionError(f"git cannot show {path} of {revision!r}")
            files[path.removeprefix(f"{directory.name}/")] = text
    return files


def _git(directory: Path, *arguments: str) -> str | None:
    """Return git's output in UTF-8, or None if it refused."""
    git = shutil.which("git")
    if git is None:
        raise RevisionError("git is not installed; the check reads published files from it")
    try:
        done = subprocess.run(  # noqa: S603  (no shell; the revision stands after --end-of-options)
            [git, "-C", str(directory), *arguments],
            capture_output=True,
            check=False,
            timeout=_GIT_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise RevisionError(f"git did not answer in {_GIT_TIMEOUT_SECONDS} s") from None
    if b"not a git repository" in done.stderr:
        raise RevisionError("not a git checkout; run the check where the project was cloned")
    return done.stdout.decode() if done.returncode == 0 else None
