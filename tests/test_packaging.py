"""The wheel holds our four packages and their data, and nothing else at its top level."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"ingress", "pipeline", "schemas", "tailnumber"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_wheel_ships_four_packages_only(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES


@pytest.mark.parametrize(
    "name",
    [
        "ingress/masking/builtin.toml",
        "ingress/console/index.html",
        "schemas/generated/tables/audit.events_v1.json",
        "schemas/generated/views/audit.interactions.sql",
    ],
)
def test_wheel_ships_the_files_that_code_reads(wheel, name):
    assert name in wheel.namelist()


def test_distribution_is_not_named_like_a_package_of_another(wheel):
    metadata = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))

    assert "\nName: tailnumber\n" in wheel.read(metadata).decode()
