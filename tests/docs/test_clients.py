"""The pages about clients name the clients that there are, and what is really set."""

import re
from pathlib import Path

import pytest

from tailnumber.clients.catalogue import CLIENTS
from tailnumber.clients.places import Places
from tailnumber.clients.plan import Model, Setup

PAGES = Path(__file__).resolve().parents[2] / "docs" / "clients"
GATEWAY = "https://gateway.example"
PLACES = Places(Path("/home/ada"), Path("/home/ada/.config/tailnumber"), "linux", {})
SETUP = Setup(
    gateway=GATEWAY,
    places=PLACES,
    key_command=("tailnumber", "key", "--gateway", GATEWAY),
    key="tnk_…",
    models=(Model("gpt-4.1", "GPT-4.1"),),
)
WORD = re.compile(r"[A-Za-z_]{6,}")


def test_each_client_has_a_page_and_a_row():
    names = {page.stem for page in PAGES.glob("*.md")} - {"README"}

    assert names == set(CLIENTS)
    overview = (PAGES / "README.md").read_text()
    assert set(re.findall(r"\]\(([\w-]+)\.md\)", overview)) == names


@pytest.mark.parametrize("name", CLIENTS)
def test_page_shows_what_configure_sets(name):
    page = (PAGES / f"{name}.md").read_text()

    plan = CLIENTS[name].plan(SETUP)

    assert f"tailnumber configure {name}" in page
    for edit in plan.edits:
        for place, value in edit.values:
            steps = [
                step for step in place if isinstance(step, str) and not step.startswith("http")
            ]
            assert all(any(part in page for part in step.split(".")) for step in steps)
            missing = {word for word in WORD.findall(str(value)) if word not in page}
            assert missing <= {"Written", "schema", "version", "configure"}, missing


@pytest.mark.parametrize("name", CLIENTS)
def test_page_says_how_it_was_tried_and_what_is_recorded(name):
    page = (PAGES / f"{name}.md").read_text().lower()

    assert re.search(r"\*\*(tried|not run here)", page)
    assert "recorded" in page
