"""Check that each alert has its section in the runbook, each section its alert, and that its
commands are ones that there are.
"""

import re
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from schemas.questions import questions
from tailnumber.cli import app

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
ALERTS = (ROOT / "terraform" / "modules" / "observability" / "alerts.tf").read_text()
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
BLOCKS = re.findall(r"^```bash\n(.*?)^```", RUNBOOK, re.MULTILINE | re.DOTALL)


def _alerts() -> set[str]:
    """Return the keys of both maps of alerts: their names are the headings."""
    maps = re.findall(r"^  \w+_alerts = \{\n(.*?)^  \}", ALERTS, re.MULTILINE | re.DOTALL)
    return {name for each in maps for name in re.findall(r"^    ([\w-]+) = \{", each, re.MULTILINE)}


def test_each_alert_has_a_section_and_each_section_an_alert() -> None:
    assert len(_alerts()) >= 15
    assert SECTIONS.keys() == _alerts()


def test_the_modules_page_lists_every_alert() -> None:
    page = (ROOT / "terraform" / "modules" / "observability" / "README.md").read_text()

    assert (
        set(
            re.findall(
                r"^\| `([\w-]+)` \| .* \| (?:critical|error|warning) \|$", page, re.MULTILINE
            )
        )
        == _alerts()
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_says_what_to_look_at_what_to_do_and_when_it_is_over(section: str) -> None:
    for words in ("**Means**", "**Look at**", "**Do**", "**Over when**", "```bash"):
        assert words in SECTIONS[section], words


def test_the_shell_can_read_every_command() -> None:
    for block in BLOCKS:
        subprocess.run(["bash", "-n"], input=block, text=True, check=True)


def test_every_question_and_command_of_ours_is_one_that_there_is() -> None:
    spoken = re.findall(r"tailnumber (\w+)(?: (\w+))?", " ".join(BLOCKS) + RUNBOOK)
    commands = get_command(app).commands  # type: ignore[attr-defined]  # a group

    for command, word in spoken:
        assert command in commands, command
        if command == "ask" and word:
            assert word in questions(), word


def test_links_lead_to_headings_that_there_are() -> None:
    for anchor in re.findall(r"\]\(#([\w-]+)\)", RUNBOOK):
        assert anchor in SECTIONS
    for page in re.findall(r"\]\(([\w./-]+\.md)\)", RUNBOOK):
        assert (ROOT / "docs" / page).exists(), page
