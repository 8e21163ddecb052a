"""The metrics that terraform makes of the gateway's log find their numbers in what it really writes."""

import asyncio
import json
import logging
import re
from contextlib import suppress
from pathlib import Path

import pytest

from ingress.recording.journal import JournalStats
from ingress.telemetry import Metrics, _JsonLines, log_figures

METRICS = Path(__file__).resolve().parents[2] / "terraform/modules/observability/metrics.tf"


def _wanted() -> list[str]:
    block = re.search(r"^  figures = \{\n(.*?)^  \}", METRICS.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    return re.findall(r"^    (\w+) +=", block[1], re.MULTILINE)


def _line(caplog: pytest.LogCaptureFixture) -> str:
    stats = JournalStats(0, 7, 0, 5, 3.0, 0, healthy=True, last_error=None)

    async def run() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(log_figures(Metrics(), lambda: stats, seconds=0.01), 0.1)

    with caplog.at_level(logging.INFO, "ingress.telemetry"):
        asyncio.run(run())
    return _JsonLines().format(caplog.records[0])


def test_each_metric_of_an_instance_reads_its_number(caplog: pytest.LogCaptureFixture) -> None:
    line = _line(caplog)
    figures = json.loads(line)["figures"]

    assert '"message": "figures"' in line
    assert '"logger": "ingress' in line
    for name in _wanted():
        found = re.search(f'"{name}": ([0-9]+)', line)
        assert found is not None, name
        assert int(found[1]) == figures[name]


def test_the_text_that_is_looked_for_is_the_one_terraform_says() -> None:
    text = METRICS.read_text()

    assert r"REGEXP_EXTRACT(jsonPayload.message, \"\\\"%s\\\": ([0-9]+)\")" in text
    assert r"jsonPayload.message:\"\\\"message\\\": \\\"figures\\\"\"" in text
    assert "EXTRACT(jsonPayload.figures.%s)" in text
