"""Check that the gateway tells its figures in its log, as numbers and nothing else."""

import asyncio
import json
import logging
from contextlib import suppress

import pytest

from ingress.recording.journal import JournalStats
from ingress.telemetry import Metrics, _JsonLines, log_figures


def _stats() -> JournalStats:
    return JournalStats(
        records=9,
        bytes_on_disk=4096,
        segments=1,
        unacknowledged_count=3,
        oldest_unpublished_age_seconds=12.4,
        pending_count=0,
        healthy=False,
        last_error="disk_low",
    )


def test_a_line_of_figures_counts_since_the_line_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics = Metrics()
    metrics.requests.labels("chat").inc(5)

    def serve() -> None:
        metrics.requests.labels("chat").inc(2)
        metrics.requests.labels("embeddings").inc()
        metrics.refused.labels("audit_unavailable").inc()
        metrics.refused.labels("policy_denied").inc()

    async def run() -> None:
        asyncio.get_running_loop().call_later(0.005, serve)
        with suppress(TimeoutError):
            await asyncio.wait_for(log_figures(metrics, _stats, seconds=0.05), 0.4)

    with caplog.at_level(logging.INFO, "ingress.telemetry"):
        asyncio.run(run())

    first, second = (json.loads(_JsonLines().format(record)) for record in caplog.records[:2])
    assert first["message"] == "figures"
    assert first["figures"] == {
        "request_count": 3,
        "refusal_count": 2,
        "unrecorded_count": 1,
        "access_denial_count": 0,
        "unacknowledged_count": 3,
        "oldest_unpublished_age_seconds": 12,
        "journal_bytes": 4096,
        "unhealthy_count": 1,
    }
    assert second["figures"]["request_count"] == 0
