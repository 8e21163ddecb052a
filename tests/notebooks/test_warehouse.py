"""The one file through which notebooks ask: parameters, labels, limits, refusals."""

import json
from datetime import UTC, datetime

import pytest
import warehouse as beside
from google.cloud.bigquery import SchemaField

from schemas.question_values import read_value
from schemas.questions import questions

END = datetime(2026, 11, 1, tzinfo=UTC)


class FakeClient:
    """Answers each query with the next of ``answers``, and keeps what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def query(self, sql, config, timeout):
        self.asked.append((sql, config))
        rows = self.answers.pop(0) if self.answers else []
        return FakeJob(rows)


class FakeJob:
    job_id = "job-1"
    total_bytes_billed = 10 * 2**20

    def __init__(self, rows):
        self._rows = rows

    def result(self, page_size, timeout):
        return FakeRows(self._rows)


class FakeRows(list):
    schema = (SchemaField("tenant_id", "STRING"), SchemaField("interaction_count", "INTEGER"))

    @property
    def total_rows(self):
        return len(self)


def opened(monkeypatch, *answers, **parameters):
    client = FakeClient(*answers)
    monkeypatch.setattr(beside.bigquery, "Client", lambda **_: client)
    monkeypatch.delenv("TAILNUMBER_BIGQUERY_PROJECT", raising=False)
    given = {"since": "30d", "until": "2026-11-01", "case": "AB/26 7", "project": "acme-audit"}
    return client, beside.open_warehouse(**{**given, **parameters})


def tenants(*names):
    return [{"tenant_id": name, "interaction_count": 1} for name in names]


def test_every_query_has_the_case_as_label_and_a_limit_of_bytes(monkeypatch):
    client, w = opened(monkeypatch, tenants("acme"), gib_max=2)
    w.ask("model_use")
    list(w.stream("SELECT 1"))

    assert len(client.asked) == 3
    for _, config in client.asked:
        assert config.labels == {"audit_case": "ab-26-7"}
        assert config.maximum_bytes_billed == 2 * 2**30


def test_what_was_read_names_question_job_and_digest(monkeypatch):
    _, w = opened(monkeypatch, tenants("acme"))
    w.ask("model_use")

    row = w.reads().row(1, named=True)
    assert (row["asked"], row["job_id"], row["mib"]) == ("model_use", "job-1", 10.0)
    assert len(row["sql_sha256"]) == 64


def test_bigquery_is_not_read_without_a_case(monkeypatch):
    with pytest.raises(beside.Refused, match="case"):
        opened(monkeypatch, case=" ")


def test_rows_of_two_tenants_are_not_mixed(monkeypatch):
    with pytest.raises(beside.Refused, match="2 tenants"):
        opened(monkeypatch, tenants("acme", "other"), tenant="acme")


def test_another_tenant_than_the_asked_one_is_told(monkeypatch):
    with pytest.raises(beside.Refused, match="none of other"):
        opened(monkeypatch, tenants("acme"), tenant="other")


def test_the_only_tenant_is_found(monkeypatch):
    assert opened(monkeypatch, tenants("acme"))[1].tenant == "acme"


@pytest.mark.parametrize("since", ["2026-11-01", "2026-12-01", "last week"])
def test_a_period_that_is_none_is_refused(monkeypatch, since):
    with pytest.raises(beside.Refused):
        opened(monkeypatch, tenants("acme"), since=since)


def test_without_a_stack_it_says_how_to_start_one(monkeypatch, tmp_path):
    monkeypatch.setenv("TAILNUMBER_DATA_DIR", str(tmp_path))
    with pytest.raises(beside.Refused, match="tailnumber up"):
        opened(monkeypatch, project="")


def test_the_stack_of_this_machine_is_asked_where_no_project_is_named(monkeypatch, tmp_path):
    told = {"project": "local", "bigquery": "http://127.0.0.1:9"}
    (tmp_path / "endpoints.json").write_text(json.dumps(told))
    monkeypatch.setenv("TAILNUMBER_DATA_DIR", str(tmp_path))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")

    assert opened(monkeypatch, tenants("acme"), project="")[1].place == "the stack of this machine"


def test_defaults_of_shipped_questions_are_read_as_the_command_line_reads_them(monkeypatch):
    client, w = opened(monkeypatch, tenants("acme"))
    for question in questions().values():
        given = {
            p.name: "" for p in question.parameters if p.default is None and "ARRAY" not in p.type
        }
        given |= {
            p.name: [] for p in question.parameters if p.default is None and "ARRAY" in p.type
        }
        w.ask(question.name, **given)

        bound = {p.name: p for p in client.asked[-1][1].query_parameters}
        assert set(bound) == {p.name for p in question.parameters}, question.name
        for parameter in question.parameters:
            if parameter.default is None or parameter.name in ("since", "until"):
                continue
            expected = read_value(parameter.name, parameter.type, parameter.default, END)
            sent = bound[parameter.name]
            if isinstance(expected, tuple):
                assert (sent.array_type, sent.values) == ("STRING", [*expected])
            else:
                assert (sent.type_, sent.value) == (parameter.type, expected)


def test_rows_without_an_answer_still_have_their_columns(monkeypatch):
    _, w = opened(monkeypatch, tenants("acme"))

    assert w.query("SELECT 1").columns == ["tenant_id", "interaction_count"]


def test_label_is_one_that_bigquery_takes():
    assert beside._label("Fall Ü/2026-" + "x" * 80) == "fall---2026-" + "x" * 51
