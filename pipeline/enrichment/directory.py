"""Know the people of a company by subject or mail address: department, manager, cost centre. Pure.

``subject,email,department,manager_email,cost_center,employment_type,country``: subject or email in
each row, everything else as far as it is known. A subject is compared exactly, a mail address
without regard to case; the subject goes first.
"""

import re
from collections.abc import Mapping
from sys import intern
from typing import Final

import msgspec

from pipeline.enrichment.table import Line, read_lines
from pipeline.errors import SourceError
from schemas.fields import COUNTRY_PATTERN

REQUIRED: Final = ("department",)
OPTIONAL: Final = (
    "subject",
    "email",
    "manager_email",
    "cost_center",
    "employment_type",
    "country",
)
COLUMNS: Final = (
    "subject",
    "email",
    "department",
    "manager_email",
    "cost_center",
    "employment_type",
    "country",
)
_EMAIL_CHARACTERS_MAX: Final = 320


class Person(msgspec.Struct, frozen=True, gc=False):
    """What the directory knows of one principal."""

    department: str | None = None
    cost_center: str | None = None
    employment_type: str | None = None
    manager_email: str | None = None
    country: str | None = None


class Directory:
    """Find people; made by ``read_directory``."""

    def __init__(self, by_subject: Mapping[str, Person], by_email: Mapping[str, Person]) -> None:
        self._by_subject = by_subject
        self._by_email = by_email

    def find(self, subject: str, email: str | None) -> Person | None:
        """Return the person, or ``None`` if the directory does not know them."""
        found = self._by_subject.get(subject)
        if found is None and email is not None:
            found = self._by_email.get(email.lower())
        return found

    def __len__(self) -> int:
        return len(
            {id(p) for people in (self._by_subject, self._by_email) for p in people.values()}
        )


def read_directory(data: bytes, file: str) -> Directory:
    """Return the directory in a CSV file.

    Raises:
        SourceError: a wrong header, a duplicate or a bad value; says where.
    """
    by_subject: dict[str, Person] = {}
    by_email: dict[str, Person] = {}
    seen: dict[tuple[str, str], int] = {}
    lines = read_lines(data, file, REQUIRED, OPTIONAL)
    for line in lines:
        if "subject" not in line.cells and "email" not in line.cells:
            raise SourceError(f"{file}, line 1: column 'subject' or 'email' is missing")
        subject, email = line.text("subject"), line.text("email", _EMAIL_CHARACTERS_MAX)
        if subject is None and email is None:
            raise line.error("subject and email are both empty")
        person = _person(line)
        if subject is not None:
            _once(line, "subject", subject, seen)
            by_subject[subject] = person
        if email is not None:
            _once(line, "email", email.lower(), seen)
            by_email[email.lower()] = person
    return Directory(by_subject, by_email)


def _person(line: Line) -> Person:
    country = line.text("country")
    if country is not None and not re.fullmatch(COUNTRY_PATTERN, country):
        raise line.error("country is not two capital letters (ISO 3166-1 alpha-2)")
    return Person(
        _shared(line.text("department")),
        _shared(line.text("cost_center")),
        _shared(line.text("employment_type")),
        _shared(line.text("manager_email", _EMAIL_CHARACTERS_MAX)),
        _shared(country),
    )


def _shared(text: str | None) -> str | None:
    # A few thousand departments and managers stand in a few hundred thousand rows.
    return None if text is None else intern(text)


def _once(line: Line, column: str, value: str, seen: dict[tuple[str, str], int]) -> None:
    first = seen.setdefault((column, value), line.number)
    if first != line.number:
        raise line.error(f"this {column} stands on line {first} already; keep one")
