"""What a gateway's machine is told by cloud-init: YAML, scripts that a shell reads, units that fit."""

import re
import subprocess
from typing import Any

import module_examples
import offline_terraform as offline
import pytest
import yaml


@pytest.fixture(scope="module")
def files(space: offline.Workspace) -> dict[str, str]:
    plan = module_examples.plan(space, "ingress")
    template = next(
        change["change"]["after"]
        for change in plan["resource_changes"]
        if change["type"] == "google_compute_region_instance_template"
    )
    told: dict[str, Any] = yaml.safe_load(template["metadata"]["user-data"])
    return {file["path"]: file["content"] for file in told["write_files"]}


@pytest.mark.parametrize("script", ["fetch", "prepare"])
def test_a_script_is_one_that_a_shell_reads(files: dict[str, str], script: str):
    checked = subprocess.run(
        ["bash", "-n"],
        input=files[f"/etc/tailnumber/{script}"],
        text=True,
        capture_output=True,
        check=False,
    )

    assert checked.stderr == ""


def test_a_script_stops_at_its_first_failure(files: dict[str, str]):
    assert all(
        "set -euo pipefail\n" in files[f"/etc/tailnumber/{script}"]
        for script in ("fetch", "prepare")
    )


def test_units_and_scripts_name_files_that_are_there(files: dict[str, str]):
    named = {
        path for text in files.values() for path in re.findall(r"/etc/tailnumber/[a-z_.]+", text)
    }

    assert named <= files.keys()


def test_a_disk_with_something_on_it_is_never_formatted(files: dict[str, str]):
    prepare = files["/etc/tailnumber/prepare"]

    assert re.findall(r"if (.*); then\n\s+mkfs", prepare) == ['test "$written" -eq 0']


def test_no_secret_is_told(files: dict[str, str]):
    assert "made-with-openssl" not in "".join(files.values())


def test_settings_are_one_line_each(files: dict[str, str]):
    lines = files["/etc/tailnumber/gateway.env"].splitlines()

    assert all(re.fullmatch(r"TAILNUMBER_[A-Z_]+=[^\s'\"]+", line) for line in lines)
