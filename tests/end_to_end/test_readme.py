"""Every command of the README does what it says, on a running stack."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.xdist_group("stack")]

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def commands():
    blocks = re.findall(r"^```bash\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line]


def test_readme_is_no_longer_than_a_person_reads():
    assert len(README.splitlines()) <= 200


@pytest.mark.parametrize("command", [line for line in commands() if not line.startswith("make ")])
def test_command_succeeds(stack, command):
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TAILNUMBER_DATA_DIR": str(stack.data_dir),
        "GATEWAY": stack.gateway,
        "KEY": stack.key,
        "COLUMNS": "120",
    }

    done = subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("make ")])
def test_make_target_exists(command):
    target = command.removeprefix("make ").split()[-1]

    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_documents_that_it_names_exist():
    for path in re.findall(r"\]\((docs/[^)#]+)\)", README):
        assert (ROOT / path).exists(), path
