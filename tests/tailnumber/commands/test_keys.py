import re
from datetime import UTC, datetime, timedelta

from control_state import Verifier

from ingress.control import outbox
from ingress.control.store import open_sqlite
from ingress.identity.key_form import KEY_PATTERN
from ingress.identity.keys import KeyStore
from tailnumber.stack.local_key import machine_user


def test_created_key_opens_the_gateway_with_its_facts(tailnumber):
    made = tailnumber.on_data(
        "keys", "create", "--user", "ada", "--email", "ada@acme.example",
        "--group", "engineering", "--group", "payments", "--json",
    )  # fmt: skip

    assert made.code == 0
    assert set(made.document) == {"id", "key", "expires_at"}
    engine = open_sqlite(tailnumber.data_dir / "control.db")
    principal = Verifier(engine).verify(made.document["key"], datetime.now(UTC).timestamp())
    engine.dispose()
    assert (principal.subject, principal.email) == ("ada", "ada@acme.example")
    assert principal.groups == ("engineering", "payments")


def test_key_is_valid_for_the_days_that_were_asked_for(tailnumber):
    made = tailnumber.on_data("keys", "create", "--days", "7", "--json").document

    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)


def test_text_form_says_where_to_put_the_key(tailnumber):
    text = tailnumber.on_data("keys", "create").out

    assert re.search(KEY_PATTERN, text)
    assert "GH_COPILOT_TOKEN=tnk_" in text
    assert "OPENAI_BASE_URL=http://127.0.0.1:8080/v1" in text


def test_list_never_shows_a_key(tailnumber):
    made = tailnumber.on_data("keys", "create", "--user", "ada", "--json").document

    for listed in (
        tailnumber.on_data("keys", "list"),
        tailnumber.on_data("keys", "list", "--json"),
    ):
        assert made["id"] in listed.out
        assert made["key"] not in listed.out


def test_revoked_key_is_listed_as_revoked(tailnumber):
    key_id = tailnumber.on_data("keys", "create", "--json").document["id"]

    assert tailnumber.on_data("keys", "revoke", key_id).code == 0

    keys = tailnumber.on_data("keys", "list", "--json").document["keys"]
    assert [(key["id"], key["state"]) for key in keys] == [(key_id, "revoked")]


def test_revoking_what_was_never_issued_is_an_error(tailnumber):
    result = tailnumber.on_data("keys", "revoke", "nothing1")

    assert result.code == 2
    assert "There is no key 'nothing1'" in result.err


def test_empty_user_is_refused_in_one_sentence(tailnumber):
    result = tailnumber.on_data("keys", "create", "--user", "a\0b")

    assert result.code == 2
    assert result.err.startswith("tailnumber: No key was made")


def test_key_of_a_class_says_where_it_goes_and_is_listed_as_such(tailnumber):
    by_path = tailnumber.on_data("keys", "create", "--class", "path").out
    by_proxy = tailnumber.on_data("keys", "create", "--class", "proxy").out

    assert re.search(rf"http://127.0.0.1:8080/t/{KEY_PATTERN}/v1", by_path)
    assert re.search(rf"http://any-name:{KEY_PATTERN}@127.0.0.1:8080", by_proxy)
    keys = tailnumber.on_data("keys", "list", "--json").document["keys"]
    assert {key["class"] for key in keys} == {"path", "proxy"}


def test_exposed_key_is_listed_with_what_to_do(tailnumber):
    key_id = tailnumber.on_data("keys", "create", "--json").document["id"]
    engine = open_sqlite(tailnumber.data_dir / "control.db")
    KeyStore(engine).mark_exposed(key_id, datetime.now(UTC))
    engine.dispose()

    text = tailnumber.on_data("keys", "list").out

    assert "exposed" in text
    assert "tailnumber keys revoke ID" in text


def test_what_the_command_line_does_waits_for_a_gateway_to_record_it(tailnumber):
    key_id = tailnumber.on_data("keys", "create", "--user", "ada", "--json").document["id"]
    tailnumber.on_data("keys", "revoke", key_id)
    tailnumber.on_data("keys", "revoke", key_id)

    engine = open_sqlite(tailnumber.data_dir / "control.db")
    events = outbox.claim(engine, datetime.now(UTC))
    engine.dispose()

    assert [event.event_type for event in events] == ["key.issued", "key.revoked"]
    assert {event.facts["holder"]["subject"] for event in events} == {"ada"}
    assert {event.actor["subject"] for event in events} == {machine_user()}
