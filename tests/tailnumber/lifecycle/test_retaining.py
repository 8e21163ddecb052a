"""Rows go when their time is over, not before, and never those under a legal hold."""

from datetime import UTC, datetime

import pytest
from google.cloud import bigquery
from recorded_people import ago

from ingress.control.holds import Hold, Scope
from schemas.tables import TABLES
from tailnumber.errors import CommandError
from tailnumber.lifecycle.retaining import expiry_problems, prepare_hold, retain

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)
HELD_PARTS = "hold.content_parts_v1"


def hold(number=1, **scope):
    return Hold(f"h{number}", f"case-{number}", "r", Scope(**scope), NOW, None)


def run(recordings, *holds, **options):
    outcomes = retain(recordings.trail, holds, NOW, **{"enforce": True, **options})
    return {outcome.table: outcome for outcome in outcomes}


def test_expired_rows_go_and_others_stay(recordings):
    run(recordings)
    old, new = recordings.person(), recordings.person()
    recordings.said(old, "x", ago(days=192))
    recordings.said(new, "x", ago(days=189))

    counted = run(recordings, dry_run=True)["content.parts_v1"].deleted_count
    assert (counted, recordings.parts(old)) == (1, 1)
    outcome = run(recordings)["content.parts_v1"]

    assert (outcome.deleted_count, outcome.copied_count) == (1, 0)
    assert (recordings.parts(old), recordings.parts(new)) == (0, 1)
    assert run(recordings)["content.parts_v1"].deleted_count == 0


def test_hold_keeps_what_expires_and_nothing_else(recordings):
    scopes = {
        "session": ({"session_ids": ("session",)}, True),
        "repository": ({"repositories": ("acme/repository",)}, True),
        "period": ({"begin": ago(days=206), "end": ago(days=204)}, True),
        "later": ({"begin": ago(days=100)}, False),
        "both": ({"session_ids": ("both",), "repositories": ("acme/other",)}, False),
        "nobody": (None, False),
    }
    people = {name: recordings.person() for name in scopes}
    for name, person in people.items():
        at = ago(days=205 if name == "period" else 195)
        recordings.said(person, "x", at, session=name, repository=f"acme/{name}")

    run(recordings, *(hold(n, **scope) for n, (scope, _) in enumerate(scopes.values()) if scope))

    assert {recordings.parts(person) for person in people.values()} == {0}
    kept = {name: recordings.parts(person, HELD_PARTS) for name, person in people.items()}
    assert kept == {name: int(keeps) for name, (_, keeps) in scopes.items()}


def test_hold_outlives_its_release_by_one_run_and_others_keep_what_is_theirs(recordings):
    ada = recordings.person()
    recordings.said(ada, "x", ago(days=195), session="mine")
    mine, also = hold(1, principal_ids=(ada.principal_id,)), hold(2, session_ids=("mine",))

    run(recordings, mine, also)
    assert run(recordings, mine, also)["content.parts_v1"].copied_count == 0
    assert recordings.parts(ada, HELD_PARTS) == 1
    run(recordings, also)
    assert recordings.parts(ada, HELD_PARTS) == 1
    let_go = run(recordings)["content.parts_v1"].let_go_count

    assert (let_go, recordings.parts(ada, HELD_PARTS)) == (1, 0)


def test_rows_are_copied_two_weeks_before_bigquery_drops_them(recordings):
    ada = recordings.person()
    recordings.said(ada, "x", ago(days=180))
    mine = hold(principal_ids=(ada.principal_id,))

    outcome = run(recordings, mine, enforce=False)["content.parts_v1"]

    assert (outcome.copied_count, outcome.deleted_count) == (1, 0)
    assert (recordings.parts(ada), recordings.parts(ada, HELD_PARTS)) == (1, 1)
    run(recordings)


def test_held_rows_never_expire_and_no_live_table_differs_from_the_contract(
    recordings, every_table
):
    run(recordings, hold(principal_ids=("nobody",)))

    assert expiry_problems(recordings.trail) == []
    for table in TABLES.values():
        if table.dataset != "keys":
            held = recordings.client.get_table(
                f"hold.{table.dataset}_{table.name}_v{table.version}"
            )
            assert held.time_partitioning.expiration_ms is None


def test_where_terraform_made_the_tables_of_held_rows_nothing_is_created(recordings, monkeypatch):
    prepare_hold(recordings.trail)

    def refused(*_args, **_kwargs):
        raise AssertionError("the keeper has no right to create anything")

    monkeypatch.setattr(recordings.trail.client, "create_dataset", refused)
    monkeypatch.setattr(recordings.trail.client, "create_table", refused)

    prepare_hold(recordings.trail)


@pytest.mark.parametrize(
    ("days", "said"),
    [(30, "30 days is shorter"), (200, "expires after 200 days"), (None, "never expire")],
)
def test_expiry_that_somebody_changed_is_told(recordings, days, said):
    table = recordings.client.get_table("content.parts_v1")
    before = table.time_partitioning
    set_expiry(recordings, table, days)
    try:
        (problem,) = expiry_problems(recordings.trail)
        assert problem.startswith("content.parts_v1: ")
        assert said in problem
        if days == 30:
            with pytest.raises(CommandError, match="set the table's expiry right"):
                run(recordings)
    finally:
        table.time_partitioning = before
        recordings.client.update_table(table, ["time_partitioning"])


def set_expiry(recordings, table, days):
    table.time_partitioning = bigquery.TimePartitioning(
        type_="DAY", field="occurred_at", expiration_ms=days and days * 86_400_000
    )
    recordings.client.update_table(table, ["time_partitioning"])
