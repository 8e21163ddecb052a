import pytest

from schemas.base import ContractError
from schemas.questions import Chart, Column, Parameter, parse, questions

HEADER = """\
-- title: Findings by rule
-- question: What was found?
-- description: A first line
--   and a second.
-- topic: secrets
-- asked by: security
-- answers: SOC 2 CC7.2
-- answers: PCI DSS 10.2.1.4
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: rules ARRAY<STRING> =; rules; all if empty
-- column: rule_id STRING; which rule
-- column: finding_count INT64; how often
-- chart: bar x=rule_id y=finding_count
"""
SQL = """\
SELECT rule_id, COUNT(*) AS finding_count
FROM audit.findings
WHERE occurred_at >= @since AND rule_id IN UNNEST(@rules)
GROUP BY rule_id
ORDER BY rule_id
"""


def refusal(text):
    with pytest.raises(ContractError) as refused:
        parse("findings_by_rule", text)
    return str(refused.value)


def test_file_is_read_whole():
    question = parse("findings_by_rule", HEADER + SQL)

    assert question.description == "A first line and a second."
    assert question.clauses("SOC 2") == ("SOC 2 CC7.2",)
    assert question.parameters == (
        Parameter("since", "TIMESTAMP", "30d", "start of the period"),
        Parameter("rules", "ARRAY<STRING>", "", "rules; all if empty"),
    )
    assert question.columns[1] == Column("finding_count", "INT64", "how often")
    assert question.chart == Chart("bar", "rule_id", "finding_count", None)
    assert question.sql == SQL
    assert question.order_by == ("rule_id",)


def test_parameter_without_a_default_must_be_given():
    text = HEADER.replace("= 30d; start", "; start").replace("TIMESTAMP ;", "TIMESTAMP;")

    assert parse("findings_by_rule", text + SQL).parameters[0].default is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("-- title: Findings by rule\n", "", "lacks 'title'"),
        ("-- topic: secrets", "-- topic: weather", "topic: 'weather' is none of"),
        ("-- topic: secrets", "-- topic: secrets\n-- topic: use", "'topic' stands twice"),
        ("-- topic: secrets", "-- topics: secrets", "no key 'topics'"),
        ("-- topic: secrets", "--topic: secrets", "line 5"),
        ("What was found?", "What was found", "question mark"),
        ("SOC 2 CC7.2", "SOC 7", "begins with none of"),
        ("TIMESTAMP = 30d", "DATETIME = 30d", "type of since"),
        ("INT64; how often", "INT64", "column: name TYPE; what it is"),
        ("y=finding_count", "y=rule_id", "y is a number"),
        ("y=finding_count", "y=total", "no column of the answer"),
        ("-- column: rule_id", "-- column: finding_count", "finding_count stands twice"),
        ("-- chart: bar", "-- chart: pie", "write `chart:"),
    ],
)  # fmt: skip
def test_header_that_breaks_a_rule_is_refused_with_the_file_named(old, new, said):
    answer = refusal(HEADER.replace(old, new) + SQL)

    assert answer.startswith("findings_by_rule.sql: ")
    assert said in answer


def test_default_that_is_no_value_of_its_type_is_refused():
    assert "since takes" in refusal(HEADER.replace("= 30d", "= soon") + SQL)


def test_shipped_questions_keep_to_the_rules():
    assert len(questions()) >= 3
