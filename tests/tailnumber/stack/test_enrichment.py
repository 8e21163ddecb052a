"""Files of enrichment are found, checked before anything starts, and handed to the pipeline."""

import json

import pytest

from pipeline.refresh import Sources
from tailnumber.demo.enrichment import write_samples
from tailnumber.errors import CommandError
from tailnumber.stack.checks import check_enrichment
from tailnumber.stack.enrichment import checked_sources, found_sources
from tailnumber.stack.layout import Layout, locked
from tailnumber.stack.machine import prepare


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "data")


def test_demo_files_are_found_and_good(layout):
    write_samples(layout)

    sources = checked_sources(layout, Sources())

    assert list(sources.named()) == ["directory", "repositories", "prices"]
    assert check_enrichment(layout).text == "Readable: directory, repositories, prices."


def test_named_file_stands_over_the_found_one(layout, tmp_path, monkeypatch):
    write_samples(layout)
    monkeypatch.chdir(tmp_path)

    sources = found_sources(layout, Sources(prices="mine.csv", directory="gs://bucket/people.csv"))

    assert sources.prices == str(tmp_path / "mine.csv")
    assert sources.directory == "gs://bucket/people.csv"
    assert sources.repositories == str(layout.enrichment / "repositories.csv")


def test_written_sample_is_not_written_over(layout):
    write_samples(layout)
    prices = layout.enrichment / "prices.csv"
    prices.write_text("mine")

    write_samples(layout)

    assert prices.read_text() == "mine"


def test_pipeline_is_told_its_sources(layout, monkeypatch):
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    write_samples(layout)

    machine = prepare(layout, port=0, demo=True, policy=None)

    (pipeline,) = [p for p in machine.parts(lambda _: None) if p.name == "pipeline"]
    at = pipeline.command.index("--directory")
    assert pipeline.command[at + 1] == str(layout.enrichment / "directory.csv")
    assert "--countries" not in pipeline.command


def test_broken_file_stops_the_start_and_fails_the_check(layout):
    write_samples(layout)
    (layout.enrichment / "prices.csv").write_text("model,price\n")

    with pytest.raises(CommandError, match=r"Enrichment is refused: prices\.csv, line 1: unknown"):
        prepare(layout, port=0, demo=True, policy=None)

    assert check_enrichment(layout).level == "fail"


def test_running_stack_is_checked_on_the_files_it_was_started_with(layout, tmp_path):
    write_samples(layout)
    broken = tmp_path / "people.csv"
    broken.write_text("email,department\na@x,X\na@x,Y\n")
    layout.state_file.write_text(json.dumps({"sources": {"directory": str(broken)}}))

    with locked(layout.lock_file):
        finding = check_enrichment(layout)

    assert finding.level == "fail"
    assert finding.text == (
        "people.csv, line 3: this email stands on line 2 already; keep one; "
        "the pipeline keeps what it read before."
    )


def test_nothing_is_fine(layout):
    assert check_enrichment(layout).level == "ok"
