import pytest

from schemas.base import ContractError
from schemas.question_sql import examine

GOOD = "SELECT rule_id FROM audit.findings WHERE occurred_at >= @since ORDER BY rule_id"


def refusal(sql, parameters=("since",), columns=("rule_id",)):
    with pytest.raises(ContractError) as refused:
        examine(sql, parameters, columns)
    return str(refused.value)


def test_statement_tells_what_it_reads_and_what_orders_it():
    statement = examine(GOOD, ["since"], ["rule_id"])

    assert statement.order_by == ("rule_id",)
    # The named column and the partition's, and those by which the view shows each row once.
    assert set(statement.reads["audit.findings"]) == {
        "event_id", "occurred_at", "finding_index", "rule_id", "loaded_at",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT rule_id FROM audit.findings ORDER BY rule_id", "filter occurred_at"),
        (GOOD.replace(">=", "<"), "filter occurred_at"),
        (GOOD.replace("@since", "loaded_at"), "filter occurred_at"),
        (GOOD.replace("findings", "findings_v1"), "none of its views"),
        (GOOD.replace("findings", "sessions"), "none of its views"),
        (GOOD.replace("audit.findings", "other.findings"), "none of its views"),
        (GOOD.replace("SELECT rule_id", "SELECT *"), "no *"),
        (GOOD.replace("SELECT rule_id", "SELECT rule_id, f.*"), "no *"),
        (GOOD.split(" ORDER", maxsplit=1)[0], "ends with ORDER BY"),
        (GOOD.replace("ORDER BY rule_id", "ORDER BY tier"), "columns of the answer"),
        (GOOD.replace("ORDER BY rule_id", "ORDER BY 1"), "columns of the answer"),
        (GOOD.replace("@since", "CURRENT_TIMESTAMP()"), "take a parameter"),
        (GOOD + "; SELECT 1", "one statement"),
        ("DELETE FROM audit.findings WHERE occurred_at >= @since", "only reads"),
        (GOOD.replace("@since", "@since AND rule_id = @rule"), "@rule is not declared"),
        ("SELECT 1 AS rule_id FROM (SELECT @since) ORDER BY rule_id", "asks no view"),
    ],
)
def test_statement_that_breaks_a_rule_is_refused_by_name(sql, said):
    assert said in refusal(sql, parameters=["since"] if "@since" in sql else [])


def test_unused_parameter_is_refused():
    assert refusal(GOOD, ["since", "until"]) == "the parameter until is not used"


JOIN = """
SELECT i.rule_id
FROM audit.findings AS f
JOIN audit.interactions AS i ON i.interaction_id = f.interaction_id
WHERE f.occurred_at >= @since {more}
ORDER BY rule_id
"""


def test_each_view_of_a_join_has_its_own_filter():
    assert "audit.interactions: filter requested_at" in refusal(JOIN.format(more=""))
    assert "audit.interactions" in refusal(JOIN.format(more="AND f.requested_at >= @since"))

    examine(JOIN.format(more="AND i.requested_at >= @since"), ["since"], ["rule_id"])


def test_filter_inside_another_query_does_not_count():
    sql = """
    SELECT rule_id FROM audit.findings
    WHERE EXISTS (SELECT 1 FROM audit.events WHERE occurred_at >= @since)
    ORDER BY rule_id
    """

    assert "audit.findings: filter" in refusal(sql)


def test_each_select_of_a_union_has_its_own_filter():
    first = "SELECT rule_id FROM audit.tool_calls"

    assert "audit.tool_calls: filter" in refusal(f"{first} UNION ALL {GOOD}")


def test_filter_in_a_comment_or_a_text_does_not_count():
    sql = "SELECT rule_id FROM audit.findings -- occurred_at >= @since\nORDER BY rule_id"

    assert "filter occurred_at" in refusal(sql, [])


def test_filter_may_be_moved_by_a_span_and_stand_in_brackets():
    moved = GOOD.replace("@since", "TIMESTAMP_SUB(@since, INTERVAL 1 HOUR)")

    examine(moved.replace("WHERE ", "WHERE (").replace(" ORDER", ") ORDER"), ["since"], ["rule_id"])


@pytest.mark.parametrize(
    "condition",
    [
        "EXTRACT(HOUR FROM f.occurred_at) < 6",
        "EXTRACT(WEEK(MONDAY) FROM f.occurred_at) = 1",
        "f.rule_id IS NOT DISTINCT FROM f.part_id",
    ],
)
def test_from_that_asks_no_table_is_none(condition):
    sql = f"""
    SELECT f.rule_id FROM audit.findings AS f
    WHERE f.occurred_at >= @since AND {condition}
    ORDER BY rule_id
    """

    assert list(examine(sql, ["since"], ["rule_id"]).reads) == ["audit.findings"]
