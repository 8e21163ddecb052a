import multiprocessing
import re
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
import tink
from control_state import NOW, control_database, control_files
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session
from tink import aead, secret_key_access

from ingress.control.models import ContentKeyRow
from ingress.errors import ContentKeyMissing, ContentUnreadable, SealingUnavailable
from ingress.sealing import ContentKeys, Opener, Sealer, part_id, quarter_of
from ingress.secrets import TenantSecrets

TEXT = b"where is the canary prompt?"

pytestmark = pytest.mark.usefixtures("control_backend")


@pytest.fixture
def engine(tmp_path):
    with control_database(tmp_path) as engine:
        yield engine


@pytest.fixture
def tenant(tmp_path):
    return TenantSecrets.load_or_create(tmp_path / "secrets")


@pytest.fixture
def keys(engine, tenant):
    return ContentKeys(engine, tenant.kek, tenant.subkey("content-key"))


@pytest.fixture
def sealer(keys):
    return Sealer(keys)


@pytest.fixture
def opener(keys):
    return Opener(keys)


def test_sealed_text_opens_for_a_reader(sealer, opener):
    sealed = sealer.seal("ada", "2026Q4", b"part", TEXT)

    assert TEXT not in sealed.ciphertext
    assert opener.open(sealed.key_id, sealed.ciphertext, b"part") == TEXT


def test_equal_texts_have_different_ciphertexts(sealer):
    first = sealer.seal("ada", "2026Q4", b"part", TEXT)
    second = sealer.seal("ada", "2026Q4", b"part", TEXT)

    assert first.key_id == second.key_id
    assert first.ciphertext != second.ciphertext


def test_ciphertext_is_bound_to_its_part(sealer, opener):
    sealed = sealer.seal("ada", "2026Q4", b"part", TEXT)

    with pytest.raises(ContentUnreadable):
        opener.open(sealed.key_id, sealed.ciphertext, b"another part")


def test_any_flipped_bit_is_found(sealer, opener):
    sealed = sealer.seal("ada", "2026Q4", b"part", TEXT)

    for index in range(len(sealed.ciphertext)):
        changed = bytearray(sealed.ciphertext)
        changed[index] ^= 1
        with pytest.raises(ContentUnreadable):
            opener.open(sealed.key_id, bytes(changed), b"part")


@pytest.mark.parametrize(
    ("principal_id", "quarter"),
    [("grace", "2026Q4"), ("ada", "2027Q1")],
    ids=["other principal", "other quarter"],
)
def test_key_of_another_principal_or_quarter_does_not_open(sealer, opener, principal_id, quarter):
    sealed = sealer.seal("ada", "2026Q4", b"part", TEXT)
    other = sealer.seal(principal_id, quarter, b"part", TEXT)

    assert other.key_id != sealed.key_id
    with pytest.raises(ContentUnreadable):
        opener.open(other.key_id, sealed.ciphertext, b"part")


def test_key_id_is_opaque_and_known_before_the_key_is(sealer, keys):
    key_id = keys.key_id("ada", "2026Q4")

    assert re.fullmatch("ck_[a-z2-7]{26}", key_id)
    assert sealer.seal("ada", "2026Q4", b"part", TEXT).key_id == key_id


def retire(engine, **more):
    with engine.begin() as connection:
        connection.execute(update(ContentKeyRow).values(retired_at=NOW, **more))


def test_retired_key_still_opens_and_a_new_one_seals_from_then_on(keys, sealer, opener, engine):
    old = sealer.seal("ada", "2026Q4", b"part", TEXT)
    retire(engine)

    assert sealer.seal("ada", "2026Q4", b"part", TEXT).key_id == old.key_id  # not noticed yet
    sealer.forget_retired()
    new = sealer.seal("ada", "2026Q4", b"part", TEXT)

    assert new.key_id != old.key_id
    assert Sealer(keys).seal("ada", "2026Q4", b"part", TEXT).key_id == new.key_id
    assert opener.open(old.key_id, old.ciphertext, b"part") == TEXT
    assert opener.open(new.key_id, new.ciphertext, b"part") == TEXT


def test_keys_of_others_stay_at_hand_when_one_is_retired(sealer, engine):
    mine = sealer.seal("grace", "2026Q4", b"part", TEXT)
    sealer.seal("ada", "2026Q4", b"part", TEXT)
    with engine.begin() as connection:
        connection.execute(
            update(ContentKeyRow).where(ContentKeyRow.principal_id == "ada").values(retired_at=NOW)
        )

    sealer.forget_retired()

    assert [name for name, _ in sealer._cache] == ["grace"]
    assert sealer.seal("grace", "2026Q4", b"part", TEXT).key_id == mine.key_id


def test_key_that_was_emptied_opens_nothing(sealer, opener, engine):
    sealed = sealer.seal("ada", "2026Q4", b"part", TEXT)
    retire(engine, wrapped_keyset=b"", erased_at=NOW)

    with pytest.raises(ContentKeyMissing):
        opener.open(sealed.key_id, sealed.ciphertext, b"part")


def test_second_process_seals_under_the_same_key(sealer, tenant, tmp_path):
    sealed = sealer.seal("ada", "2026Q4", b"part", TEXT)

    with control_database(tmp_path) as elsewhere:
        keys = ContentKeys(elsewhere, tenant.kek, tenant.subkey("content-key"))
        assert Opener(keys).open(sealed.key_id, sealed.ciphertext, b"part") == TEXT
        assert Sealer(keys).seal("ada", "2026Q4", b"part", TEXT).key_id == sealed.key_id


def seal_elsewhere(directory):
    tenant = TenantSecrets.load_or_create(directory / "secrets")
    with control_database(directory) as engine:
        sealer = Sealer(ContentKeys(engine, tenant.kek, tenant.subkey("content-key")))
        return [tuple(sealer.seal(f"p{i}", "2026Q4", b"part", TEXT)) for i in range(5)]


def test_racing_processes_make_each_key_once(tmp_path):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        found = pool.map(seal_elsewhere, [tmp_path] * 8)

    tenant = TenantSecrets.load_or_create(tmp_path / "secrets")
    with control_database(tmp_path) as engine:
        opener = Opener(ContentKeys(engine, tenant.kek, tenant.subkey("content-key")))
        texts = {opener.open(key_id, data, b"part") for sealed in found for key_id, data in sealed}
        with Session(engine) as session:
            assert len(session.scalars(select(ContentKeyRow.key_id)).all()) == 5
    assert texts == {TEXT}


def test_racing_threads_seal_what_opens(sealer, opener):
    sealed = []
    threads = [
        threading.Thread(target=lambda: sealed.append(sealer.seal("ada", "2026Q4", b"p", TEXT)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {opener.open(key_id, data, b"p") for key_id, data in sealed} == {TEXT}


def test_keyset_is_never_on_disk_in_clear(sealer, engine, tenant, tmp_path):
    sealer.seal("ada", "2026Q4", b"part", TEXT)
    with Session(engine) as session:
        wrapped = session.scalars(select(ContentKeyRow.wrapped_keyset)).one()
    keyset = tenant.kek.decrypt(wrapped, b"")

    stored = b"".join(p.read_bytes() for p in control_files(tmp_path))
    assert wrapped in stored
    assert keyset not in stored
    assert b"AesGcmKey" not in stored


def test_wrapped_keyset_is_what_bigquery_unwraps(sealer, engine, tenant):
    sealed = sealer.seal("ada", "2026Q4", b"part", TEXT)
    with Session(engine) as session:
        wrapped = session.scalars(select(ContentKeyRow.wrapped_keyset)).one()

    # As KEYS.KEYSET_CHAIN does it: unwrap bare bytes, parse a Tink keyset, decrypt with its prefix.
    handle = tink.proto_keyset_format.parse(
        tenant.kek.decrypt(wrapped, b""), secret_key_access.TOKEN
    )
    info = handle.keyset_info()

    assert info.key_info[0].type_url == "type.googleapis.com/google.crypto.tink.AesGcmKey"
    assert sealed.ciphertext[:5] == b"\x01" + info.primary_key_id.to_bytes(4, "big")
    assert handle.primitive(aead.Aead).decrypt(sealed.ciphertext, b"part") == TEXT


def test_erased_key_opens_nothing(sealer, opener, engine):
    sealed = sealer.seal("ada", "2026Q4", b"part", TEXT)
    with engine.begin() as connection:
        connection.execute(delete(ContentKeyRow))

    with pytest.raises(ContentKeyMissing):
        opener.open(sealed.key_id, sealed.ciphertext, b"part")


def test_without_the_database_nothing_new_is_sealed(sealer, opener, engine):
    sealed = sealer.seal("ada", "2026Q4", b"part", TEXT)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE content_keys"))

    with pytest.raises(SealingUnavailable):
        sealer.seal("grace", "2026Q4", b"part", TEXT)
    with pytest.raises(SealingUnavailable):
        opener.open(sealed.key_id, sealed.ciphertext, b"part")
    assert sealer.seal("ada", "2026Q4", b"part", TEXT).key_id == sealed.key_id


def test_key_of_another_tenant_is_refused(sealer, engine, keys):
    sealer.seal("ada", "2026Q4", b"part", TEXT)
    with engine.begin() as connection:
        connection.execute(update(ContentKeyRow).values(wrapped_keyset=b"of another tenant"))

    with pytest.raises(SealingUnavailable) as caught:
        Sealer(keys).seal("ada", "2026Q4", b"part", TEXT)
    assert "ada" not in str(caught.value)


def test_cache_is_bounded_and_keeps_what_was_used_last(keys):
    sealer = Sealer(keys, cache_keys=2)
    for principal_id in ("ada", "grace", "ada", "alan"):
        sealer.seal(principal_id, "2026Q4", b"part", TEXT)

    assert [name for name, _ in sealer._cache] == ["ada", "alan"]


@pytest.mark.parametrize(
    ("at", "quarter"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), "2026Q1"),
        (datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), "2026Q1"),
        (datetime(2026, 11, 20, tzinfo=UTC), "2026Q4"),
        (datetime(2027, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), "2026Q4"),
    ],
)
def test_quarter_is_that_of_utc(at, quarter):
    assert quarter_of(at) == quarter


def test_part_id_is_stable_within_a_session_only():
    key = bytes(32)

    assert re.fullmatch("[a-z2-7]{26}", part_id(key, "s1", TEXT))
    assert part_id(key, "s1", TEXT) == part_id(key, "s1", TEXT)
    assert part_id(key, "s1", TEXT) != part_id(key, "s2", TEXT)
    assert part_id(key, "s1", TEXT) != part_id(key, "s1", TEXT + b".")
    assert part_id(key, "s", b"1x") != part_id(key, "s1", b"x")
    assert part_id(b"1" * 32, "s1", TEXT) != part_id(key, "s1", TEXT)
