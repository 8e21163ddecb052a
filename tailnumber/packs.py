"""Write a framework's pack: every question that answers a clause of it, asked over one period.

A pack is a folder: ``README.md`` says clause by clause what was asked and how many rows it found,
and each answer lies beside it as CSV, named with its SHA-256, so that an auditor can tell the
file that was handed over from another.
"""

import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from schemas.question_values import Value
from schemas.questions import PACKS, Question, questions
from tailnumber.answering import write_csv
from tailnumber.asking import bind
from tailnumber.errors import CommandError
from tailnumber.files import private_folder, write_private
from tailnumber.trail import Trail


@dataclass(frozen=True, slots=True)
class Answered:
    """One question of a pack: its rows lie in ``file``; None = it needs a parameter."""

    question: Question
    row_count: int
    file: str | None
    digest: str


def pack_questions(pack: str) -> list[Question]:
    """Return the questions of a pack.

    Raises:
        CommandError: there is no such pack.
    """
    if pack not in PACKS:
        raise CommandError(f"There is no pack {pack!r}; there are: {', '.join(PACKS)}.")
    return [each for each in questions().values() if each.clauses(PACKS[pack])]


def write_pack(  # noqa: PLR0913, PLR0917  (what a pack is of)
    trail: Trail,
    pack: str,
    folder: Path,
    texts: Mapping[str, str],
    now: datetime,
    done: Callable[[], None],
) -> list[Answered]:
    """Ask a pack's questions and write its folder; ``done`` is told each question.

    ``texts`` are parameters, for the questions that have them.

    Raises:
        CommandError: the folder is there already, a parameter fits no question, or the warehouse
            refused a question; then the folder says nothing of itself: it has no README.
    """
    chosen = pack_questions(pack)
    if folder.exists():
        raise CommandError(f"{folder} is there already; choose another with --output.")
    known = {parameter.name for each in chosen for parameter in each.parameters}
    for name in texts:
        if name not in known:
            raise CommandError(f"No question of the pack has a parameter {name!r}.")
    # All of it is bound before any of it is asked.
    bound = [(each, _bound(each, texts, now)) for each in chosen]
    private_folder(folder)
    answered = []
    for question, values in bound:
        answered.append(_ask(trail, question, values, folder))
        done()
    document = render(pack, answered, texts, now)
    write_private(folder / "README.md", document.encode())
    return answered


def render(pack: str, answered: list[Answered], texts: Mapping[str, str], now: datetime) -> str:
    """Return the pack's README. Pure."""
    framework = PACKS[pack]
    asked = ", ".join(f"{name} = {text}" for name, text in texts.items()) or "the defaults"
    clauses = sorted({c for each in answered for c in each.question.clauses(framework)})
    lines = [
        f"# {framework}: evidence from the audit trail",
        "",
        f"Asked {now:%Y-%m-%d %H:%M} UTC with {asked}; `tailnumber ask NAME --explain` tells more.",
    ]
    for clause in clauses:
        lines += [
            "",
            f"## {clause}",
            "",
            "| question | rows | file | SHA-256 |",
            "|---|---|---|---|",
        ]
        for each in answered:
            if clause in each.question.answers:
                lines.append(_line(each))
    return "\n".join(lines) + "\n"


def _line(each: Answered) -> str:
    if each.file is None:
        return f"| {each.question.question} | needs a parameter | `ask {each.question.name}` | |"
    link = f"[{each.file}]({each.file})"
    return f"| {each.question.question} | {each.row_count} | {link} | `{each.digest}` |"


def _bound(question: Question, texts: Mapping[str, str], now: datetime) -> dict[str, Any] | None:
    own = {p.name: texts[p.name] for p in question.parameters if p.name in texts}
    if any(p.default is None and p.name not in own for p in question.parameters):
        return None
    return bind(question, own, now)


def _ask(
    trail: Trail, question: Question, values: dict[str, Value] | None, folder: Path
) -> Answered:
    if values is None:
        return Answered(question, 0, None, "")
    answer = trail.ask(question.sql, **values)
    text = io.StringIO()
    write_csv(text, answer, for_spreadsheets=True)
    data = text.getvalue().encode()
    write_private(folder / f"{question.name}.csv", data)
    digest = hashlib.sha256(data).hexdigest()
    return Answered(question, len(answer.rows), f"{question.name}.csv", digest)
