import re
from datetime import UTC, datetime, timedelta

from ingress.control.store import open_sqlite
from ingress.identity.key_form import KEY_PATTERN
from ingress.identity.verifier import KeyVerifier


def test_created_key_opens_the_gateway_with_its_facts(tailnumber):
    made = tailnumber.on_data(
        "keys", "create", "--user", "ada", "--email", "ada@acme.example",
        "--group", "engineering", "--group", "payments", "--json",
    )  # fmt: skip

    assert made.code == 0
    assert set(made.document) == {"id", "key", "expires_at"}
    engine = open_sqlite(tailnumber.data_dir / "control.db")
    principal = KeyVerifier(engine, b"k" * 32).verify(
        made.document["key"], datetime.now(UTC).timestamp()
    )
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
