"""Turn a recorded interaction back into the operation that policy saw."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ingress.policy.cases import make_operation
from ingress.policy.conditions import VARIABLE_NAMES
from ingress.policy.rules import Operation
from tailnumber import questions
from tailnumber.errors import CheckFailed
from tailnumber.trail import Trail

# A variable of conditions -> the column that recorded it, where their names differ.
_COLUMNS: Final[Mapping[str, str]] = {
    "paths": "file_paths",
    "stream": "streamed",
    "size": "prompt_bytes",
    "time": "requested_at",
}


def recorded_interaction(
    trail: Trail, interaction_id: str, since: datetime
) -> tuple[Operation, dict[str, Any]]:
    """Return what an interaction asked for, and its row.

    Raises:
        CheckFailed: nothing, or more than one, was recorded under what was given of its id.
    """
    answer = trail.ask(questions.INTERACTION, since=since, interaction_id=interaction_id)
    if len(answer.rows) != 1:
        found = "More than one interaction begins with" if answer.rows else "No interaction"
        raise CheckFailed(
            f"{found} {interaction_id!r} since {since:%Y-%m-%d %H:%M} UTC; "
            "ids are shown by: tailnumber replay SESSION --json"
        )
    (row,) = answer.rows
    findings = trail.ask(
        questions.PROMPT_FINDINGS, since=since, interaction_id=row["interaction_id"]
    )
    return operation_of(row, [each["rule_id"] for each in findings.rows]), row


def operation_of(row: Mapping[str, Any], findings: list[str]) -> Operation:
    """Return the operation that a row of ``audit.interactions`` tells.

    A row has all that policy saw of a request but ``ref`` and ``tool_name``, which are empty, and
    what the principal had used by then, which is 0.
    """
    facts: dict[str, Any] = {"findings": tuple(findings)}
    if row.get("language"):
        facts["languages"] = (row["language"],)
    for name in VARIABLE_NAMES:
        value = row.get(_COLUMNS.get(name, name.replace(".", "_")))
        if value is not None:
            facts[name] = tuple(value) if isinstance(value, list) else value
    return make_operation(facts)
