"""Commands on a control database that gateways share."""

import pytest
from command_line import CommandLine
from control_state import control_place, using
from postgres_server import PASSWORD, postgres_server

from ingress.control.store import open_control
from ingress.identity.keys import KeyStore
from ingress.secrets import TenantSecrets
from tailnumber.control import control_state, open_state, tenant_of
from tailnumber.errors import CommandError
from tailnumber.stack.layout import Layout

ADDRESS = "TAILNUMBER_CONTROL_DATABASE"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.delenv(ADDRESS, raising=False)
    return CommandLine(tmp_path / "operator").on_data


@pytest.fixture
def shared(tmp_path, monkeypatch):
    with using("postgresql"):
        place = control_place(tmp_path)
        monkeypatch.setenv(ADDRESS, place.control_database)
        monkeypatch.setenv("TAILNUMBER_CONTROL_PASSWORD_FILE", place.control_password_file)
        yield place


def test_one_machine_has_nothing_to_migrate(run):
    assert run("control", "status", "--json").document["state"] == "current"
    refused = run("control", "migrate")
    assert (refused.code, ADDRESS in refused.err) == (2, True)


def test_address_with_a_password_is_refused_and_not_repeated(run, monkeypatch):
    monkeypatch.setenv(ADDRESS, f"postgresql://tailnumber:{PASSWORD}@127.0.0.1/control")

    for command in (("control", "status"), ("keys", "list"), ("hold", "list")):
        refused = run(*command)
        assert (refused.code, "holds a password" in refused.err) == (2, True)
        assert PASSWORD not in refused.out + refused.err


@pytest.mark.parametrize("command", ["search", "replay"])
def test_texts_of_a_project_are_not_opened_without_the_gateways_keys(run, monkeypatch, command):
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:9")

    refused = run(command, "x", "--project", "acme-audit", "--reason", "case 7")

    assert (refused.code, ADDRESS in refused.err) == (2, True)
    assert not run.__self__.data_dir.exists()


def test_control_database_is_not_blamed_for_a_file_of_something_else(tmp_path):
    with pytest.raises(FileNotFoundError), control_state(Layout(tmp_path)):
        (tmp_path / "answers.csv").read_bytes()


@pytest.mark.postgres
def test_empty_database_is_told_of_then_filled_then_used(run, monkeypatch, tmp_path):
    server = postgres_server()
    server.run_sql("postgres", "DROP DATABASE IF EXISTS commands")
    monkeypatch.setenv(ADDRESS, server.make_database("commands"))
    monkeypatch.setenv("TAILNUMBER_CONTROL_PASSWORD_FILE", str(server.password_file))

    before = run("control", "status")
    refused = run("keys", "create")
    migrated = run("control", "migrate", "--json")
    again = run("control", "migrate")

    assert (before.code, "run: tailnumber control migrate" in before.err) == (1, True)
    assert (refused.code, "run: tailnumber control migrate" in refused.err) == (2, True)
    assert not migrated.err
    assert migrated.document == {"database": "127.0.0.1/commands", "from": None, "to": "0001"}
    assert "at version 0001 already" in again.out
    assert run("control", "status").code == 0


@pytest.mark.postgres
def test_key_of_a_command_is_in_the_shared_database_and_not_here(run, shared):
    made = run("keys", "create", "--user", "ada", "--json").document

    engine = open_control(shared)
    assert [record.key_id for record in KeyStore(engine).list()] == [made["id"]]
    engine.dispose()
    assert run("keys", "revoke", made["id"]).code == 0
    assert not list(run.__self__.data_dir.glob("control.db"))


@pytest.mark.postgres
def test_state_of_one_machine_is_copied_whole_and_once(run, shared, monkeypatch):
    address = shared.control_database
    monkeypatch.setenv(ADDRESS, "")
    key_id = run("keys", "create", "--json").document["id"]
    monkeypatch.setenv(ADDRESS, address)

    copied = run("control", "import", "--json")
    again = run("control", "import")

    assert not copied.err
    assert copied.document == {"row_count": 2}  # the key and its event
    assert [key["id"] for key in run("keys", "list", "--json").document["keys"]] == [key_id]
    assert (again.code, "has rows already" in again.err) == (2, True)


@pytest.mark.postgres
def test_pseudonyms_of_other_gateways_are_not_made_up(run, shared):
    layout = Layout(run.__self__.data_dir)
    engine = open_state(layout)
    try:
        with pytest.raises(CommandError, match=r"tenant\.key is missing"):
            tenant_of(layout, engine)
        assert not layout.secrets.exists()

        TenantSecrets.load_or_create(layout.secrets)
        assert tenant_of(layout, engine).subkey("principal")
    finally:
        engine.dispose()
