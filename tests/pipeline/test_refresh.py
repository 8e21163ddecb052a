"""Sources follow their files while the pipeline runs."""

import json
import logging
import os
from pathlib import Path

import pytest

from pipeline import refresh
from pipeline.errors import SourceError
from pipeline.refresh import KnownSources, Sources, check_sources

HEADER = "email,department\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "directory.csv"
    path.write_text(f"{HEADER}ada@acme.example,Payments\n")
    return path


def _department(known: KnownSources) -> str | None:
    directory = known.knowledge().directory
    assert directory is not None
    person = directory.find("", "ada@acme.example")
    return person and person.department


def _write(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


def test_nothing_is_known_where_nothing_is_named() -> None:
    assert KnownSources(Sources()).knowledge() == (None, None, None, None)


def test_changed_file_is_read_without_a_restart(file: Path) -> None:
    known = KnownSources(Sources(directory=str(file)))
    before = _department(known)

    _write(file, f"{HEADER}ada@acme.example,Platform\n")

    assert (before, _department(known)) == ("Payments", "Platform")


def test_unchanged_file_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownSources(Sources(directory=str(file)))
    first = known.knowledge()
    monkeypatch.setattr(refresh, "_read", lambda _: pytest.fail("read again"))

    assert known.knowledge() is first


@pytest.mark.parametrize("fault", ["broken", "gone"])
def test_broken_file_keeps_the_one_before_and_says_so_once(
    file: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    known = KnownSources(Sources(directory=str(file)))
    known.knowledge()
    good = file.read_text()
    if fault == "broken":
        _write(file, "email,department,salary\n")
    else:
        file.unlink()

    with caplog.at_level(logging.INFO, "pipeline"):
        departments = {_department(known) for _ in range(3)}

    assert departments == {"Payments"}
    (line,) = [json.loads(record.getMessage()) for record in caplog.records]
    assert (line["event"], line["source"]) == ("source_refused", "directory")
    assert known.refused["directory"] in line["error"]

    _write(file, good.replace("Payments", "Web"))
    assert _department(known) == "Web"
    assert known.refused == {}


def test_first_file_must_be_readable(file: Path) -> None:
    _write(file, "salary\n")
    known = KnownSources(Sources(directory=str(file)))

    for _ in range(2):
        with pytest.raises(SourceError, match=r"directory\.csv, line 1: unknown column 'salary'"):
            known.knowledge()

    _write(file, f"{HEADER}ada@acme.example,Payments\n")
    assert _department(known) == "Payments"


def test_remote_file_is_looked_at_once_a_minute(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "_is_remote", lambda _: True)
    now = [0.0]
    known = KnownSources(Sources(directory=str(file)), clock=lambda: now[0])
    _department(known)
    _write(file, f"{HEADER}ada@acme.example,Platform\n")
    os.utime(file, (1, 1))

    seen = []
    for now[0] in (1.0, refresh.REMOTE_SECONDS - 1, refresh.REMOTE_SECONDS):
        seen.append(_department(known))

    assert seen == ["Payments", "Payments", "Platform"]


def test_check_names_what_is_wrong_with_each(file: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_text("model\n")

    wrong = check_sources(Sources(str(file), None, str(prices), str(tmp_path / "none.mmdb")))

    assert list(wrong) == ["prices", "countries"]
    assert "prices.csv, line 1: column 'input_price' is missing" in wrong["prices"]
    assert "none.mmdb: cannot be read (No such file or directory)" in wrong["countries"]
