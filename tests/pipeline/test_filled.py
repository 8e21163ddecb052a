"""Every column of every table is filled by some event: one that nothing fills is not shipped."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import examples
import pytest
from audit_messages import clear_part, content_key, in_clear, message, part, sealed

from pipeline.dead_letter import dead_letter_row, refused
from pipeline.decode import Incoming, decode
from pipeline.enrich import enrich
from pipeline.errors import RefusedError
from pipeline.rows import rows
from schemas.tables import TABLES, Table

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)

# Filled by side inputs, of which an event alone has none; the tests of enrichment fill them.
SIDE_INPUTS = {
    *("department", "cost_center", "employment_type", "manager_email", "principal_country"),
    *("client_country", "repository_owner", "repository_criticality", "file_languages"),
    *("change_kinds", "cost_amount", "cost_currency", "risk_tier"),
}

# Who acts on the command line is vouched for by the machine alone; a person whom an issuer vouches
# for has these too.
OF_AN_ISSUER = {"principal_email", "principal_groups", "gateway_key_id"}
BY_COMMAND_LINE = {"audit.legal_holds_v1", "audit.record_views_v1"}


def _messages() -> Iterator[bytes]:
    for example in examples.valid_records():
        record = json.loads(example.file.read_bytes())
        if "parts" in record:
            yield message({**record, "parts": [part(b"sealed")]}, sealed(b"sealed"))
            yield message({**record, "parts": [clear_part(b"clear", b"salt")]}, in_clear("clear"))
        else:
            yield message(record)
    yield content_key(b"wrapped", kms_resource="gcp-kms://projects/p/k")


def _made(data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    event = decode(Incoming(data, "1", NOW))
    yield from rows(enrich(event, NOW))
    letter = refused("verify", RefusedError("gap", "a gap"), event.incoming, event)
    yield "audit.dead_letters_v1", dead_letter_row(letter, NOW)


def _filled() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in TABLES}
    for data in _messages():
        for table, row in _made(data):
            found[table] |= {n for n, value in row.items() if value not in (None, (), [])}
    return found


@pytest.fixture(scope="module")
def filled() -> dict[str, set[str]]:
    return _filled()


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.id)
def test_every_column_is_filled_by_some_event(table: Table, filled: dict[str, set[str]]) -> None:
    elsewhere = SIDE_INPUTS | (OF_AN_ISSUER if table.id in BY_COMMAND_LINE else set())

    assert set(table.row.model_fields) - filled[table.id] - elsewhere == set()
