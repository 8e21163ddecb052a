"""The page about Looker names what the block has, and its commands make a project of it."""

import shutil
import subprocess
from pathlib import Path

import pytest
from lookml import BLOCK, dashboards, load

from schemas.access_matrix import ROLES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "looker.md").read_text()
LOADED = load()


def test_page_names_each_constant_attribute_dashboard_and_explore():
    assert all(f"| `{name}` | `{value}` |" in PAGE for name, value in LOADED.constants.items())
    explores = [e for e in LOADED.explores.values() if e.get("extension") != "required"]
    attributes = {each["user_attribute"] for e in explores for each in e.get("access_filters", ())}
    attributes |= {grant["user_attribute"] for grant in LOADED.grants.values()}
    assert all(f"| `{name}` |" in PAGE for name in attributes)
    assert all(f"| {board['title']} |" in PAGE for board in dashboards())
    assert all(f"| {explore['label']} |" in PAGE for explore in explores)


def test_page_gives_each_class_to_the_roles_that_the_grant_lets_in():
    readers = {r.name for r in ROLES.values() if r.datasets or r.scope == "department"}
    for name, grant in LOADED.grants.items():
        if name.startswith("sees_"):
            assert f"| `{name}` |" in PAGE
            assert readers - set(grant["allowed_values"]) == {"looker"}


def hidden_from(role, board):
    """Titles of the tiles that name a field or an explore that a role does not see."""
    for tile in board["elements"]:
        if tile["type"] != "text":
            named = [LOADED.field(name) for name in (*tile["fields"], *tile.get("filters", {}))]
            needed = {grant for field in named for grant in field.grants}
            views = {field.view for field in named}
            needed |= {g for each in views for g in LOADED.views[each]["required_access_grants"]}
            if any(role not in LOADED.grants[grant]["allowed_values"] for grant in needed):
                yield tile["title"]


@pytest.mark.parametrize("board", dashboards(), ids=lambda board: board["dashboard"])
def test_page_names_the_tiles_that_a_role_does_not_see(board):
    cells = ["; ".join(hidden_from(role, board)) or "-" for role in ("manager", "looker")]

    assert f"| {board['title']} | {' | '.join(cells)} |" in PAGE


@pytest.mark.parametrize("board", dashboards(), ids=lambda board: board["dashboard"])
def test_preview_has_every_tile(board):
    name = board["dashboard"].removeprefix("tailnumber_").replace("_", "-")
    drawn = (BLOCK.parents[1] / "docs" / "images" / f"looker-{name}.svg").read_text()

    assert f"(images/looker-{name}.svg)" in PAGE
    assert "Preview" in drawn
    missing = [each["title"] for each in board["elements"] if each.get("title", "") not in drawn]
    assert not missing, "run tests/bench/looker_preview.py"


def git(folder, *arguments):
    names = ("-c", "user.name=a", "-c", "user.email=a@acme.example")
    return subprocess.run(
        ["git", *names, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def test_subtree_of_the_page_has_the_manifest_at_its_root(tmp_path):
    (command,) = [line for line in PAGE.splitlines() if line.startswith("git subtree")]
    exec_path = Path(git(tmp_path, "--exec-path").strip())
    if not (exec_path / "git-subtree").exists():
        pytest.skip("git subtree is not installed")
    shutil.copytree(BLOCK, tmp_path / "schemas" / "looker")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "All of it")

    git(tmp_path, *command.split()[1:])

    files = set(git(tmp_path, "ls-tree", "-r", "--name-only", "looker-block").splitlines())
    assert files == {p.relative_to(BLOCK).as_posix() for p in BLOCK.rglob("*") if p.is_file()}
    assert "manifest.lkml" in files
