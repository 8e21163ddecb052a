"""The directory: a strict CSV of people, found by subject or mail address."""

import pytest

from pipeline.enrichment.directory import Person, read_directory
from pipeline.errors import SourceError

HEADER = "subject,email,department,manager_email,cost_center,employment_type,country\n"


def _error(text: str | bytes) -> str:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(SourceError) as caught:
        read_directory(data, "people.csv")
    return str(caught.value)


def test_person_is_found_by_subject_first_then_by_mail_address() -> None:
    people = read_directory(
        f"{HEADER}s1,ada@acme.example,Payments,grace@acme.example,CC-7,employee,DE\n"
        ",Ben@Acme.example,Web,,,,\n".encode(),
        "people.csv",
    )

    ada = Person("Payments", "CC-7", "employee", "grace@acme.example", "DE")
    assert people.find("s1", "ben@acme.example") == ada
    assert people.find("other", "ADA@acme.example") == ada
    assert people.find("other", "ben@acme.example") == Person("Web")
    assert people.find("S1", None) is None
    assert len(people) == 2


def test_byte_order_mark_quotes_blank_lines_and_other_column_order_are_read() -> None:
    text = '\ufeffemail,department\r\n\r\nada@acme.example,"Sales, ""EMEA"""\r\n'

    found = read_directory(text.encode(), "people.csv").find("x", "ada@acme.example")

    assert found == Person('Sales, "EMEA"')


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "people.csv, line 1: no header; the columns are department, subject, email"),
        ("email,department,salary\n", "people.csv, line 1: unknown column 'salary'; the columns"),
        ("email,email,department\n", "people.csv, line 1: column 'email' stands there twice"),
        ("email\n", "people.csv, line 1: column 'department' is missing"),
        ("department\nWeb\n", "people.csv, line 1: column 'subject' or 'email' is missing"),
        (
            HEADER + "a,,X,,,,\nb,,X,,,,\na,,Y,,,,\n",
            "line 4: this subject stands on line 2 already",
        ),
        (HEADER + ",a@x,X,,,,\n,A@X,Y,,,,\n", "line 3: this email stands on line 2 already"),
        (HEADER + ",,Web,,,,\n", "line 2: subject and email are both empty"),
        (HEADER + "a,,Web,,,,Germany\n", "line 2: country is not two capital letters"),
        (HEADER + "a,,Web\n", "people.csv, line 2: 3 cells, the header has 7"),
        (HEADER + f"a,,{'x' * 257},,,,\n", "line 2: department is longer than 256 characters"),
        (HEADER + f"a,,{'x' * 400},,,,\n", "line 2: a cell is longer than 320 characters"),
        (HEADER + 'a,,"Web,,,,\n', "people.csv, line 2: not CSV"),
    ],
)
def test_file_that_is_not_in_its_form_is_refused_whole(text: str, sentence: str) -> None:
    assert sentence in _error(text)


def test_other_encoding_is_told_with_its_line() -> None:
    assert "line 3: not UTF-8" in _error(HEADER.encode() + b"a,,Web,,,,\nb,,M\xfcnchen,,,,\n")


def test_error_repeats_no_value() -> None:
    assert "canary" not in _error(HEADER + "canary,,X,,,,\ncanary,,X,,,,\n")
