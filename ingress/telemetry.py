"""Name every metric once, and write logs as JSON lines that cannot carry content.

A log line has a fixed message and a fixed set of extra members (ids, codes, counts). Whatever
else a record holds, its arguments and its traceback's values among them, is not written.
"""

import json
import logging
import sys
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ingress.recording.journal import JournalStats

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
        self.findings = Counter(
            "ingress_finding_count",
            "secrets found, by direction",
            ["direction"],
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
