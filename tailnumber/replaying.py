"""Put one session back together: its turns in order, each with the texts that were new in it.

A client sends the whole conversation with every turn, and content is stored once; a part is
``new`` in the first turn of the session that holds it. Pure but for opening the texts.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tailnumber import questions
from tailnumber.errors import CommandError
from tailnumber.reader import Reader
from tailnumber.trail import Row, Trail

_OF_FINDING = ("rule_id", "tier", "direction", "action", "location", "fingerprint")

Open = Callable[[Mapping[str, Any]], str | None]


def session_turns(
    trail: Trail, reader: Reader, session: str, since: datetime
) -> tuple[str, list[dict[str, Any]]]:
    """Return a session's full id and its turns; no turns if there is no such session.

    Args:
        trail: where to ask.
        reader: who opens the texts.
        session: the id or how it begins.
        since: earliest request to look at.

    Raises:
        CommandError: several sessions begin so.
    """
    found = trail.ask(questions.SESSION_IDS, since=since, session_id=session).rows
    ids = [row["session_id"] for row in found]
    if session in ids:
        ids = [session]
    if len(ids) > 1:
        raise CommandError(f"Several sessions begin with {session!r}: {', '.join(ids)}")
    if not ids:
        return session, []
    interactions, parts, findings = (
        trail.ask(question, since=since, session_id=ids[0]).rows
        for question in (questions.TURNS, questions.PARTS, questions.FINDINGS)
    )
    return ids[0], build_turns(interactions, parts, findings, reader.part)


def opened_parts(session: str, turns: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the texts that turns show, for the record of who saw them."""
    opened = []
    for turn in turns:
        ids = {name: turn[name] for name in ("interaction_id", "principal_id")}
        shown = [part["part_id"] for part in (*turn["prompt"], *turn["completion"])]
        opened += [{"session_id": session, **ids, "part_id": part_id} for part_id in shown]
    return opened


def build_turns(
    interactions: Sequence[Row], parts: Sequence[Row], findings: Sequence[Row], open_text: Open
) -> list[dict[str, Any]]:
    """Return the turns of one session, oldest first.

    Args:
        interactions: rows of ``questions.TURNS``, in order.
        parts: rows of ``questions.PARTS``.
        findings: rows of ``questions.FINDINGS``.
        open_text: row of a part to its text; None if the key was erased.
    """
    stored = {row["part_id"]: row for row in parts}
    opened: dict[str, dict[str, Any]] = {}

    def part(part_id: str) -> dict[str, Any]:
        if part_id not in opened:
            opened[part_id] = _part(part_id, stored.get(part_id), open_text)
        return opened[part_id]

    found = defaultdict(list)
    for row in findings:
        found[row["interaction_id"]].append({name: row[name] for name in _OF_FINDING})
    seen: set[str] = set()
    turns = []
    for row in interactions:
        turns.append(_turn(row, part, seen, found[row["interaction_id"]]))
        seen.update(row["prompt_part_ids"])
        seen.update(row["completion_part_ids"])
    return turns


def _turn(
    row: Row, part: Callable[[str], dict[str, Any]], seen: set[str], findings: list[dict[str, Any]]
) -> dict[str, Any]:
    turn = {name: value for name, value in row.items() if not name.endswith("_part_ids")}
    turn["prompt"] = [
        {**part(part_id), "new": part_id not in seen} for part_id in row["prompt_part_ids"]
    ]
    turn["completion"] = [part(part_id) for part_id in row["completion_part_ids"]]
    turn["tool_calls"] = [
        {
            "name": call["name"],
            "call_id": call.get("call_id"),
            "file_paths": list(call.get("file_paths") or ()),
            "arguments": part(call["arguments_part_id"])["text"]
            if call.get("arguments_part_id")
            else None,
        }
        for call in row["tool_calls"] or ()
    ]
    turn["findings"] = findings
    return turn


def _part(part_id: str, row: Row | None, open_text: Open) -> dict[str, Any]:
    if row is None:
        # Not loaded yet, or past its retention: metadata outlives the texts.
        return _described(part_id, {}, text=None, state="not stored")
    text = open_text(row)
    return _described(part_id, row, text=text, state="erased" if text is None else "readable")


def _described(
    part_id: str, row: Mapping[str, Any], *, text: str | None, state: str
) -> dict[str, Any]:
    described = {name: row.get(name) for name in ("role", "kind", "size_bytes")}
    return {"part_id": part_id, **described, "state": state, "text": text}
