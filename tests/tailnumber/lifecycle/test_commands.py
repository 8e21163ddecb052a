"""Holds, erasure, export and retention as a person runs them, against a BigQuery project."""

import json
import stat
import zipfile

import pytest
from command_line import CommandLine
from recorded_people import ago
from sqlalchemy import select
from sqlalchemy.orm import Session

from ingress.control.models import ContentKeyRow, ControlEventRow
from tailnumber.lifecycle import erasing

pytestmark = pytest.mark.slow

HOLD = ("--name", "n", "--reason", "r")


@pytest.fixture
def run(recordings, warehouse, monkeypatch):
    """Run a command on the recordings' data directory and BigQuery project."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", warehouse.bigquery)
    monkeypatch.setattr(erasing, "_wait_for_gateways", lambda _: None)
    command_line = CommandLine(recordings.root)

    def run(*arguments, project=True):
        more = ("--project", recordings.client.project) if project else ()
        return command_line.on_data(*arguments, *more)

    return run


def waiting(recordings, event_type):
    with Session(recordings.engine) as session:
        wanted = select(ControlEventRow).where(ControlEventRow.event_type == event_type)
        return [row.facts for row in session.scalars(wanted)]


def test_life_of_a_hold_and_an_erasure(recordings, run):
    ada = recordings.person()
    row = recordings.said(ada, "canary", ago(days=185), repository="acme/payments")
    who = ("--subject", ada.account.email.upper(), "--reason", "ticket 1")

    placed = run(
        "hold", "place", "--name", "case-7", "--reason", "counsel asks", "--json",
        "--principal", ada.account.email, "--repository", "acme/payments",
    )  # fmt: skip
    assert placed.document["copied_row_count"] == 1
    again = run("hold", "place", "--name", "case-7", "--reason", "r", "--from", "2026-01-01")
    assert (again.code, "open already" in again.err) == (2, True)

    refused = run("erase", *who, "--yes")
    assert (refused.code, "legal hold case-7" in refused.err) == (1, True)
    plan = run("erase", *who, "--dry-run", "--json").document
    assert plan["holds"] == ["case-7"]
    assert [account["key_count"] for account in plan["accounts"]] == [1]
    assert "acme/payments" in run("hold", "list", project=False).out

    released = run("hold", "release", "--name", "case-7", "--reason", "settled", project=False)
    assert released.code == 0
    erased = run("erase", *who, "--yes", "--json").document
    assert [each["key_count"] for each in erased["erasures"]] == [1]
    assert recordings.opener._keys is not None
    with Session(recordings.engine) as session:
        key = session.get(ContentKeyRow, row["key_id"])
        assert (key.wrapped_keyset, key.erased_at is not None) == (b"", True)
    assert run("hold", "list", "--json", project=False).document == {"holds": []}
    (held,) = [f for f in waiting(recordings, "legal_hold.placed") if f["hold_name"] == "case-7"]
    assert held["held_repositories"] == ["acme/payments"]
    assert [
        f["reason"]
        for f in waiting(recordings, "legal_hold.released")
        if f["hold_name"] == "case-7"
    ] == ["settled"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("erase", "--subject", "nobody@acme.example", "--reason", "r", "--yes"), "Nobody called"),
        (("erase", "--subject", "https://a/b/c", "--reason", "r", "--yes"), "Nobody called"),
        (("erase", "--subject", "\0", "--reason", "r", "--yes"), "Nobody called"),
        (("erase", "--reason", "r"), "--subject"),
        (("erase", "--subject", "x", "--resume"), "--subject"),
        (("erase", "--subject", "x", "--reason", "  "), "one line of 1 to 1024"),
        (("erase", "--subject", "x", "--reason", "a\nb"), "one line of 1 to 1024"),
        (("hold", "place", "--name", "n", "--reason", "r"), "needs a scope"),
        (("hold", "place", "--name", "", "--reason", "r", "--session", "s"), "1 to 128"),
        (("hold", "place", "--name", "n", "--reason", "r", "--session", "none"), "No session"),
        (("hold", "place", "--name", "n", "--reason", "r", "--repository", "a/z"), "No repository"),
        (("hold", "place", "--name", "n", "--reason", "r", "--principal", "zz"), "Nobody called"),
        (("hold", "place", "--name", "n", "--reason", "r", "--from", "soon"), "write a date"),
        (("hold", "place", *HOLD, "--from", "2026-02-01", "--to", "2026-01-01"), "before --to"),
        (("export", "--subject", "zz", "--reason", "r", "--output", "/tmp/none.zip"), "Nobody"),
    ],
)
def test_bad_input_gets_one_sentence_and_changes_nothing(recordings, run, arguments, said):
    result = run(*arguments)

    assert result.code == 2
    assert said in " ".join(result.err.replace("│", " ").split())
    assert "Traceback" not in result.err
    with Session(recordings.engine) as session:
        names = [row.facts.get("hold_name") for row in session.scalars(select(ControlEventRow))]
    assert "n" not in names


def test_release_of_no_hold_says_so(run):
    result = run("hold", "release", "--name", "nothing", "--reason", "r", project=False)

    assert (result.code, "No open hold is named 'nothing'" in result.err) == (2, True)


def test_erasure_needs_a_yes_where_nobody_can_be_asked(recordings, run):
    ada = recordings.person()
    row = recordings.said(ada, "x", ago(days=1))

    result = run("erase", "--subject", ada.principal_id, "--reason", "r")

    assert (result.code, "--yes" in result.err) == (2, True)
    assert recordings.opens(row) == "x"


def test_export_holds_everything_and_says_what_is_erased(recordings, run, tmp_path):
    ada = recordings.person()
    account = f"{ada.account.issuer}/{ada.account.subject}"
    recordings.said(ada, "first canary", ago(days=2), session="a")
    recordings.said(ada, "# second canary", ago(days=1), session="b")
    recordings.said(recordings.person(), "of another", ago(days=1), session="b")
    archive = tmp_path / "ada.zip"
    export = ("export", "--subject", account, "--reason", "ticket 2", "--output", str(archive))

    exported = run(*export, "--json")
    assert exported.err == ""
    counts = exported.document["row_counts"]

    assert (counts["content.parts"], counts["audit.interactions"]) == (2, 2)
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with zipfile.ZipFile(archive) as files:
        texts = [json.loads(line) for line in files.read("content.parts.jsonl").splitlines()]
        everything = b"".join(files.read(name) for name in files.namelist())
        manifest = json.loads(files.read("manifest.json"))
        assert "    # second canary" in files.read("conversations.md").decode()
    assert [text["text"] for text in texts] == ["first canary", "# second canary"]
    assert b"of another" not in everything
    assert manifest["row_counts"] == counts
    viewed = [f for f in waiting(recordings, "record.viewed") if f["command"] == "export"]
    assert viewed[-1]["viewed_principal_ids"] == [ada.principal_id]
    assert viewed[-1]["viewed_session_ids"] == ["a", "b"]

    assert run(*export).code == 2  # the file is there
    run("erase", "--subject", account, "--reason", "r", "--yes")
    run(*export, "--force")
    with zipfile.ZipFile(archive) as files:
        conversations = files.read("conversations.md").decode()
        assert "canary" not in conversations
        assert conversations.count("(erased)") == 2
        assert b": done," in files.read("README.md")


def test_retain_counts_per_table_and_deletes_where_the_server_expires_nothing(recordings, run):
    ada = recordings.person()
    recordings.said(ada, "x", ago(days=195))

    tables = run("retain", "--json").document["tables"]

    assert {table["table"] for table in tables} == {"audit.interactions_v1", "content.parts_v1"}
    counts = {table["table"]: table["deleted_count"] for table in tables}
    assert counts["content.parts_v1"] == 1
    assert recordings.parts(ada) == 0
    assert "content.parts_v1" in run("retain", "--dry-run").out
