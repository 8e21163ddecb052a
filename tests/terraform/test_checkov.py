"""checkov over every module and the example, with checks of our own for what it lacks."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import offline_terraform as offline
import pytest
import yaml

CHECKS = offline.HERE / "checks"
SKIPS: list[dict[str, str]] = yaml.safe_load((CHECKS / "skips.yaml").read_text())
OUR_CHECKS = [
    yaml.safe_load(path.read_text())["metadata"]["id"]
    for path in sorted(CHECKS.glob("*.yaml"))
    if path.name != "skips.yaml"
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What checkov says of a copy of terraform/ and of careless.tf beside it."""
    root = tmp_path_factory.mktemp("checkov")
    try:
        offline.terraform()
        program = offline.environment_of("checkov") / "bin" / "checkov"
    except offline.CannotRun as lacking:
        pytest.skip(f"COULD NOT RUN: {lacking}")
    space = offline.copy_sources(root)
    careless = space / "terraform" / "careless"
    careless.mkdir()
    (careless / "main.tf").write_text((CHECKS / "careless.tf").read_text())
    own = root / "own"
    own.mkdir()
    for path in CHECKS.glob("*.yaml"):
        if path.name != "skips.yaml":
            (own / path.name).write_text(path.read_text())
    done = subprocess.run(
        [
            *(program, "--directory", space / "terraform", "--framework", "terraform"),
            *("--external-checks-dir", own, "--skip-download", "--output", "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    # 1: it found something; it always does, in careless.tf.
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)["results"]


def findings(report: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["check_id"], each["resource"]) for each in report["failed_checks"]}


def skips_of(check: str, resource: str) -> list[int]:
    return [
        number
        for number, skip in enumerate(SKIPS)
        if skip.get("check") == check and re.fullmatch(skip["resource"], resource)
    ]


def test_every_finding_is_none_or_has_its_reason(report: dict[str, Any]):
    real = {each for each in findings(report) if not each[1].endswith(".careless")}

    assert sorted(each for each in real if not skips_of(*each)) == []


def test_no_skip_is_left_that_nothing_needs(report: dict[str, Any]):
    needed = {number for each in findings(report) for number in skips_of(*each)}
    unused = [skip for number, skip in enumerate(SKIPS) if "check" in skip and number not in needed]

    assert unused == []


def test_every_file_is_read_but_those_that_are_named(report: dict[str, Any]):
    unread = {
        path.split("/terraform/", 1)[1]
        for path in report["parsing_errors"]
        if not path.endswith(".tftest.hcl")
    }

    assert unread == {skip["unparsed"] for skip in SKIPS if "unparsed" in skip}


def test_every_skip_has_its_reason_and_none_stands_in_a_module(report: dict[str, Any]):
    assert all(len(skip["reason"]) > 20 for skip in SKIPS)
    assert report["skipped_checks"] == [], "write it into tests/terraform/checks/skips.yaml"


@pytest.mark.parametrize("check", OUR_CHECKS)
def test_a_check_of_ours_finds_what_it_is_for(check: str, report: dict[str, Any]):
    assert [each for each in findings(report) if each[0] == check and "careless" in each[1]]


def test_checkov_looked_at_the_modules(report: dict[str, Any]):
    seen = {Path(each["file_path"]).parts[2] for each in report["passed_checks"]}

    assert {"ingress", "keys", "pipeline", "stream", "warehouse"} <= seen
