"""Name every metric once, and write logs as JSON lines that cannot carry content.

A log line has a fixed message and a fixed set of extra members (ids, codes, counts). Whatever
else a record holds, its arguments and its traceback's values among them, is not written.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ingress.recording.journal import JournalStats

logger = logging.getLogger(__name__)

# Between two log lines of figures.
FIGURES_SECONDS: Final = 60.0

# Members that a log line may have beside its time, level, logger and message.
LOG_MEMBERS = (
    "interaction_id",
    "writer_id",
    "connection",
    "code",
    "cause",
    "error",
    "at",
    "task",
    "count",
    "digest",
    "address",
    "issuer",
    "figures",
)


class Metrics:
    """Metrics of one process; ``render`` gives Prometheus' text format."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "ingress_request_count", "requests by operation", ["operation"], registry=self._registry
        )
        self.refused = Counter(
            "ingress_refusal_count", "requests refused, by code", ["code"], registry=self._registry
        )
        self.denied = Counter(
            "ingress_access_denial_count",
            "callers not let in, by reason",
            ["code"],
            registry=self._registry,
        )
        self.ended = Counter(
            "ingress_interaction_count",
            "interactions by how they ended",
            ["status"],
            registry=self._registry,
        )
        self.duration = Histogram(
            "ingress_interaction_duration_seconds",
            "request read to answer ended",
            registry=self._registry,
        )
        self.policy_problems = Gauge(
            "ingress_policy_problem_count",
            "problems of a refused policy file; above 0 an earlier policy decides",
            registry=self._registry,
        )
        self.issuers_problems = Gauge(
            "ingress_issuers_problem_count",
            "problems of a refused issuers file; above 0 the issuers before it are trusted",
            registry=self._registry,
        )
        self._journal = {
            name: Gauge(f"ingress_journal_{name}", description, registry=self._registry)
            for name, description in (
                ("bytes", "bytes of the journal on disk"),
                ("segment_count", "segments on disk"),
                ("unacknowledged_count", "records not yet acknowledged by Pub/Sub"),
                ("oldest_unpublished_age_seconds", "age of the oldest of them"),
                ("healthy", "1: records become durable; 0: requests are refused"),
            )
        }

    def render(self, journal: JournalStats) -> bytes:
        """Return all metrics as text, with the journal's figures as they stand."""
        figures = {
            "bytes": journal.bytes_on_disk,
            "segment_count": journal.segments,
            "unacknowledged_count": journal.unacknowledged_count,
            "oldest_unpublished_age_seconds": journal.oldest_unpublished_age_seconds,
            "healthy": journal.healthy,
        }
        for name, value in figures.items():
            self._journal[name].set(value)
        return generate_latest(self._registry)

    def totals(self) -> dict[str, float]:
        """Return what was counted since the start, in all; ``unrecorded_count``: refused with 503
        because no record could be made durable.
        """  # noqa: D205 - one sentence
        return {
            "request_count": _total(self.requests),
            "refusal_count": _total(self.refused),
            "unrecorded_count": _total(self.refused, "audit_unavailable"),
            "access_denial_count": _total(self.denied),
        }


async def log_figures(
    metrics: Metrics, journal: Callable[[], JournalStats], seconds: float = FIGURES_SECONDS
) -> None:
    """Write a log line of numbers again and again: what was counted since the line before, and how
    the journal stands. For machines where nothing asks for /metrics, and a log is kept anyway.
    """  # noqa: D205 - one sentence
    before = metrics.totals()
    while True:
        await asyncio.sleep(seconds)
        now, stats = metrics.totals(), journal()
        figures = {name: int(total - before[name]) for name, total in now.items()}
        figures |= {
            "unacknowledged_count": stats.unacknowledged_count,
            "oldest_unpublished_age_seconds": round(stats.oldest_unpublished_age_seconds),
            "journal_bytes": stats.bytes_on_disk,
            "unhealthy_count": int(not stats.healthy),
        }
        logger.info("figures", extra={"figures": figures})
        before = now


def _total(counter: Counter, code: str | None = None) -> float:
    """Return a counter's sum, or its value for one code."""
    return sum(
        sample.value
        for family in counter.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and code in {None, sample.labels.get("code")}
    )


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.msg if isinstance(record.msg, str) else type(record.msg).__name__,
        }
        line |= {name: record.__dict__[name] for name in LOG_MEMBERS if name in record.__dict__}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, default=str)


def configure_logging() -> None:
    """Write the process's logs to standard error as JSON lines; from libraries only warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("ingress").setLevel(logging.INFO)
