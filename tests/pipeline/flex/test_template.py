"""The Flex Template's metadata: of the pipeline's own options, and as Dataflow takes it."""

import argparse
import json
import re
from pathlib import Path

import pytest

from pipeline.flex.__main__ import main
from pipeline.flex.template import NOT_OFFERED, container_spec, metadata
from pipeline.options import AuditOptions
from pipeline.streaming import stream

ROOT = Path(__file__).resolve().parents[3]
PARAMETERS = {each["name"]: each for each in metadata()["parameters"]}


def test_committed_metadata_is_what_the_options_say(capsys):
    main(["metadata"])

    assert capsys.readouterr().out == (ROOT / "pipeline/flex/metadata.json").read_text()


def test_every_option_is_offered_or_said_not_to_be():
    parser = argparse.ArgumentParser(add_help=False)
    AuditOptions._add_argparse_args(parser)

    assert PARAMETERS.keys() | NOT_OFFERED == {action.dest for action in parser._actions}


def test_required_parameters_are_those_without_which_the_pipeline_does_not_start(capsys):
    required = {name for name, each in PARAMETERS.items() if not each["isOptional"]}

    assert stream(["--project=acme-audit"]) == 2
    assert required == set(re.findall(r"--(\w+)", capsys.readouterr().err)) - {"project"}


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("subscription", "projects/acme-audit/subscriptions/audit-loader", True),
        ("subscription", "audit-loader", True),
        ("subscription", "projects/acme-audit/topics/audit-loader", False),
        ("dead_letter_topic", "projects/acme-audit/topics/audit-dead-letters", True),
        ("dead_letter_topic", "audit dead letters", False),
        ("directory", "gs://acme-enrichment/directory.csv", True),
        ("directory", "/etc/passwd", False),
        ("countries", "gs://acme-enrichment/", False),
    ],
)
def test_value_of_a_parameter_is_looked_at_before_the_launch(name, value, fits):
    (pattern,) = PARAMETERS[name]["regexes"]

    assert bool(re.fullmatch(pattern, value)) is fits


def test_workers_run_in_the_image_of_the_launcher(capsys):
    image = "europe-west4-docker.pkg.dev/acme/tailnumber/dataflow@sha256:" + "0" * 64

    main(["spec", image])

    spec = json.loads(capsys.readouterr().out)
    assert spec == container_spec(image)
    assert spec["image"] == spec["defaultEnvironment"]["sdkContainerImage"] == image
    assert spec["sdkInfo"] == {"language": "PYTHON"}
