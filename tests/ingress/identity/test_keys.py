import re
from datetime import timedelta

import pytest
from control_state import (
    NOW,
    NOW_SECONDS,
    PRINCIPAL_KEY,
    Verifier,
    control_database,
    let_changes_arrive,
    revoke_in_another_process,
)
from sqlalchemy import select, text

from ingress.control.models import Base
from ingress.errors import (
    ExpiredKey,
    IdentityUnavailable,
    MalformedKey,
    MissingCredential,
    RevokedKey,
    Unauthenticated,
    UnknownKey,
)
from ingress.identity.key_form import KEY_PATTERN, with_checksum
from ingress.identity.keys import LOCAL_ISSUER, KeyStore, LocalIssuer
from ingress.identity.principal import principal_id

pytestmark = pytest.mark.usefixtures("control_backend")

STRANGER = with_checksum("tnk_stranger_" + "a" * 32)


@pytest.fixture
def engine(tmp_path):
    with control_database(tmp_path) as engine:
        yield engine


@pytest.fixture
def store(engine):
    return KeyStore(engine)


@pytest.fixture
def verifier(engine):
    return Verifier(engine)


def mint(store, user="ada", **facts):
    return LocalIssuer(store).mint(user, now=NOW, **facts)


def test_key_has_the_form_that_scanners_look_for(store):
    _, key = mint(store)

    assert re.fullmatch(KEY_PATTERN, key)
    assert "=" not in key


def test_key_is_not_in_the_database(store, engine):
    _, key = mint(store)

    with engine.connect() as connection:
        stored = [
            repr(tuple(row))
            for table in Base.metadata.sorted_tables
            for row in connection.execute(select(table))
        ]
    assert any("ada" in row for row in stored)
    assert not any(key.split("_")[2] in row for row in stored)


def test_record_does_not_print_the_key(store):
    record, key = mint(store)

    assert key.split("_")[2] not in repr(record)


def test_verified_key_gives_the_caller_it_was_issued_to(store, verifier):
    record, key = mint(store, groups=["engineering"], email="ada@example.com", kind="service")

    principal = verifier.verify(key, NOW_SECONDS)

    assert principal.issuer == LOCAL_ISSUER
    assert principal.subject == "ada"
    assert principal.email == "ada@example.com"
    assert principal.groups == ("engineering",)
    assert principal.kind == "service"
    assert principal.key_id == record.key_id
    assert principal.principal_id == principal_id(PRINCIPAL_KEY, LOCAL_ISSUER, "ada")


def test_two_keys_of_one_caller_are_one_principal(store, verifier):
    _, laptop = mint(store, device_name="laptop")
    _, desktop = mint(store, device_name="desktop")

    first, second = verifier.verify(laptop, NOW_SECONDS), verifier.verify(desktop, NOW_SECONDS)

    assert first.principal_id == second.principal_id
    assert first.key_id != second.key_id


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, MissingCredential),
        ("", MissingCredential),
        ("sk-something-else", MalformedKey),
        (STRANGER[:-1], MalformedKey),
        (STRANGER + "\n", MalformedKey),
        (STRANGER[:-1] + ("0" if STRANGER[-1] != "0" else "1"), MalformedKey),
        (STRANGER.replace("a", "\u0430"), MalformedKey),
        (STRANGER, UnknownKey),
    ],
    ids=["none", "empty", "other form", "cut", "newline", "checksum", "look-alike", "unknown"],
)
def test_credential_that_does_not_hold_is_refused_with_its_reason(verifier, raw, reason):
    with pytest.raises(Unauthenticated) as caught:
        verifier.verify(raw, NOW_SECONDS)

    assert type(caught.value) is reason


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_typo_in_a_real_key_is_called_a_typo(store, verifier, warm):
    _, key = mint(store)
    if warm:
        verifier.verify(key, NOW_SECONDS)
    typo = key[:20] + ("x" if key[20] != "x" else "y") + key[21:]

    with pytest.raises(MalformedKey):
        verifier.verify(typo, NOW_SECONDS)


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_guessed_secret_under_a_known_id_is_refused(store, verifier, warm):
    record, key = mint(store)
    if warm:
        verifier.verify(key, NOW_SECONDS)
    guess = with_checksum(f"tnk_{record.key_id}_" + "g" * 32)

    with pytest.raises(UnknownKey) as caught:
        verifier.verify(guess, NOW_SECONDS)

    assert caught.value.unverified_key_id == record.key_id


def test_refusals_never_quote_the_key(store, verifier):
    record, key = mint(store)
    store.revoke(record.key_id, NOW)

    with pytest.raises(RevokedKey) as caught:
        verifier.verify(key, NOW_SECONDS)

    assert key.split("_")[2] not in repr(caught.value) + str(caught.value)


def test_checksum_refuses_a_typo_without_the_database(verifier, engine):
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE gateway_keys RENAME TO elsewhere"))

    with pytest.raises(MalformedKey):
        verifier.verify(STRANGER[:-6] + "zzzzzz", NOW_SECONDS)


def test_unreadable_key_store_lets_nobody_in(verifier, engine):
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE gateway_keys RENAME TO elsewhere"))

    with pytest.raises(IdentityUnavailable):
        verifier.verify(STRANGER, NOW_SECONDS)


def test_expired_key_is_refused_even_from_the_cache(store, verifier):
    _, key = mint(store, lifetime=timedelta(seconds=0.5))
    verifier.verify(key, NOW_SECONDS)

    with pytest.raises(ExpiredKey):
        verifier.verify(key, NOW_SECONDS + 0.5)


def revoke_elsewhere(directory, key_id):
    with control_database(directory) as elsewhere:
        assert KeyStore(elsewhere).revoke(key_id, NOW)


def test_revocation_by_another_process_counts_from_the_next_check(store, verifier, tmp_path):
    record, key = mint(store)
    verifier.verify(key, NOW_SECONDS)

    revoke_in_another_process(tmp_path, record.key_id)
    let_changes_arrive()

    with pytest.raises(RevokedKey):
        verifier.verify(key, NOW_SECONDS)
    with pytest.raises(RevokedKey):
        verifier.verify_id(record.key_id, NOW_SECONDS)


def test_every_worker_refuses_a_key_from_the_next_check_on(store, engine, tmp_path):
    workers = [Verifier(engine) for _ in range(3)]
    record, key = mint(store)
    for worker in workers:
        worker.verify(key, NOW_SECONDS)

    revoke_elsewhere(tmp_path, record.key_id)
    let_changes_arrive()

    for worker in workers:
        with pytest.raises(RevokedKey):
            worker.verify(key, NOW_SECONDS)


def test_clock_set_back_does_not_stretch_the_cache(store, verifier):
    record, key = mint(store)
    verifier.verify(key, NOW_SECONDS)
    store.revoke(record.key_id, NOW)
    let_changes_arrive()

    with pytest.raises(RevokedKey):
        verifier.verify(key, NOW_SECONDS - 3600)


def test_key_made_after_a_refusal_is_accepted(store, verifier):
    with pytest.raises(UnknownKey):
        verifier.verify(STRANGER, NOW_SECONDS)

    _, key = mint(store)

    assert verifier.verify(key, NOW_SECONDS).subject == "ada"


def test_id_of_no_key_is_unknown(verifier):
    with pytest.raises(UnknownKey):
        verifier.verify_id("nobody00", NOW_SECONDS)


def test_second_revocation_keeps_the_first_time(store):
    record, _ = mint(store)
    store.revoke(record.key_id, NOW)

    assert store.revoke(record.key_id, NOW + timedelta(days=1))
    assert store.list()[0].revoked_at == NOW


def test_revoking_no_key_says_so(store):
    assert not store.revoke("nobody00", NOW)


def test_list_has_every_key_ever_issued_oldest_first(store):
    first, _ = LocalIssuer(store).mint("ada", now=NOW)
    second, _ = LocalIssuer(store).mint("grace", now=NOW + timedelta(seconds=1))
    store.revoke(first.key_id, NOW)

    assert [record.key_id for record in store.list()] == [first.key_id, second.key_id]


@pytest.mark.parametrize(
    "facts",
    [{"subject": ""}, {"subject": "a\0b"}, {"subject": "a", "lifetime": timedelta()}],
    ids=["no subject", "NUL", "no lifetime"],
)
def test_key_without_a_caller_or_lifetime_is_not_issued(store, facts):
    with pytest.raises(ValueError, match="needs an issuer"):
        store.create(issuer="urn:a", now=NOW, **facts)


def test_full_cache_starts_over(store, verifier, monkeypatch):
    monkeypatch.setattr("ingress.identity.verifier._CACHE_ENTRIES", 1)
    _, ada = mint(store, "ada")
    _, grace = mint(store, "grace")

    assert verifier.verify(ada, NOW_SECONDS).subject == "ada"
    assert verifier.verify(grace, NOW_SECONDS).subject == "grace"
    assert len(verifier.of_gateway._cache) == 1
