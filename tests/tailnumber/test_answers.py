"""Put every shipped question to a month of 200 people and compare with what was planted there."""

import expected_secrets  # noqa: F401  (each adds the answers that it expects)
import expected_trail  # noqa: F401
import expected_use  # noqa: F401
import psutil
import pytest
from expected_answers import EXPECTED
from local_warehouse import warehouse  # noqa: F401  (a fixture)
from month import BEGIN, END, Month
from planted import plant

from pipeline.tables import apply_contract
from schemas.questions import questions
from tailnumber.asking import bind
from tailnumber.trail import Trail

# Bound of all questions together: seconds of CPU of the warehouse, which a busy machine beside it
# makes no longer.
ALL_SECONDS = 20

# BigQuery's API answers with the old names. Source: REST resource TableFieldSchema.
TYPES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}

HERE = [question for question in questions().values() if not question.bigquery_only]


@pytest.fixture(scope="module")
def month():
    month = Month()
    plant(month)
    return month


@pytest.fixture(scope="module")
def client(month, warehouse):  # noqa: F811  (pytest hands the fixture over by its name)
    client = warehouse.client()
    apply_contract(client)
    month.load(client)
    return client


@pytest.fixture(scope="module")
def busy(warehouse):  # noqa: F811  (pytest hands the fixture over by its name)
    """Seconds of CPU that the warehouse has used."""
    process = psutil.Process(warehouse.process.pid)
    return lambda: sum(process.cpu_times()[:2])


@pytest.fixture(scope="module")
def took():
    return {}


def values(question, expected):
    period = {"since": BEGIN.isoformat(), "until": END.isoformat()}
    names = {parameter.name for parameter in question.parameters}
    texts = {name: text for name, text in period.items() if name in names}
    return bind(question, {**texts, **expected.parameters}, END)


@pytest.mark.parametrize("question", HERE, ids=lambda question: question.name)
def test_question_finds_what_was_planted_and_nothing_else(question, month, client, busy, took):
    expected = EXPECTED[question.name]
    began = busy()

    answer = Trail(client).ask(question.sql, **values(question, expected))

    took[question.name] = busy() - began
    assert answer.columns == tuple(column.name for column in question.columns)
    arrays = {column.name for column in question.columns if column.type.startswith("ARRAY")}
    found = [
        tuple((row[n] or []) if n in arrays else row[n] for n in answer.columns)
        for row in answer.rows
    ]
    assert found == expected.rows(month)
    assert found, "a question without an answer proves nothing: plant one"
    keys = [tuple(row[name] for name in question.order_by) for row in answer.rows]
    assert len(set(keys)) == len(keys), "ORDER BY leaves rows that may stand in any order"


def test_all_questions_together_take_less_than_twenty_seconds(took):
    if len(took) < len(HERE):
        pytest.skip("only some of the questions were asked")

    assert sum(took.values()) < ALL_SECONDS


def test_every_expected_answer_is_of_a_question():
    assert set(EXPECTED) <= set(questions())


def test_at_least_forty_questions_run_on_one_machine():
    assert len(HERE) >= 40
