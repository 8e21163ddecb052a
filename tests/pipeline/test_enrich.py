"""What the pipeline adds to an event, and that it changes nothing else."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import examples
import pytest
from audit_messages import Writer, example, message
from hypothesis import given
from hypothesis import strategies as st
from mmdb import mmdb

from pipeline.connections import encoders
from pipeline.decode import Incoming, decode
from pipeline.enrich import Enriched, Knowledge, enrich
from pipeline.enrichment.countries import read_countries
from pipeline.enrichment.directory import Directory, Person, read_directory
from pipeline.enrichment.prices import read_prices
from pipeline.enrichment.repositories import read_repositories
from pipeline.rows import rows
from schemas.tables import TABLES

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
EVERYTHING = Knowledge(
    read_directory(
        b"email,department,manager_email,cost_center,employment_type,country\n"
        b"ada@acme.example,Payments,grace@acme.example,CC-7,employee,DE\n"
        b"grace@acme.example,Engineering,,CC-1,employee,US\n",
        "d",
    ),
    read_repositories(b"repository,owner,criticality\nacme/*,Payments,critical\n", "r"),
    read_prices(b"model,input_price,output_price,cached_price,currency\n*,2,8,0.5,EUR\n", "p"),
    read_countries(mmdb({"0.0.0.0/1": {"country": {"iso_code": "GB"}}}), "c"),
)
NOBODY = Knowledge(
    Directory({}, {}),
    read_repositories(b"repository,owner\n", "r"),
    read_prices(b"model,input_price,output_price,currency\n", "p"),
    read_countries(mmdb({"255.0.0.0/32": {}}), "c"),
)
ENRICHED = {
    "department",
    "cost_center",
    "employment_type",
    "manager_email",
    "principal_country",
    "client_country",
    "repository_owner",
    "repository_criticality",
    "file_languages",
    "change_kinds",
    "cost_amount",
    "cost_currency",
    "risk_tier",
}


def _enrich(record: dict[str, Any] | bytes, knowledge: Knowledge) -> Enriched:
    return enrich(decode(Incoming(message(record), "1", NOW)), NOW, knowledge)


def _completed(**fields: Any) -> dict[str, Any]:
    return {**example("interaction.completed.1.tool_call.pass.json"), **fields}


def test_interaction_is_told_with_person_repository_cost_and_country() -> None:
    record = _completed(input_tokens=1000, cached_tokens=400, output_tokens=100)
    record["client"]["address"] = "81.2.69.142"

    enriched = _enrich(record, EVERYTHING)

    assert enriched.missing == ()
    assert enriched.columns["department"] in {"Payments", "Engineering"}
    assert enriched.columns["repository_criticality"] == "critical"
    assert enriched.columns["cost_amount"] == Decimal("0.0022"), "600 at 2, 400 at 0.5, 100 at 8"
    assert enriched.columns["cost_currency"] == "EUR"
    assert enriched.columns["client_country"] == "GB"


def test_cached_tokens_stand_beside_the_others_in_anthropics_protocol() -> None:
    tokens = {"input_tokens": 600, "cached_tokens": 400, "output_tokens": 100}

    enriched = _enrich(_completed(protocol="anthropic.messages", **tokens), EVERYTHING)

    assert enriched.columns["cost_amount"] == Decimal("0.0022")


def test_more_cached_tokens_than_there_are_cost_what_there_are() -> None:
    tokens = {"input_tokens": 10, "cached_tokens": 400, "output_tokens": 0}

    assert _enrich(_completed(**tokens), EVERYTHING).columns["cost_amount"] == Decimal("0.000005")


def test_answer_that_a_source_lacks_is_null_and_counted() -> None:
    record = _completed(input_tokens=1)
    record["client"]["address"] = "81.2.69.142"

    enriched = _enrich(record, NOBODY)

    assert enriched.missing == ("directory", "repositories", "prices", "countries")
    assert not enriched.columns.keys() & (ENRICHED - {"file_languages", "change_kinds"})


def test_what_was_not_asked_is_not_missing() -> None:
    record = Writer().record(repository=None)
    record["client"].pop("address", None)

    assert _enrich(record, NOBODY).missing == ("directory",), "no answer yet, so nothing to price"
    assert _enrich(record, Knowledge()).missing == ()


def test_tool_call_has_its_own_tier_and_kinds() -> None:
    record = example("interaction.completed.1.denied_tool_call.pass.json")

    made = dict(rows(_enrich(record, EVERYTHING)))

    assert made["audit.tool_calls_v1"]["risk_tier"] == "write"
    assert made["audit.tool_calls_v1"]["change_kinds"] == ("code",)
    assert made["audit.tool_calls_v1"]["department"] == "Engineering"
    assert made["audit.interactions_v1"]["change_kinds"] == ("code",)
    assert "cost_amount" not in made["audit.tool_calls_v1"], "once, in interactions"


def test_denied_caller_has_a_country() -> None:
    record = example("access.denied.1.no_key.pass.json")
    record["client"]["address"] = "81.2.69.142"

    row = dict(rows(_enrich(record, EVERYTHING)))["audit.access_denials_v1"]

    assert row["client_country"] == "GB"


@pytest.mark.parametrize("knowledge", [EVERYTHING, NOBODY], ids=["all known", "nothing known"])
@pytest.mark.parametrize("each", examples.valid_records(), ids=str)
def test_enrichment_changes_its_own_columns_and_no_other(
    each: examples.Example, knowledge: Knowledge
) -> None:
    event = decode(Incoming(message(each.file.read_bytes()), "1", NOW))

    plain = list(rows(Enriched(event, NOW)))
    enriched = list(rows(enrich(event, NOW, knowledge)))

    assert [_own(*one) for one in enriched] == [_own(*one) for one in plain]
    for table, row in enriched:
        encoders()[table].encode(row)
        known = {n: v for n, v in row.items() if n in ENRICHED and v is not None}
        assert known.keys() <= TABLES[table].row.model_fields.keys()


def _own(table: str, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return table, {name: value for name, value in row.items() if name not in ENRICHED}


@given(
    st.builds(
        Person,
        st.none() | st.text(max_size=256),
        st.none() | st.text(max_size=256),
        st.none() | st.text(max_size=256),
    )
)
def test_whatever_the_directory_says_the_row_takes_it(person: Person) -> None:
    knowledge = Knowledge(Directory({}, {"ada@acme.example": person}))
    record = Writer().record()

    for table, row in rows(_enrich(record, knowledge)):
        encoders()[table].encode(row)
