"""Ask the shipped questions by the command line, of a warehouse as BigQuery's client finds it."""

import csv
import hashlib
import io

import pytest
from local_warehouse import warehouse  # noqa: F401  (a fixture)
from month import Month
from planted import plant

from pipeline.tables import apply_contract
from schemas.questions import PACKS, questions

PERIOD = ("--param", "since=2026-10-01", "--param", "until=2026-11-01")


@pytest.fixture(scope="module")
def project(warehouse):  # noqa: F811  (pytest hands the fixture over by its name)
    client = warehouse.client()
    apply_contract(client)
    month = Month(work=False)
    plant(month)
    month.load(client)
    return client.project


@pytest.fixture
def ask(tailnumber, project, warehouse, monkeypatch, tmp_path):  # noqa: F811  (the same)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", warehouse.bigquery)
    monkeypatch.setenv("TAILNUMBER_BIGQUERY_PROJECT", project)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: tailnumber("ask", *arguments)


def test_without_a_name_the_questions_are_listed_by_topic(tailnumber):
    listed = tailnumber("ask")

    assert listed.code == 0
    assert all(name in listed.out for name in questions())
    assert len(tailnumber("ask", "--json").document["questions"]) == len(questions())


def test_explain_tells_question_clauses_parameters_and_sql(tailnumber):
    told = tailnumber("ask", "refused-access", "--explain").out

    assert "PCI DSS 10.2.1.4" in told
    assert "until" in told
    assert questions()["refused_access"].sql in told


def test_sql_prints_the_statement_and_nothing_else(tailnumber):
    assert tailnumber("ask", "refused_access", "--sql").out == questions()["refused_access"].sql


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("refused_acces",), "did you mean refused_access?"),
        (("refused_access", "-p", "sinse=30d"), "it takes: since, until."),
        (("refused_access", "-p", "since=soon"), "The parameter since takes now, a span"),
        (("refused_access", "-p", "since"), "Write --param name=value"),
        (("refused_access", "-p", "since=1d", "-p", "since=2d"), "is given twice"),
        (("refused_access", "--csv", "--json"), "Choose one of"),
        (("refused_access", "--output", "x.png"), "--output is of --chart and --pack"),
        (("--pack", "sox"), "there are: soc2, iso42001, eu-ai-act, pci-dss, hipaa."),
        (("--pack", "soc2", "-p", "sinse=30d"), "No question of the pack has a parameter"),
        (("refused_access", "--pack", "soc2"), "or a --pack of them"),
        (("refused_access", *PERIOD, "--chart", "-o", "x.gif"), "end in .png or .svg"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence_and_nothing_is_written(
    ask, tmp_path, arguments, sentence
):
    before = sorted(tmp_path.rglob("*"))

    refused = ask(*arguments)

    assert refused.code == 2
    assert sentence in refused.err
    assert len(refused.err.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_answer_comes_as_a_table_as_csv_and_as_json(ask):
    shown = ask("refused_access", *PERIOD)
    rows = list(csv.DictReader(io.StringIO(ask("refused_access", *PERIOD, "--csv").out)))
    document = ask("refused_access", *PERIOD, "--json").document

    assert shown.code == 0, shown.err
    assert "3 rows; since=2026-10-01T00:00, until=2026-11-01T00:00" in shown.out
    assert [row["denial_count"] for row in rows] == ["25", "1", "2"]
    assert [row["addresses"] for row in document["rows"]] == [5, 1, 1]
    assert document["parameters"]["since"] == "2026-10-01T00:00:00Z"


@pytest.mark.parametrize(("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<svg")])
def test_chart_is_a_picture_in_a_file_of_ones_own(ask, tmp_path, ending, begins):
    drawn = ask("refused_access", *PERIOD, "--chart", "--output", f"doors.{ending}")

    assert drawn.out == f"The picture is in doors.{ending}.\n"
    assert (tmp_path / f"doors.{ending}").read_bytes().startswith(begins)
    assert (tmp_path / f"doors.{ending}").stat().st_mode & 0o077 == 0


def test_chart_of_a_list_or_of_no_rows_says_that_there_is_nothing_to_draw(ask):
    assert "nothing to draw" in ask("secrets_seen_again", *PERIOD, "--chart").err
    assert "nothing to draw" in ask("refused_access", "-p", "since=2020-01-01", "-p", "until=2020-02-01", "--chart").err  # fmt: skip


def test_estimate_tells_the_bytes_of_each_view(ask):
    document = ask("refused_access", *PERIOD, "--estimate", "--json").document

    (table,) = document["tables"]
    assert (table["view"], table["rows"]) == ("audit.access_denials", 28)
    assert document["estimated_bytes"] == table["bytes"] > 27 * 8


@pytest.mark.slow
def test_pack_is_a_folder_that_names_each_clause_and_the_digest_of_each_answer(ask, tmp_path):
    done = ask("--pack", "pci-dss", *PERIOD)

    assert done.code == 0, done.err
    (folder,) = tmp_path.glob("tailnumber-pci-dss-*")
    document = (folder / "README.md").read_text()
    clauses = {c for q in questions().values() for c in q.clauses(PACKS["pci-dss"])}
    assert all(f"## {clause}\n" in document for clause in clauses)
    answer = (folder / "refused_access.csv").read_bytes()
    assert hashlib.sha256(answer).hexdigest() in document
    assert b"key_unknown,,25,5" in answer
    assert folder.stat().st_mode & 0o077 == 0


def test_pack_overwrites_no_folder(ask, tmp_path):
    (tmp_path / "mine").mkdir()

    assert "is there already" in ask("--pack", "soc2", "--output", "mine").err


def test_without_a_project_the_stack_of_this_machine_is_asked(tailnumber):
    refused = tailnumber.on_data("ask", "refused_access")

    assert refused.code == 2
    assert "tailnumber up" in refused.err
