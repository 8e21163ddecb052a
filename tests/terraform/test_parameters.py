"""The Dataflow job is given options that the pipeline has, and the template offers the same."""

import argparse
import json
import re
from pathlib import Path

import module_examples
import offline_terraform as offline

from pipeline.flex.template import container_spec
from pipeline.options import AuditOptions

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "terraform" / "modules" / "pipeline"

# For servers that are not Google's; never said on Dataflow.
LOCAL = {"storage", "pubsub"}


def _options() -> set[str]:
    parser = argparse.ArgumentParser(add_help=False)
    AuditOptions._add_argparse_args(parser)
    return {action.dest for action in parser._actions} - LOCAL


def _given() -> set[str]:
    """Return the parameters that terraform may give: those always given, and the files."""
    always = re.search(
        r"parameters = merge\(\s*\{(.*?)\}", (MODULE / "main.tf").read_text(), re.DOTALL
    )
    variables = (MODULE / "variables.tf").read_text()
    files = re.search(r'variable "enrichment" \{.*?object\(\{(.*?)\}\)', variables, re.DOTALL)
    assert always is not None
    assert files is not None
    return set(re.findall(r"^\s*(\w+)\s*=", always[1] + files[1], re.MULTILINE))


def test_terraform_gives_what_the_pipeline_takes() -> None:
    assert _given() == _options()


def test_the_template_offers_what_the_pipeline_takes() -> None:
    metadata = json.loads((ROOT / "pipeline" / "flex" / "metadata.json").read_text())

    assert {parameter["name"] for parameter in metadata["parameters"]} == _options()


def test_terraform_writes_the_container_spec_of_the_image(space: offline.Workspace) -> None:
    plan = module_examples.plan(space, "pipeline")
    values = {
        change["type"]: change["change"]["after"]
        for change in plan["resource_changes"]
        if change["type"] in {"google_storage_bucket_object", "google_dataflow_flex_template_job"}
    }
    image = values["google_dataflow_flex_template_job"]["sdk_container_image"]

    spec = json.loads(values["google_storage_bucket_object"]["content"])

    assert spec == container_spec(image)
