"""Read the questions that ship with the product: ``schemas/queries/NAME.sql``, one file each. Pure.

A file is a header of ``-- key: value`` lines, then one BigQuery statement over the contract's
views. A line that starts with ``--`` and two spaces or more goes on with the line above.

    -- title: Secrets seen more than once
    -- question: Was the same secret seen elsewhere, and by whom?
    -- description: What the answer means and what to do with it, in a few sentences.
    -- topic: secrets
    -- asked by: security
    -- answers: PCI DSS 10.2.2
    -- parameter: since TIMESTAMP = 30d; start of the period
    -- parameter: principal_email STRING; whose (no default: it must be given)
    -- column: fingerprint STRING; stands for the secret, which nobody can read from it
    -- chart: bar x=rule_id y=finding_count colour=direction

``answers``, ``parameter`` and ``column`` may stand several times; ``chart`` and ``runs on:
bigquery`` (the one-machine warehouse cannot run it) may be left out. What the SQL must keep to
stands in ``schemas.question_sql``, how a default is written in ``schemas.question_values``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from schemas.base import ContractError
from schemas.question_sql import examine
from schemas.question_values import TYPES as PARAMETER_TYPES
from schemas.question_values import ValueFault, read_value

FOLDER: Final = Path(__file__).parent / "queries"

TOPICS: Final = (
    "use",
    "people",
    "secrets",
    "policy",
    "tools",
    "access",
    "administration",
    "integrity",
    "privacy",
    "cost",
)
ROLES: Final = ("compliance", "security", "privacy", "audit", "management", "platform")

# Name of a pack -> the framework that its clauses begin with.
PACKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "soc2": "SOC 2",
        "iso42001": "ISO 42001",
        "eu-ai-act": "EU AI Act",
        "pci-dss": "PCI DSS",
        "hipaa": "HIPAA",
    }
)
# Frameworks that a clause may be of; the last ones have no pack.
FRAMEWORKS: Final = (*PACKS.values(), "ISO 27001", "GDPR", "SOX", "NIST AI RMF", "NIST SP 800-53")

COLUMN_TYPES: Final = (*PARAMETER_TYPES, "NUMERIC", "BYTES", "ARRAY<INT64>")

_ONCE: Final = ("title", "question", "description", "topic", "asked by")
_OPTIONAL: Final = ("chart", "runs on")
_REPEATED: Final = ("answers", "parameter", "column")
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LINE: Final = re.compile(r"-- ([a-z][a-z ]*): (\S.*)")
_MORE: Final = re.compile(r"--  +(\S.*)")
_PARAMETER: Final = re.compile(r"([a-z]\w*) (\S+?)(?: =(?: ([^;]*?))?)?; (\S.*)")
_COLUMN: Final = re.compile(r"([a-z]\w*) (\S+?); (\S.*)")
_CHART: Final = re.compile(r"(bar|line) x=(\w+) y=(\w+)(?: colour=(\w+))?")


# Whether a default can be read does not hang on the time.
_SOME_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One ``@name`` of the SQL; ``default`` is as a person writes it, None = it must be given."""

    name: str
    type: str
    default: str | None
    help: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the answer, in its place."""

    name: str
    type: str
    help: str


@dataclass(frozen=True, slots=True)
class Chart:
    """How the answer is best drawn: ``bar`` or ``line``, and names of columns."""

    kind: str
    x: str
    y: str
    colour: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """One shipped question.

    ``reads`` maps each view that the SQL asks to the columns of it that the SQL names;
    ``order_by`` names the columns whose values put the rows in order, each row in one place.
    """

    name: str
    title: str
    question: str
    description: str
    topic: str
    asked_by: str
    answers: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    chart: Chart | None
    bigquery_only: bool
    sql: str
    order_by: tuple[str, ...]
    reads: Mapping[str, tuple[str, ...]]

    def clauses(self, framework: str) -> tuple[str, ...]:
        """Return the clauses of one framework that the question answers."""
        return tuple(each for each in self.answers if each.startswith(f"{framework} "))


@cache
def questions() -> Mapping[str, Question]:
    """Return the shipped questions by name, topic by topic.

    Raises:
        ContractError: a file breaks the rules; the message names it.
    """
    read = [parse(path.stem, path.read_text("utf-8")) for path in FOLDER.glob("*.sql")]
    read.sort(key=lambda each: (TOPICS.index(each.topic), each.name))
    return MappingProxyType({each.name: each for each in read})


def parse(name: str, text: str) -> Question:
    """Return the question that a file's text says.

    Raises:
        ContractError: the header or the SQL breaks the rules.
    """
    try:
        return _question(name, *_split(text))
    except ContractError as error:
        raise ContractError(f"{name}.sql: {error}") from None


def _split(text: str) -> tuple[dict[str, list[str]], str]:
    """Part a file into what its header says, by key, and its SQL."""
    said: dict[str, list[str]] = {}
    last: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if more := _MORE.fullmatch(line):
            if not last:
                raise ContractError("the first line goes on with nothing")
            last[-1] += f" {more[1].strip()}"
        elif entry := _LINE.fullmatch(line):
            last = said.setdefault(entry[1], [])
            last.append(entry[2].strip())
        elif line.startswith("--"):
            raise ContractError(f"line {number + 1} of the header is no `-- key: value`")
        else:
            return said, "\n".join(lines[number:]).strip() + "\n"
    raise ContractError("no SQL after the header")


def _question(name: str, said: Mapping[str, list[str]], sql: str) -> Question:
    if not _NAME.fullmatch(name):
        raise ContractError("a name is lower-case words with _ between them")
    _check_keys(said)
    parameters = tuple(_parameter(each) for each in said.get("parameter", ()))
    columns = tuple(_column(each) for each in said["column"])
    _check_once("parameter", [each.name for each in parameters])
    _check_once("column", [each.name for each in columns])
    statement = examine(sql, [p.name for p in parameters], [c.name for c in columns])
    return Question(
        name=name,
        title=said["title"][0],
        question=said["question"][0],
        description=said["description"][0],
        topic=_one_of("topic", said["topic"][0], TOPICS),
        asked_by=_one_of("asked by", said["asked by"][0], ROLES),
        answers=tuple(_clause(each) for each in said.get("answers", ())),
        parameters=parameters,
        columns=columns,
        chart=_chart(said["chart"][0], columns) if "chart" in said else None,
        bigquery_only=bool(_one_of("runs on", said.get("runs on", [""])[0], ("", "bigquery"))),
        sql=sql,
        order_by=statement.order_by,
        reads=statement.reads,
    )


def _check_keys(said: Mapping[str, list[str]]) -> None:
    for key, values in said.items():
        if key not in (*_ONCE, *_OPTIONAL, *_REPEATED):
            raise ContractError(f"the header has no key {key!r}")
        if key not in _REPEATED and len(values) > 1:
            raise ContractError(f"{key!r} stands twice")
    for key in (*_ONCE, "column"):
        if key not in said:
            raise ContractError(f"the header lacks {key!r}")
    if not said["question"][0].endswith("?"):
        raise ContractError("the question ends with a question mark")


def _parameter(text: str) -> Parameter:
    parts = _PARAMETER.fullmatch(text)
    if not parts:
        raise ContractError(f"write `parameter: name TYPE = default; help`, not {text!r}")
    name, kind, default, help_ = parts.groups()
    # `name TYPE =; help` has the empty text as its default.
    if default is None and f"{name} {kind} =" in text:
        default = ""
    _one_of(f"type of {name}", kind, PARAMETER_TYPES)
    if default is not None:
        _check_default(name, kind, default)
    return Parameter(name, kind, default, help_)


def _check_default(name: str, kind: str, default: str) -> None:
    try:
        read_value(name, kind, default, _SOME_TIME)
    except ValueFault as fault:
        raise ContractError(f"its default is none: {fault}") from None


def _column(text: str) -> Column:
    parts = _COLUMN.fullmatch(text)
    if not parts:
        raise ContractError(f"write `column: name TYPE; what it is`, not {text!r}")
    return Column(parts[1], _one_of(f"type of {parts[1]}", parts[2], COLUMN_TYPES), parts[3])


def _clause(text: str) -> str:
    if not any(re.match(rf"{re.escape(each)} \S", text) for each in FRAMEWORKS):
        raise ContractError(f"{text!r} begins with none of {', '.join(FRAMEWORKS)} and a clause")
    return text


def _chart(text: str, columns: Sequence[Column]) -> Chart:
    parts = _CHART.fullmatch(text)
    if not parts:
        raise ContractError("write `chart: bar x=column y=column colour=column`, or line")
    types = {column.name: column.type for column in columns}
    for name in parts.groups()[1:]:
        if name is not None and name not in types:
            raise ContractError(f"the chart draws {name}, which is no column of the answer")
    if types[parts[3]] not in ("INT64", "FLOAT64", "NUMERIC"):
        raise ContractError(f"the chart's y is a number; {parts[3]} is {types[parts[3]]}")
    return Chart(parts[1], parts[2], parts[3], parts[4])


def _one_of(what: str, text: str, allowed: Sequence[str]) -> str:
    if text not in allowed:
        raise ContractError(f"{what}: {text!r} is none of {', '.join(filter(None, allowed))}")
    return text


def _check_once(what: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ContractError(f"the {what} {name} stands twice")
