"""Execute the notebooks on a generated month of 200 people and compare with what was planted."""

import base64
import hashlib
import json
import re
import stat
from decimal import Decimal

import pytest
from local_warehouse import warehouse  # noqa: F401  (a fixture)
from month import Month, at
from notebook_runs import EXAMPLES, NOTEBOOKS, ROOT, SECRET, example, planted, run, runner, stack_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NAMES = [file.stem for file in sorted(NOTEBOOKS.glob("*.ipynb"))]


@pytest.fixture(scope="module")
def month():
    return planted()


@pytest.fixture(scope="module")
def on(warehouse, tmp_path_factory):  # noqa: F811  (pytest hands the fixture over by its name)
    """A function from what fills a warehouse to the data directory of a stack with it."""
    stacks = []

    def fill(load):
        stack = stack_of(warehouse, tmp_path_factory.mktemp("stack"), load)
        stacks.append(stack)
        return stack.__enter__()

    yield fill
    for stack in stacks:
        stack.__exit__(None, None, None)


@pytest.fixture(scope="module")
def planted_stack(on, month):
    return on(month.load)


class Changed(Month):
    """Three hundred interactions, writers that stop in order, and rows that pass ``change``."""

    def __init__(self, change=lambda table, row: row):
        super().__init__(work=False)
        self.change = change
        for n in range(300):
            self.ask(self.people[n % 200], at(5 + n // 100, 9 + n % 8, n % 60))
        for writer in self.writers:
            self.event(
                "writer.closed", at(31, 23), writer=writer, closed_writer_id=writer,
                reason="stopped",
            )  # fmt: skip

    def rows(self):
        for table, row in super().rows():
            changed = self.change(table, dict(row))
            if changed is not None:
                yield table, changed


def found(shown):
    """What 04 tells of each check that did not pass."""
    rows = shown.table("Records of 2026-10-01")
    return {row["check"]: (row["result"], row["found"]) for row in rows if row["result"] != "pass"}


def test_leaked_key_leads_to_exactly_its_people_places_and_sessions(planted_stack, month):
    shown = run("01_incident", planted_stack, fingerprint=SECRET)

    seen = month.facts["shared_secret"]
    rows = shown.table("Every sighting")
    assert [row["interaction id"] for row in rows] == [each.id for each in seen]
    assert {row["person"] for row in rows} == {each.person.email for each in seen}
    assert {row["session id"] for row in rows} == {each.session_id for each in seen}
    reach = shown.table("Who had it, and where")
    assert [(row["principal email"], row["repository"], row["finding count"]) for row in reach] == [
        ("person003@acme.example", "acme/data-0", "2"),
        ("person014@acme.example", "acme/support-1", "1"),
        ("person025@acme.example", "acme/data-0", "1"),
    ]
    assert "3 people had it, in 2 known repositories, since 5 October 2026 11:00 UTC" in shown.text
    assert "The secret reached 3 people in 15 days; it never left unmasked" in shown.pictures[0]
    keys = [row["which"] for row in shown.table("To rotate") if row["what"] == "gateway key"]
    assert keys == ["gk_person003", "gk_person014", "gk_person025"]
    # Of the three sessions one went on: with the second sighting, whose answer edited a file.
    after = shown.table("Requests and tool calls later in these sessions")
    assert [(row["step"], row["happened at"]) for row in after] == [
        ("request", f"{seen[1].requested_at:%Y-%m-%d %H:%M}"),
        ("tool call", f"{seen[1].requested_at:%Y-%m-%d %H:%M}"),
    ]


def test_a_finding_leads_to_its_secret_and_one_that_left_unmasked_is_called_outside(
    planted_stack, month
):
    single = month.facts["single_secret"]

    shown = run("01_incident", planted_stack, interaction_id=single.id)

    assert [row["interaction id"] for row in shown.table("Every sighting")] == [single.id]
    assert "treat it as known outside" in shown.text
    assert shown.table("To rotate")[0]["why or how"] == "left unmasked"


def test_other_secrets_of_the_same_people_are_found(planted_stack, month):
    told = next(
        each
        for each in month.interactions
        if each.findings and each.findings[0]["rule_id"] == "stripe-key"
    )

    shown = run("01_incident", planted_stack, fingerprint=told.findings[0]["fingerprint"])

    assert {row["way"] for row in shown.table("Every sighting")} == {
        "told by a model", "masked before it left",
    }  # fmt: skip


def test_access_review_lists_keys_by_what_is_to_be_done(planted_stack, tmp_path):
    staff = tmp_path / "staff.csv"
    staff.write_text("email\nPerson120@acme.example\nperson091@acme.example\n")

    shown = run("02_access_review", planted_stack, staff_file=str(staff))

    def ids(title):
        return {row["gateway key id"] for row in shown.table(title)}

    # Person 201 is in no directory any more; person 121 is not on the list of staff.
    assert ids("1. Holders who are not in the directory") == {"gk_person201", "gk_spare"}
    assert ids("2. Not used") == {"gk_robot", "gk_late"}
    assert ids("3. In use") == {"gk_person120"}
    assert ids("4. Shown in a URL") == {"gk_person123"}
    assert all(row["keep"] == row["revoke"] == "☐" for row in shown.table("3. In use"))
    assert [row["principal subject"] for row in shown.table("Programs that asked")] == ["bot001"]
    readers = [row["reader"] for row in shown.table("Texts that were opened")]
    assert readers == ["person133@acme.example", "person130@acme.example"]
    quiet = shown.table("They used it regularly and stopped")
    assert [row["principal email"] for row in quiet] == ["person200@acme.example"]


def test_access_review_without_a_list_of_staff_goes_by_the_directory(planted_stack):
    shown = run("02_access_review", planted_stack)

    assert "5 keys in force; 1 of people who are not in the directory" in shown.text


def test_cost_and_adoption_add_up_to_the_month(planted_stack, month):
    shown = run("03_adoption_and_cost", planted_stack)

    cost = sum((each.cost or Decimal(0)) for each in month.interactions)
    people = len({each.person for each in month.interactions})
    assert f"{people} people, {len(month.interactions):,} requests, {cost:,.2f} USD" in shown.text
    by_model = {row["model used"]: row["interaction count"] for row in shown.table("By model")}
    assert by_model["grok-9"] == "2"
    assert "2 answers had no price" in shown.text
    assert "No outlook: 3 full weeks in the period" in shown.text
    assert len(shown.pictures) == 4


def test_auditor_is_told_what_was_planted_and_nothing_else(planted_stack, month):
    shown = run("04_audit_check", planted_stack)

    assert found(shown) == {
        "each record's SHA-256 is its hash": ("FAIL", "2"),
        "each row's columns tell what its record tells": ("FAIL", "2"),
        "each record names the hash of the one before": ("FAIL", "1"),
        "no number is missing in a chain": ("FAIL", "1"),
        "each writer said that it opened": ("FAIL", "1"),
        "each closed chain ends where its closing says": ("FAIL", "1"),
        "each writer was closed": ("look", "3"),
        "each request has an outcome after an hour": ("look", "1"),
        "no message was refused by the pipeline": ("FAIL", "1"),
    }
    (gap,) = shown.table("Records before which numbers are missing")
    assert (gap["writer id"], gap["missing before it"]) == (month.writers[1], "1")
    unfinished = shown.table("Requests without an outcome")
    assert [row["interaction id"] for row in unfinished] == [month.facts["never_ended"].id]


def test_clean_trail_passes_every_check(on):
    month = Changed()

    shown = run("04_audit_check", on(month.load), sample_size=7)

    assert found(shown) == {}
    assert "## PASS" in shown.text
    rows = [row for table, row in month.rows() if table == "audit.events_v1"]
    ordered = sorted(rows, key=lambda row: (row["writer_id"], row["sequence"]))
    digest = hashlib.sha256(b"".join(bytes.fromhex(row["record_hash"]) for row in ordered))
    assert digest.hexdigest() in shown.text
    sample = shown.table("Records of the sample")
    hashes = {row["event_id"]: row["record_hash"] for row in rows}
    assert len(sample) == 7
    assert all(hashes[row["event id"]] == row["record hash"] for row in sample)


def test_rewritten_and_removed_records_are_found_though_each_hash_fits(on):
    rewritten, without_row, without_events = Changed().interactions[10:160:50]

    def change(table, row):
        if row.get("interaction_id") == without_row.id and table == "audit.interactions_v1":
            return None
        if row.get("interaction_id") == without_events.id and table == "audit.events_v1":
            return None
        if table == "audit.events_v1" and row["event_id"] == rewritten.event_id:
            record = json.loads(row["record"]) | {"output_tokens": 1}
            row["record"] = json.dumps(record)
            row["record_hash"] = hashlib.sha256(row["record"].encode()).hexdigest()
        return row

    shown = run("04_audit_check", on(Changed(change).load))

    assert found(shown) == {
        "each record names the hash of the one before": ("FAIL", "1"),
        "no number is missing in a chain": ("FAIL", "2"),
        "each interaction has its events": ("FAIL", "1"),
        "each event of an interaction has its row": ("FAIL", "2"),
    }
    (row,) = shown.table("Interactions without events")
    assert row["interaction id"] == without_events.id


def test_column_that_tells_otherwise_than_its_record_is_found(on):
    victim = Changed().interactions[50]

    def change(table, row):
        if table == "audit.events_v1" and row["event_id"] == victim.event_id:
            row["principal_id"] = "somebody"
        return row

    shown = run("04_audit_check", on(Changed(change).load))

    assert found(shown) == {"each row's columns tell what its record tells": ("FAIL", "1")}


def test_reader_who_is_shown_hashes_in_place_of_records_can_check_them(on):
    def change(table, row):
        if table == "audit.events_v1":
            told = bytes.fromhex(row["record_hash"])
            row["record"] = told.hex() if row["sequence"] % 2 else base64.b64encode(told).decode()
        return row

    shown = run("04_audit_check", on(Changed(change).load))

    assert found(shown) == {}
    checked = {row["check"]: row["checked"] for row in shown.table("Records of 2026-10-01")}
    assert checked["each row's columns tell what its record tells"] == "0"
    assert "in place of the record" in shown.text


def test_what_if_names_who_would_be_hit(planted_stack, month):
    shown = run(
        "05_policy_what_if", planted_stack, models="grok-9", groups="contractors",
        repository="acme/mobile-1",
    )  # fmt: skip

    hit = [
        each
        for each in month.interactions
        if each.person.contractor
        and each.repository == "acme/mobile-1"
        and each.status != "blocked"
    ]
    assert "2 requests of 2 people would have been refused" in shown.text
    people = {row["person"] for row in shown.table("Who, where, how often")}
    assert people == {each.person.email for each in month.facts["shadow_model"]}
    assert (
        f"{len(hit)} requests of {len({each.person for each in hit})} people would have been refused"
        in shown.text
    )


def test_what_if_replays_a_whole_policy_file(planted_stack, month, tmp_path):
    policy = tmp_path / "stricter.yaml"
    policy.write_text(
        "version: 1\n"
        "connections:\n"
        '  copilot: {kind: copilot, upstream: "https://api.githubcopilot.com", credential: secret/copilot}\n'
        "rules:\n"
        "  - {id: no-contractors, when: \"'contractors' in principal.groups\", effect: deny, message: no}\n"
        "  - {id: engineers, when: \"'engineering' in principal.groups\", effect: allow}\n"
    )
    since = at(30)

    shown = run("05_policy_what_if", planted_stack, policy_file=str(policy), since="2026-10-30")

    hit = [i for i in month.interactions if i.person.contractor and i.requested_at >= since]
    changes = {row["now"]: row["count"] for row in shown.table("What would change")}
    assert changes["deny by no-contractors"] == str(len(hit))


@pytest.mark.parametrize("name", NAMES)
def test_notebook_runs_where_nothing_was_recorded(name, on, empty_stack):
    shown = run(name, empty_stack)

    assert "tenant" in shown.text


@pytest.fixture(scope="module")
def empty_stack(on):
    return on(lambda client: None)


def words(picture):
    return re.findall(r">([^<]+)</text>", picture)


@pytest.mark.parametrize("name", EXAMPLES)
def test_rendered_example_is_what_the_notebook_shows(name, planted_stack):
    for file, text in example(name, planted_stack).items():
        kept = (ROOT / "docs" / "notebooks" / file).read_text("utf-8")
        # Where a picture's words stand hangs on the fonts of the machine that draws it.
        same = words(kept) == words(text) if file.endswith(".svg") else kept == text
        assert same, f"{file} is old: make notebook-examples"


def test_command_keeps_what_was_shown_for_its_account_alone(
    planted_stack, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("TAILNUMBER_DATA_DIR", str(planted_stack))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "out"

    code = runner().main(["05", "-o", str(folder), "-p", "models=grok-9", "-p", "since=2026-10-01"])

    assert code == 0, capsys.readouterr().err
    assert {file.name for file in folder.iterdir()} >= {
        "05_policy_what_if.ipynb",
        "05_policy_what_if.md",
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_command_refuses_a_parameter_that_the_notebook_does_not_have():
    with pytest.raises(SystemExit, match=r"has no parameter modles; it has: models"):
        runner().execute(NOTEBOOKS / "05_policy_what_if.ipynb", {"modles": "x"})


def test_command_gives_numbers_as_numbers_and_texts_as_texts(monkeypatch):
    command = runner()
    monkeypatch.setattr(command, "NotebookClient", Unstarted)

    done = command.execute(
        NOTEBOOKS / "04_audit_check.ipynb", {"sample_size": "5", "gib_max": "0.5", "case": "117"}
    )

    given = next(
        cell for cell in done.cells if "injected-parameters" in cell.metadata.get("tags", ())
    )
    assert given.source.splitlines() == ["sample_size = 5", "gib_max = 0.5", 'case = "117"']


def test_command_refuses_a_text_for_a_number():
    with pytest.raises(SystemExit, match="gib_max is a number, such as 20; 'all' is none"):
        runner().execute(NOTEBOOKS / "04_audit_check.ipynb", {"gib_max": "all"})


class Unstarted:
    """A client that leaves the notebook as it was given."""

    def __init__(self, notebook, **_):
        self._notebook = notebook

    def execute(self):
        return self._notebook
