"""Check that Beam's Dataflow launcher makes the job that terraform describes, with no cloud at hand.

What stands here is what Dataflow would get; that Dataflow takes and runs it is not shown.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.portability.common_urns import primitives
from fake_storage import FakeStorage

from pipeline.streaming import stream

IMAGE = "europe-west1-docker.pkg.dev/acme-audit/tailnumber/dataflow@sha256:" + "0" * 64
SUBSCRIPTION = "projects/acme-audit/subscriptions/tailnumber-audit-events-pipeline"
DEAD_LETTERS = "projects/acme-audit/topics/tailnumber-audit-dead-letters"
DIRECTORY = "gs://acme-enrichment/directory.csv"

# What a launcher in a Flex Template adds to the parameters of the template.
LAUNCHER = (
    "--runner=DataflowRunner",
    "--project=acme-audit",
    "--region=europe-west1",
    "--job_name=tailnumber-pipeline",
    "--temp_location=gs://acme-staging/temp",
    "--staging_location=gs://acme-staging/staging",
    "--template_location=gs://acme-staging/job",
    f"--sdk_container_image={IMAGE}",
)


@dataclass
class Launch:
    exit_code: int
    errors: str
    asked: list[str]
    job: dict[str, Any]
    graph: beam_runner_api_pb2.Pipeline


def _launch(storage: FakeStorage, folder: Path, *parameters: str) -> Launch:
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline", "stream", *LAUNCHER, *parameters],
        env={**os.environ, **storage.environment(folder)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    graphs = [data for name, data in storage.objects.items() if name.endswith("/pipeline.pb")]
    return Launch(
        ended.returncode,
        ended.stderr,
        storage.asked,
        json.loads(storage.objects.get("acme-staging/job", b"{}")),
        beam_runner_api_pb2.Pipeline.FromString(graphs[0] if graphs else b""),
    )


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Launch:
    with FakeStorage() as storage:
        storage.objects["acme-enrichment/directory.csv"] = (
            b"department,email\nPayments,ann@acme.example\n"
        )
        return _launch(
            storage,
            tmp_path_factory.mktemp("launch"),
            f"--subscription={SUBSCRIPTION}",
            f"--dead_letter_topic={DEAD_LETTERS}",
            f"--directory={DIRECTORY}",
        )


@pytest.mark.slow
def test_launcher_makes_a_streaming_job_and_ends_well(launch: Launch) -> None:
    assert launch.exit_code == 0, launch.errors
    assert launch.job["type"] == "JOB_TYPE_STREAMING"
    (pool,) = launch.job["environment"]["workerPools"]
    assert pool["workerHarnessContainerImage"] == IMAGE
    options = launch.job["environment"]["sdkPipelineOptions"]["options"]
    assert options["enable_streaming_engine"]
    assert (options["subscription"], options["dead_letter_topic"], options["directory"]) == (
        SUBSCRIPTION,
        DEAD_LETTERS,
        DIRECTORY,
    )


@pytest.mark.slow
def test_graph_is_one_stage_so_a_message_is_acknowledged_after_its_rows_are_loaded(
    launch: Launch,
) -> None:
    transforms = launch.graph.components.transforms.values()
    steps = {step.spec.urn for step in transforms if not step.subtransforms and step.spec.urn}

    # No shuffle, no state that one would need: Dataflow fuses all of it.
    assert steps == {
        "beam:transform:pubsub_read:v1",
        primitives.PAR_DO.urn,
        primitives.FLATTEN.urn,
    }
    collections = launch.graph.components.pcollections.values()
    assert {c.is_bounded for c in collections} == {beam_runner_api_pb2.IsBounded.UNBOUNDED}


@pytest.mark.slow
def test_graph_holds_no_keyed_state_and_reads_no_table(launch: Launch) -> None:
    components = launch.graph.components
    names = {step.unique_name for step in components.transforms.values()}
    assert not [name for name in names if "BigQuery" in name or "GroupByKey" in name]
    for step in components.transforms.values():
        if step.spec.urn == primitives.PAR_DO.urn:
            payload = beam_runner_api_pb2.ParDoPayload.FromString(step.spec.payload)
            assert not payload.state_specs
            assert not payload.side_inputs


@pytest.mark.slow
def test_workers_get_no_pickled_session_of_the_launcher(launch: Launch) -> None:
    (pool,) = launch.job["environment"]["workerPools"]

    assert "pickled_main_session" not in {package["name"] for package in pool["packages"]}


@pytest.mark.slow
def test_launcher_asks_for_the_staging_bucket_and_the_enrichment_file_alone(
    launch: Launch,
) -> None:
    paths = {asked.partition(" ")[2] for asked in launch.asked} - {"/token"}

    # storage.buckets.get and objects of two buckets: what the pipeline module grants.
    buckets = {path.partition("/b/")[2].split("/")[0] for path in paths if "/b/" in path}
    assert buckets == {"acme-staging", "acme-enrichment"}
    assert "GET /storage/v1/b/acme-staging" in launch.asked
    assert not [path for path in paths if "topics" in path or "bigquery" in path]


@pytest.mark.slow
def test_enrichment_file_that_cannot_be_read_fails_the_launch_and_is_named(tmp_path: Path) -> None:
    with FakeStorage() as storage:
        ended = _launch(
            storage,
            tmp_path,
            f"--subscription={SUBSCRIPTION}",
            f"--dead_letter_topic={DEAD_LETTERS}",
            f"--directory={DIRECTORY}",
        )

    assert ended.exit_code == 2
    assert f"cannot start: {DIRECTORY}" in ended.errors
    assert not ended.job


def test_a_run_without_its_subscription_says_what_is_needed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert stream(["--project=acme-audit", f"--dead_letter_topic={DEAD_LETTERS}"]) == 2
    assert "--subscription" in capsys.readouterr().err
