"""A content key is published once, in the form that BigQuery unwraps."""

import asyncio
import hashlib
import threading
import time
from base64 import b64decode

import pytest
import tink
from control_state import NOW, PRINCIPAL_KEY, control_database
from google_servers import google_servers
from sqlalchemy import select
from sqlalchemy.orm import Session
from tink import aead, secret_key_access
from tink.proto import aes_gcm_pb2, tink_pb2

from ingress.cloud_kms import CloudKmsWrapper
from ingress.control import content_keys, outbox
from ingress.control.models import ContentKeyRow, ControlEventRow
from ingress.control_events import ControlEvents
from ingress.sealing import ContentKeys, Sealer
from ingress.secrets import TenantSecrets

KMS_KEY = "projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k"
TEXT = b"where is the canary prompt?"
PART = "mzxw6ytboi4dknzvgq3tmnbsge"

pytestmark = pytest.mark.usefixtures("control_backend")


class TakingRecorder:
    """Keeps what is to be recorded, in order."""

    def __init__(self):
        self.events = []
        self.keys = []

    async def control_changed(self, event_type, *, event_id, at, principal, facts):
        self.events.append((event_type, event_id, principal, facts))

    async def content_key(self, facts, *, event_id, at, wrapped_keyset):
        self.keys.append((facts, event_id, wrapped_keyset))


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
def recorder():
    return TakingRecorder()


def erase(engine, principal_id):
    with Session(engine) as session:
        (key,) = session.scalars(select(ContentKeyRow).filter_by(principal_id=principal_id))
        key.retired_at = key.erased_at = NOW
        key.wrapped_keyset = b""
        session.commit()


def drain(engine, recorder):
    asyncio.run(ControlEvents(engine, recorder, PRINCIPAL_KEY).drain())


def test_what_is_published_opens_a_text_as_bigquery_would(engine, tenant, recorder):
    with google_servers() as (_, _, kms):
        wrapper = CloudKmsWrapper(f"gcp-kms://{KMS_KEY}", kms)
        keys = ContentKeys(engine, wrapper, tenant.subkey("content-key"))
        sealed = Sealer(keys).seal("ada", "2026Q4", PART.encode(), TEXT)
        drain(engine, recorder)
        ((facts, _, wrapped),) = recorder.keys

        # KEYS.KEYSET_CHAIN(kms_resource, wrapped_keyset): Decrypt with no associated data gives a
        # serialized google.crypto.tink.Keyset.
        request = {"name": KMS_KEY, "ciphertext": b64decode(wrapped)}
        serialized = kms.decrypt(request=request, timeout=5).plaintext

    assert facts["kms_resource"] == f"gcp-kms://{KMS_KEY}"
    assert facts["content_key_id"] == sealed.key_id
    keyset = tink_pb2.Keyset.FromString(serialized)
    (key,) = keyset.key
    assert key.key_data.type_url == "type.googleapis.com/google.crypto.tink.AesGcmKey"
    assert key.key_data.key_material_type == tink_pb2.KeyData.SYMMETRIC
    assert (key.status, key.output_prefix_type) == (tink_pb2.ENABLED, tink_pb2.TINK)
    assert keyset.primary_key_id == key.key_id
    assert len(aes_gcm_pb2.AesGcmKey.FromString(key.key_data.value).key_value) == 32
    # AEAD.DECRYPT_STRING(…, ciphertext, part_id): the associated data are the id's UTF-8 bytes.
    handle = tink.proto_keyset_format.parse(serialized, secret_key_access.TOKEN)
    assert handle.primitive(aead.Aead).decrypt(sealed.ciphertext, PART.encode()) == TEXT
    with pytest.raises(tink.TinkError):
        handle.primitive(aead.Aead).decrypt(sealed.ciphertext, b"another part")


def test_the_record_of_a_key_holds_its_hash_and_not_the_keyset(engine, keys, recorder):
    Sealer(keys).seal("ada", "2026Q4", b"part", TEXT)

    drain(engine, recorder)

    ((event_type, event_id, principal, facts),) = recorder.events
    ((_, same_id, wrapped),) = recorder.keys
    assert (event_type, principal, event_id) == ("content_key.created", None, same_id)
    assert facts["wrapped_keyset_hash"] == hashlib.sha256(b64decode(wrapped)).hexdigest()
    assert wrapped not in str(facts)


def test_a_key_that_several_make_at_once_is_published_once(engine, tenant, recorder, tmp_path):
    together = threading.Barrier(4)

    def make():
        with control_database(tmp_path) as own:
            own_keys = ContentKeys(own, tenant.kek, tenant.subkey("content-key"))
            together.wait()
            Sealer(own_keys).seal("ada", "2026Q4", b"part", TEXT)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain(engine, recorder)
    drain(engine, recorder)

    assert len(recorder.events) == len(recorder.keys) == 1


def test_keys_of_an_older_version_are_published_at_the_next_start(engine, keys, recorder):
    Sealer(keys).seal("ada", "2026Q4", b"part", TEXT)
    with Session(engine) as session:
        session.query(ControlEventRow).delete()
        session.scalars(select(ContentKeyRow)).one().told_at = None
        session.commit()

    assert content_keys.tell_untold(engine, None, NOW) == 1
    assert content_keys.tell_untold(engine, None, NOW) == 0
    drain(engine, recorder)

    assert len(recorder.keys) == 1


def test_a_key_erased_before_it_was_published_leaves_its_event_alone(engine, keys, recorder):
    Sealer(keys).seal("ada", "2026Q4", b"part", TEXT)
    erase(engine, "ada")

    drain(engine, recorder)

    assert (len(recorder.events), recorder.keys) == (1, [])


def test_a_new_quarter_is_a_new_key(engine, keys, recorder):
    sealer = Sealer(keys)
    ids = {sealer.seal("ada", quarter, b"part", TEXT).key_id for quarter in ("2026Q4", "2027Q1")}

    drain(engine, recorder)

    assert {facts["content_key_id"] for facts, *_ in recorder.keys} == ids
    assert {facts["quarter"] for facts, *_ in recorder.keys} == {"2026Q4", "2027Q1"}


def test_a_key_s_event_waits_with_the_key_in_one_transaction(engine, keys, monkeypatch):
    def fail(*_):
        raise RuntimeError("the machine stops here")

    monkeypatch.setattr(outbox, "add", fail)
    with pytest.raises(RuntimeError):
        Sealer(keys).seal("ada", "2026Q4", b"part", TEXT)

    with Session(engine) as session:
        assert session.scalars(select(ContentKeyRow)).all() == []


def test_a_running_gateway_publishes_the_key_apart_from_its_event(gateway):
    gateway.chat("hello", session="keyed", key=gateway.reading.key("keyed", "engineering"))
    (end,) = gateway.events("keyed")[-1:]
    holder = end.principal.principal_id

    def mine():
        created = gateway.events_of("content_key.created")
        return [event for event in created if event.holder_principal_id == holder]

    deadline = time.monotonic() + 5
    while not mine() and time.monotonic() < deadline:
        time.sleep(0.05)
    (created,) = mine()
    published = [m.data for m in gateway.transport.taken if m.kind == "key"]
    (message,) = [data for data in published if created.content_key_id.encode() in data]
    assert b'"wrapped_keyset":' in message
    assert not any(b'"wrapped_keyset":' in data for data in gateway.events_raw())
