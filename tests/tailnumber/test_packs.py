import csv
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from schemas.questions import PACKS, questions
from tailnumber.errors import CommandError
from tailnumber.packs import Pack
from tailnumber.trail import Answer

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class FakeTrail:
    """Answers each question with one row, whose texts a spreadsheet would run."""

    def __init__(self):
        self.asked = []

    def ask(self, sql, **values):
        self.asked.append((sql, values))
        return Answer(("name", "count"), [{"name": '=HYPERLINK("x")', "count": -1}])


@pytest.mark.parametrize("name", PACKS)
def test_every_pack_has_questions(name):
    assert Pack(name, "this machine", NOW, {}).questions


def test_pack_says_where_when_and_with_what_it_was_asked(tmp_path):
    trail = FakeTrail()

    Pack("pci-dss", "this machine", NOW, {"until": "2026-11-01"}).write(
        trail, tmp_path / "pack", lambda: None
    )

    document = (tmp_path / "pack" / "README.md").read_text()
    assert "The warehouse of this machine, asked 2026-11-20 12:00 UTC." in document
    assert "until=2026-11-01T00:00 | 1 |" in document


def test_texts_of_strangers_are_no_formulas_and_numbers_stay_numbers(tmp_path):
    Pack("hipaa", "this machine", NOW, {}).write(FakeTrail(), tmp_path / "pack", lambda: None)

    with (tmp_path / "pack" / "refused_access.csv").open() as file:
        assert list(csv.reader(file)) == [["name", "count"], ['\'=HYPERLINK("x")', "-1"]]


def test_question_that_needs_a_parameter_is_named_and_not_asked(tmp_path, monkeypatch):
    question = questions()["refused_access"]
    (first, *others) = question.parameters
    needy = replace(question, parameters=(replace(first, default=None), *others))
    monkeypatch.setattr("tailnumber.packs.questions", lambda: {needy.name: needy})
    trail = FakeTrail()

    Pack("hipaa", "this machine", NOW, {}).write(trail, tmp_path / "pack", lambda: None)

    assert trail.asked == []
    assert "not asked: it needs a parameter" in (tmp_path / "pack" / "README.md").read_text()


def test_pack_that_failed_has_no_readme(tmp_path):
    class Refusing(FakeTrail):
        def ask(self, sql, **values):
            raise CommandError("BigQuery refused the query: no.")

    with pytest.raises(CommandError):
        Pack("soc2", "x", NOW, {}).write(Refusing(), tmp_path / "pack", lambda: None)

    assert not (tmp_path / "pack" / "README.md").exists()
