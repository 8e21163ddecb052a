"""Ask what each tile shows of the generated month; it is what the shipped question answers."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from google.cloud import bigquery
from lookml import Compiler, Period, Query, dashboards, load, tile_query
from month import BEGIN, END, Month
from planted import plant

from pipeline.tables import apply_contract
from schemas.access_matrix import reporting_views
from schemas.questions import questions
from tailnumber.asking import bind
from tailnumber.trail import Trail

# The month takes ten seconds to make and load.
pytestmark = pytest.mark.slow

BLOCK = load()
TILES = {
    f"{board['dashboard'].removeprefix('tailnumber_')}.{tile['name']}": tile
    for board in dashboards()
    for tile in board["elements"]
    if tile["type"] != "text"
}
MONTH = Period(BEGIN, END)
# Two whole weeks of the month, as `2 weeks ago for 2 weeks` are on 21 October.
WEEKS = Period(datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 10, 19, tzinfo=UTC))
PERIODS = {"2 weeks ago for 2 weeks": WEEKS, "11 years": MONTH}

Rows = list[dict[str, Any]]


def short(name: str) -> str:
    return name.partition(".")[2]


def near(value: Any) -> Any:
    """A value as the tile must show it: the questions round money and shares to 3 digits or more."""
    return pytest.approx(value, abs=6e-4) if isinstance(value, (float, Decimal)) else value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


@dataclass(frozen=True)
class Same:
    """A tile's fields are columns of the question's answer: ``{column: field}`` where names differ.

    Rows that the tile does not tell apart are summed up, ``*`` counts them. ``parameters`` and
    ``filters`` ask question and tile for more than they show by themselves.
    """

    columns: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)

    def check(self, tile: Mapping[str, Any], shown: Rows, asked: Rows) -> None:
        dimensions = [(n, c) for n, c in self._pairs(tile) if BLOCK.field(n).kind != "measure"]
        measures = [(n, c) for n, c in self._pairs(tile) if BLOCK.field(n).kind == "measure"]
        assert {n for n, _ in (*dimensions, *measures)} == set(tile["fields"]), "untested fields"
        expected: dict[tuple[Any, ...], list[Any]] = {}
        for row in asked:
            key = tuple(row[c] for _, c in dimensions)
            values = [1 if c == "*" else row[c] for _, c in measures]
            if key in expected:
                values = [a + b for a, b in zip(expected[key], values, strict=True)]
            expected[key] = values
        found = {
            tuple(row[n] for n, _ in dimensions): [_number(row[n]) for n, _ in measures]
            for row in shown
        }
        assert len(found) == len(shown)
        assert found == {key: [near(each) for each in values] for key, values in expected.items()}
        assert expected

    def _pairs(self, tile: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        by_field = {name: column for column, name in self.columns.items()}
        for name in tile["fields"]:
            yield name, by_field.get(name) or by_field.get(short(name)) or short(name)


@dataclass(frozen=True)
class Weeks:
    """A tile of two weeks is the question, asked for each week, its column summed up."""

    measure: str
    column: str


EXPECTED: dict[str, Same | Weeks] = {
    "governance.requests_last_week": Weeks("interactions.count", "interaction_count"),
    "governance.people": Same({"people": "person_count", "interaction_count": "count"}),
    "governance.with_outcome": Same({"interaction_count": "count"}),
    "governance.recorded_before": Same({"interaction_count": "count"}),
    "governance.refused_messages": Same({"message_count": "count"}),
    "governance.evidence": Same(
        {
            "month": "requested_month", "interaction_count": "count", "people": "person_count",
            "refused_count": "blocked_count",
        }
    ),
    "governance.recording_by_operation": Same({"interaction_count": "count"}),
    "governance.policy_versions": Same({}),
    "governance.refused_messages_by_reason": Same({"message_count": "count"}),
    "governance.changes": Same({"occurred_at": "occurred_time"}),
    "governance.who_read": Same({"occurred_at": "occurred_time", "people": "person_count"}),
    "governance.legal_holds": Same(
        {"placed_at": "placed_time", "held_from": "held_from_time", "held_to": "held_to_time"}
    ),
    "secrets.findings_last_week": Weeks("findings.count", "finding_count"),
    "secrets.masked": Same({"finding_count": "count"}),
    "secrets.different_secrets": Same({"finding_count": "count"}),
    "secrets.passed_on": Same({"*": "recorded_count"}),
    "secrets.by_week": Same({"week": "occurred_week"}),
    "secrets.by_rule": Same({}),
    "secrets.rules": Same(
        {"tier": "highest_tier", "finding_count": "count", "people": "person_count"}
    ),
    "secrets.seen_again": Same(
        {
            "finding_count": "count", "people": "person_count", "first_seen_at": "first_at",
            "last_seen_at": "last_at",
        }
    ),
    "secrets.by_person": Same({"finding_count": "count"}),
    "secrets.from_models": Same({"people": "person_count"}),
    "secrets.passed_on_list": Same(
        {
            "occurred_at": "occurred_time", "finding_rule": "findings.rule_id",
            "policy_rule": "interactions.rule_id", "*": "count",
        }
    ),
    "access_and_approvals.refused_at_the_door": Weeks("access_denials.count", "denial_count"),
    "access_and_approvals.refused_by_policy": Same(
        {"refused_count": "blocked_count", "interaction_count": "count"}
    ),
    "access_and_approvals.tool_calls_refused": Same({"call_count": "count"}),
    "access_and_approvals.refusals_by_day": Same({"day": "occurred_date", "denial_count": "count"}),
    "access_and_approvals.addresses": Same(
        {"denial_count": "count"}, {"least_count": "5"}, {"access_denials.count": ">=5"}
    ),
    "access_and_approvals.tools_by_risk": Same({"call_count": "count"}),
    "access_and_approvals.sensitive_edits": Same({"file_path": "value"}),
    "access_and_approvals.pushes": Same({"people": "person_count"}),
    "access_and_approvals.service_accounts": Same({"interaction_count": "count"}),
    "access_and_approvals.keys_for_others": Same({"occurred_at": "occurred_time", "holder": "about", "gateway_key_id": "object_id"}),
    "cost_and_adoption.cost_last_week": Weeks("interactions.cost", "cost"),
    "cost_and_adoption.cost": Same({"tokens": "token_count"}),
    "cost_and_adoption.people": Same({"people": "person_count", "interaction_count": "count"}),
    "cost_and_adoption.people_by_week": Same({"week": "requested_week", "people": "person_count"}),
    "cost_and_adoption.work_by_week": Same({"week": "requested_week"}),
    "cost_and_adoption.by_department": Same({}),
    "cost_and_adoption.departments": Same({"tokens": "token_count", "people": "person_count"}),
    "cost_and_adoption.by_model": Same(
        {
            "interaction_count": "count", "input_tokens": "input_token_count",
            "output_tokens": "output_token_count",
        }
    ),
    "cost_and_adoption.clients": Same({"people": "person_count", "interaction_count": "count"}),
    "cost_and_adoption.dearest_sessions": Same(
        {"tokens": "token_count", "interaction_count": "count", "begun_at": "first_at"}
    ),
    "cost_and_adoption.longest_sessions": Same({"begun_at": "first_requested_time"}),
    "cost_and_adoption.speed": Same({"interaction_count": "count"}),
}  # fmt: skip


REFUSED_REQUESTS = "access_and_approvals.requests_by_rule"
REFUSED_TOOL_CALLS = "access_and_approvals.tool_calls_by_rule"


def question_of(tile):
    return re.search(r"Same numbers: tailnumber ask (\w+)\.", tile["note_text"])[1]


@pytest.fixture(scope="module")
def client(warehouse):
    month = Month()
    plant(month)
    client = warehouse.client()
    apply_contract(client)
    month.load(client)
    return client


def shown(client, tile, **filters) -> Rows:
    rows = ask(client, tile_query(BLOCK, tile, MONTH, PERIODS, **filters))
    return [{name: row[name.replace(".", "__")] for name in tile["fields"]} for row in rows]


def asked(client, tile, period=MONTH, **parameters) -> Rows:
    question = questions()[question_of(tile)]
    known = {each.name for each in question.parameters}
    given = {
        "since": period.begin.isoformat(), "known_since": period.begin.isoformat(),
        "until": period.end.isoformat(), "row_limit": "5000", **parameters,
    }  # fmt: skip
    values = bind(question, {n: v for n, v in given.items() if n in known}, period.end)
    return [*Trail(client).ask(question.sql, **values).rows]


@pytest.mark.parametrize("name", [name for name in EXPECTED if isinstance(EXPECTED[name], Same)])
def test_tile_shows_what_the_shipped_question_answers(name, client):
    tile, expected = TILES[name], EXPECTED[name]

    found = shown(client, tile, **expected.filters)

    expected.check(tile, found, asked(client, tile, **expected.parameters))


@pytest.mark.parametrize("name", [name for name in EXPECTED if isinstance(EXPECTED[name], Weeks)])
def test_tile_of_two_weeks_shows_the_later_one_first(name, client):
    tile, expected = TILES[name], EXPECTED[name]
    week = timedelta(days=7)

    found = shown(client, tile)

    for row, begin in zip(found, (WEEKS.end - week, WEEKS.begin), strict=True):
        answer = asked(client, tile, Period(begin, begin + week))
        assert row[tile["fields"][0]] == begin.date()
        total = sum(each[expected.column] for each in answer)
        assert _number(row[expected.measure]) == near(total) != 0


def test_requests_and_tool_calls_that_rules_refused_are_together_what_the_question_answers(client):
    """A refused call of a tool over MCP is a request, and counts with the tool calls there."""
    found = Counter()
    for row in shown(client, TILES[REFUSED_REQUESTS]):
        key = (row["interactions.rule_id"], row["interactions.reason_code"])
        found[*key, row["interactions.operation"]] += row["interactions.blocked_count"]
    for row in shown(client, TILES[REFUSED_TOOL_CALLS]):
        key = (row["tool_calls.rule_id"], row["tool_calls.reason_code"])
        found[*key, "tool_call"] += row["tool_calls.refused_count"]

    for name in (REFUSED_REQUESTS, REFUSED_TOOL_CALLS):
        answer = asked(client, TILES[name])
        assert found == {
            (row["rule_id"], row["reason_code"], row["operation"]): row["refused_count"]
            for row in answer
        }


def test_every_tile_is_compared():
    assert {*EXPECTED, REFUSED_REQUESTS, REFUSED_TOOL_CALLS} == set(TILES)


def ask(client, query):
    return [*client.query(Compiler(BLOCK, query).sql(), timeout=30, job_retry=None).result()]


@pytest.mark.parametrize("test", BLOCK.tests, ids=lambda test: test["name"])
def test_data_test_holds_on_the_month(test, client):
    source = test["explore_source"]
    fields = [f"{source['name']}.{column['name']}" for column in source["columns"]]
    period = dict.fromkeys(BLOCK.always(source["name"]), MONTH)

    (row,) = ask(client, Query(source["name"], fields, period))

    for each in test["asserts"]:
        assert claim(each["expression"], row), each["name"]


def claim(expression, row):
    """Whether a data test's expression holds: sums and products of fields, compared."""
    values = re.sub(r"\$\{(\w+)\.(\w+)\}", lambda f: str(row[f"{f[1]}__{f[2]}"]), expression)
    assert re.fullmatch(r"[\d\s+*<>=]+", values)
    return eval(re.sub(r"(?<![<>])=", "==", values))


def test_data_test_tells_a_request_that_is_there_twice():
    claimed = BLOCK.tests[0]["asserts"][0]["expression"]

    assert claim(claimed, {"interactions__count": 3, "interactions__request_ids": 3})
    assert not claim(claimed, {"interactions__count": 4, "interactions__request_ids": 3})


EXPLORES = [name for name, told in BLOCK.explores.items() if told.get("extension") != "required"]


@pytest.mark.parametrize("explore", EXPLORES)
def test_warehouse_answers_every_field_of_every_view_that_an_explore_has(explore, client):
    joins = Compiler(BLOCK, Query(explore, [], {})).explore["joins"]
    period = dict.fromkeys(BLOCK.always(explore), MONTH)

    for view in (explore, *(join["name"] for join in joins)):
        fields = [each for each in BLOCK.fields(view) if each.kind != "filter"]
        measures = [each.id for each in fields if each.kind == "measure"]
        # A list can be shown, not grouped by.
        dimensions = [each.id for each in fields if not is_list(each)]
        for names in (dimensions, measures):
            if names:
                ask(client, Query(explore, names, period, limit=1))


@pytest.fixture(scope="module")
def reporting(client):
    """The views of public columns alone, which the service account reads."""
    client.create_dataset("reporting")
    for name, query in reporting_views().items():
        view = bigquery.Table(f"{client.project}.{name}")
        view.view_query = query
        client.create_table(view)
    return client


def lets_in(role, of):
    """Whether a role may see a field: its own grants and those of its view."""
    needed = {*of.grants, *BLOCK.views[of.view]["required_access_grants"]}
    return all(role in BLOCK.grants[grant]["allowed_values"] for grant in needed)


@pytest.mark.parametrize("explore", ["interactions", "findings", "tool_calls", "access_denials"])
def test_reporting_answers_every_field_that_the_service_account_may_show(explore, reporting):
    period = dict.fromkeys(BLOCK.always(explore), MONTH)
    fields = [each for each in BLOCK.fields(explore) if lets_in("looker", each)]
    measures = [each.id for each in fields if each.kind == "measure"]
    dimensions = [each.id for each in fields if not is_list(each)]

    for names in (dimensions, measures):
        assert names
        query = Query(explore, names, period, limit=1)
        sql = Compiler(BLOCK, query, dataset="reporting").sql()
        assert [*reporting.query(sql, timeout=30, job_retry=None).result()]


def is_list(of):
    return of.kind == "measure" or of.told.get("hidden") == "yes"
