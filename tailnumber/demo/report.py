"""Print what the audit shows of the demo's hour: SQL on the views, and one session replayed."""

from datetime import datetime
from typing import Any, Final

from tailnumber.demo.arrivals import percentile
from tailnumber.output import as_utc, console, say, table
from tailnumber.reader import Reader
from tailnumber.replaying import session_turns
from tailnumber.trail import Trail
from tailnumber.transcript import print_transcript

WHO_ASKED: Final = """\
SELECT
  COALESCE(principal_email, principal_subject) AS who,
  MAX(client_name) AS client,
  MAX(client_editor) AS editor,
  COUNTIF(operation = 'inline') AS inline,
  COUNTIF(operation = 'chat') AS chat,
  COUNTIF(operation = 'embeddings') AS embeddings,
  SUM(ARRAY_LENGTH(tool_calls)) AS tool_calls,
  SUM(output_tokens) AS output_tokens,
  SUM(prompt_finding_count + completion_finding_count) AS findings,
  COUNTIF(status = 'blocked') AS refused
FROM audit.interactions
WHERE requested_at >= @since
GROUP BY who
ORDER BY who
"""
COST: Final = """\
SELECT
  COALESCE(department, 'unknown') AS department,
  COUNT(DISTINCT principal_id) AS people,
  COUNT(*) AS interactions,
  COUNTIF(repository_criticality = 'critical') AS on_critical_repositories,
  SUM(input_tokens) AS input_tokens,
  SUM(output_tokens) AS output_tokens,
  SUM(cost_amount) AS cost,
  MAX(cost_currency) AS currency
FROM audit.interactions
WHERE requested_at >= @since
GROUP BY department
ORDER BY department
"""
MASKED: Final = """\
SELECT
  MIN(occurred_at) AS first_at,
  principal_email AS who,
  rule_id,
  direction,
  action,
  fingerprint,
  COUNT(*) AS seen_count
FROM audit.findings
WHERE occurred_at >= @since
GROUP BY who, rule_id, direction, action, fingerprint
ORDER BY first_at, rule_id
"""
REFUSED: Final = """\
SELECT
  requested_at,
  COALESCE(principal_email, principal_subject) AS who,
  operation,
  repository,
  rule_id,
  http_status
FROM audit.interactions
WHERE requested_at >= @since AND status = 'blocked'
ORDER BY requested_at
"""
DENIED: Final = """\
SELECT occurred_at, unverified_key_id, client_name, reason_code, path, http_status
FROM audit.access_denials
WHERE occurred_at >= @since
ORDER BY occurred_at
"""
EDITED: Final = """\
SELECT
  requested_at, COALESCE(principal_email, principal_subject) AS who, model, call.name AS tool,
  call.file_paths AS files
FROM audit.interactions, UNNEST(tool_calls) AS call
WHERE requested_at >= @since
ORDER BY requested_at
"""
_WAYS: Final = {"to_upstream": "in the prompt", "to_client": "in the answer"}


def print_report(trail: Trail, reader: Reader, since: datetime, session_id: str) -> None:
    """Print every table, then one session."""
    _print_table(trail, since, "Who asked what", WHO_ASKED)
    _print_table(trail, since, "What it cost, by department", COST)
    _print_masked(trail, since)
    _print_table(trail, since, "What was refused by policy", REFUSED)
    _print_table(trail, since, "Who was not let in", DENIED)
    _print_table(trail, since, "What the models did with tools", EDITED)
    say("One session, replayed (texts are opened with this machine's key)", style="bold")
    say()
    _, turns = session_turns(trail, reader, session_id, since)
    turns = [turn for turn in turns if turn["operation"] == "chat"]
    if turns:
        print_transcript(session_id, turns, full=False)


def print_latency(delays: list[float]) -> None:
    """Print how long rows took, from the answer's end to the view's answer."""
    p50, p95 = percentile(delays, 0.5), percentile(delays, 0.95)
    say(
        f"From an answer's end to its row in BigQuery: p50 {p50:.2f} s, p95 {p95:.2f} s, "
        f"longest {delays[-1] if delays else 0:.2f} s ({len(delays)} requests).",
        style="bold",
    )


def _print_table(trail: Trail, since: datetime, title: str, sql: str) -> None:
    answer = trail.ask(sql, since=since)
    rows = [[_shown(row[name]) for name in answer.columns] for row in answer.rows]
    columns = ["at (UTC)" if name.endswith("_at") else name for name in answer.columns]
    console().print(table(columns, rows, title=title))


def _print_masked(trail: Trail, since: datetime) -> None:
    rows = [
        (
            _shown(row["first_at"]),
            row["who"],
            row["rule_id"],
            _WAYS[row["direction"]],
            row["action"],
            row["seen_count"],
            f"{row['fingerprint'][:12]}…",
        )
        for row in trail.ask(MASKED, since=since).rows
    ]
    columns = ("first at", "who", "secret", "where", "what was done", "times", "fingerprint")
    title = "What was masked (the secret itself is nowhere; equal fingerprints are equal secrets)"
    console().print(table(columns, rows, title=title))


def _shown(value: Any) -> Any:
    return as_utc(value).strftime("%H:%M:%S") if isinstance(value, datetime) else value
