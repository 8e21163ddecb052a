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
from typing import Final

from schemas.question_values import Value
from schemas.questions import PACKS, Question, questions
from tailnumber.answering import told, write_csv
from tailnumber.asking import bind
from tailnumber.errors import CommandError
from tailnumber.files import private_folder, write_private
from tailnumber.trail import Trail

_HEAD: Final = "| question | asked with | rows | file | SHA-256 |\n|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Answered:
    """One question of a pack; without values it was not asked, for it needs a parameter."""

    question: Question
    values: Mapping[str, Value] | None
    row_count: int = 0
    digest: str = ""


class Pack:
    """The questions of one framework, bound to one time; nothing is asked or written yet.

    ``source`` says whose warehouse it is; ``texts`` are parameters, for the questions that have
    them.

    Raises:
        CommandError: there is no such pack, or a parameter is of none of its questions or of
            another type.
    """

    def __init__(self, name: str, source: str, now: datetime, texts: Mapping[str, str]) -> None:
        if name not in PACKS:
            raise CommandError(f"There is no pack {name!r}; there are: {', '.join(PACKS)}.")
        self.framework: Final = PACKS[name]
        self.questions: Final = [
            each for each in questions().values() if each.clauses(self.framework)
        ]
        known = {parameter.name for each in self.questions for parameter in each.parameters}
        for parameter in texts:
            if parameter not in known:
                raise CommandError(f"No question of the pack has a parameter {parameter!r}.")
        self._source = source
        self._now = now
        self._bound = [_bound(each, texts, now) for each in self.questions]

    def write(self, trail: Trail, folder: Path, done: Callable[[], None]) -> list[Answered]:
        """Ask the questions and write the folder; ``done`` is called after each question.

        Raises:
            CommandError: the folder is there already or cannot be made, or the warehouse refused
                a question; then the folder lacks its README.
        """
        if folder.exists():
            raise CommandError(f"{folder} is there already; choose another with --output.")
        private_folder(folder)
        answered = []
        for question, values in zip(self.questions, self._bound, strict=True):
            answered.append(_ask(trail, question, values, folder))
            done()
        write_private(folder / "README.md", self.render(answered).encode())
        return answered

    def render(self, answered: list[Answered]) -> str:
        """Return the README. Pure."""
        clauses = sorted({c for each in answered for c in each.question.clauses(self.framework)})
        lines = [
            f"# {self.framework}: evidence from the audit trail",
            "",
            f"The warehouse of {self._source}, asked {self._now:%Y-%m-%d %H:%M} UTC.",
            "`tailnumber ask NAME --explain` tells a question's SQL.",
        ]
        for clause in clauses:
            lines += ["", f"## {clause}", "", _HEAD]
            lines += [_line(each) for each in answered if clause in each.question.answers]
        return "\n".join(lines) + "\n"


def _line(each: Answered) -> str:
    name, asked = each.question.name, each.question.question
    if each.values is None:
        return f"| {asked} | not asked: it needs a parameter | | `{name}` | |"
    return (
        f"| {asked} | {told(each.values)} | {each.row_count} "
        f"| [{name}.csv]({name}.csv) | `{each.digest}` |"
    )


def _bound(
    question: Question, texts: Mapping[str, str], now: datetime
) -> Mapping[str, Value] | None:
    own = {p.name: texts[p.name] for p in question.parameters if p.name in texts}
    if any(p.default is None and p.name not in own for p in question.parameters):
        return None
    return bind(question, own, now)


def _ask(
    trail: Trail, question: Question, values: Mapping[str, Value] | None, folder: Path
) -> Answered:
    if values is None:
        return Answered(question, None)
    answer = trail.ask(question.sql, **values)
    text = io.StringIO()
    write_csv(text, answer, for_spreadsheets=True)
    data = text.getvalue().encode()
    write_private(folder / f"{question.name}.csv", data)
    return Answered(question, values, len(answer.rows), hashlib.sha256(data).hexdigest())
