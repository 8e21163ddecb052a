"""Look at a running stack from outside: its parts, its journal and its rows."""

import json
import re
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tailnumber.errors import CommandError
from tailnumber.output import duration
from tailnumber.stack.layout import Layout, is_locked, read_json
from tailnumber.stack.part import tail

_ANSWER_SECONDS: Final = 3.0
_LOG_BYTES: Final = 64 * 1024
_PAST: Final = timedelta(days=3650)
_COUNTS: Final = """\
SELECT
  (SELECT COUNT(*) FROM audit.events WHERE occurred_at >= @since) AS event_count,
  (SELECT COUNT(*) FROM audit.interactions WHERE requested_at >= @since) AS interaction_count,
  (SELECT COUNT(*) FROM audit.dead_letters WHERE published_at >= @since) AS dead_letter_count
"""
_ERROR_WORD: Final = re.compile(r"error|critical|failed|traceback", re.IGNORECASE)


def inspect(layout: Layout) -> dict[str, Any]:
    """Return what is known of the stack on a data directory; never fails because a part does."""
    document: dict[str, Any] = {
        "running": is_locked(layout.lock_file),
        "healthy": False,
        "reason": "no stack runs",
        "data_dir": str(layout.root),
        "gateway": None,
        "parts": [],
        "journal_waiting_count": None,
        "event_count": None,
        "interaction_count": None,
        "dead_letter_count": None,
        "last_error": None,
    }
    if not document["running"]:
        return document
    state = read_json(layout.state_file) or {"parts": {}}
    document["parts"] = [_part(name, part) for name, part in state["parts"].items()]
    document["last_error"] = _last_error(state["parts"])
    document["reason"] = "the stack is starting"
    endpoints = read_json(layout.endpoints_file)
    if endpoints is None:
        return document
    document["gateway"] = endpoints["gateway"]
    ready = readiness(endpoints["gateway"])
    document["journal_waiting_count"] = ready.get("unacknowledged_count")
    try:
        document |= _counts(layout)
    except CommandError as error:
        document["last_error"] = str(error)
    down = [part["name"] for part in document["parts"] if part["state"] != "ready"]
    document["reason"] = ready.get("reason") or ", ".join(f"{name} is down" for name in down)
    document["healthy"] = bool(ready.get("ready")) and not down
    return document


def readiness(gateway: str) -> dict[str, Any]:
    """Return the answer of ``/readyz``, or the reason why there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{gateway}/readyz", timeout=_ANSWER_SECONDS) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        with error:
            return _object(error.read())
    except (OSError, ValueError) as error:
        return {"ready": False, "reason": f"the gateway does not answer ({type(error).__name__})"}


def _object(body: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(body))
    except (ValueError, TypeError):
        return {"ready": False, "reason": "the gateway answers with an error"}


def _part(name: str, part: dict[str, Any]) -> dict[str, Any]:
    started = part["started_at"]
    alive = part["pid"] is not None and started
    age = (datetime.now(UTC) - datetime.fromisoformat(started)).total_seconds() if alive else None
    return {
        "name": name,
        "state": part["state"],
        "pid": part["pid"],
        "uptime": duration(age) if age is not None else None,
        "uptime_seconds": round(age, 1) if age is not None else None,
        "restart_count": part["restart_count"],
        "last_exit": part["last_exit"],
        "log": part["log"],
    }


def _counts(layout: Layout) -> dict[str, Any]:
    from tailnumber.trail import open_trail

    with open_trail(layout.read_endpoints()) as trail:
        return dict(trail.ask(_COUNTS, since=datetime.now(UTC) - _PAST).rows[0])


def _last_error(parts: dict[str, dict[str, Any]]) -> str | None:
    """Return the last line about an error that a part wrote since the stack was started."""
    for name, part in parts.items():
        text = tail(Path(part["log"]), _LOG_BYTES, part["log_offset"])
        for line in reversed(text.splitlines()):
            if _ERROR_WORD.search(line):
                return f"{name}: {line.strip()[:300]}"
    return None
