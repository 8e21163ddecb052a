"""Seal every text under its principal's key of the quarter, before it leaves the process.

Ciphertexts are Tink AEAD (AES-256-GCM with Tink's prefix), the form that BigQuery's
AEAD.DECRYPT_STRING reads. The ingress seals; only a reader who may see texts opens. A content key
is made when it is first needed and lives in the control database, wrapped by the tenant's key.
"""

import hmac
import threading
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

import tink  # type: ignore[import-untyped]  # ships no type information
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session
from tink import aead, secret_key_access
from tink.proto import aes_gcm_pb2, tink_pb2  # type: ignore[import-untyped]

from ingress.control.content_keys import tell_created
from ingress.control.models import ContentKeyRow
from ingress.control.store import is_remote
from ingress.errors import ContentKeyMissing, ContentUnreadable, SealingUnavailable
from ingress.ids import random_bytes

# Unwrapped keysets that one process keeps ready: more than the callers of a busy hour.
CACHE_KEYS: Final = 4096
# Bytes of the HMAC that make a part id or a key id; 128 bits, 26 characters of base32.
_ID_BYTES: Final = 16
# Base32 two characters at a time: the library's encoder is a loop in Python over every five bytes.
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS: Final = tuple(one + other for one in _BASE32 for other in _BASE32)
_SHIFTS: Final = tuple(range(120, -1, -10))
_AES_GCM_URL: Final = "type.googleapis.com/google.crypto.tink.AesGcmKey"


class KeyWrapper(Protocol):
    """Wrap and unwrap keysets: a Tink AEAD of a local keyset, or of a Cloud KMS key."""

    def encrypt(self, plaintext: bytes, associated_data: bytes, /) -> bytes:
        """Return the ciphertext."""
        ...

    def decrypt(self, ciphertext: bytes, associated_data: bytes, /) -> bytes:
        """Return the plaintext.

        Raises:
            tink.TinkError: the ciphertext is not of this key, or the service is out of reach.
        """
        ...


class ContentKey(Protocol):
    """What seals: Tink's primitive, or ``_AesGcm``, which does the same with less between."""

    def encrypt(self, plaintext: bytes, associated_data: bytes, /) -> bytes:
        """Return the ciphertext."""
        ...


class _AesGcm:
    """Tink's AES-GCM under a keyset's only key: the same bytes, without its layers of Python.

    Source: Tink's wire format, "AEAD" and "Tink output prefix": 0x01, key id, then AES-GCM's
    12 bytes of IV, the ciphertext and 16 bytes of tag.
    """

    __slots__ = ("_encrypt", "_prefix")

    def __init__(self, key: bytes, key_id: int) -> None:
        self._encrypt = AESGCM(key).encrypt
        self._prefix = b"\x01" + key_id.to_bytes(4, "big")

    def encrypt(self, plaintext: bytes, associated_data: bytes, /) -> bytes:
        iv = random_bytes()
        return self._prefix + iv + self._encrypt(iv, plaintext, associated_data)


class Sealed(NamedTuple):
    """A sealed text and the id of the content key that opens it."""

    key_id: str
    ciphertext: bytes


def part_id(part_key: bytes, session_id: str, text: bytes) -> str:
    """Return the id of a text within its session: 26 characters of lower-case base32.

    Equal texts of one session have one id; without the tenant's key an id tells nothing about its
    text, and across sessions equal texts cannot be linked.

    Args:
        part_key: the tenant's subkey "part".
        session_id: contains no NUL.
        text: masked text, UTF-8 bytes.
    """
    return _identifier(part_key, session_id.encode() + b"\0" + text)


def quarter_of(at: datetime) -> str:
    """Return the UTC quarter of an aware time, such as ``2026Q4``."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{utc.year:04d}Q{(utc.month + 2) // 3}"


class ContentKeys:
    """Content keys in the control database; made once, whoever asks first.

    Each new key leaves its event in the same transaction (``ingress.control.outbox``), from which
    a running gateway publishes the wrapped keyset.
    """

    def __init__(self, engine: Engine, kek: KeyWrapper, index_key: bytes) -> None:
        """Wrap under ``kek``; ``index_key`` is the tenant's subkey "content-key"."""
        aead.register()
        self._engine = engine
        self._kek = kek
        self._index_key = index_key
        # Cloud KMS, PostgreSQL: making or unwrapping a content key waits for the network.
        self.remote = is_remote(engine) or bool(getattr(kek, "remote", False))
        self._kms_resource: str | None = getattr(kek, "uri", None)

    def key_id(self, principal_id: str, quarter: str, generation: int = 0) -> str:
        """Return the opaque id of a key, made or not.

        ``generation`` counts the keys of this principal and quarter that were retired before it.
        """
        message = f"{principal_id}\0{quarter}"
        if generation:
            message += f"\0{generation}"
        return "ck_" + _identifier(self._index_key, message.encode())

    def get_or_create(self, principal_id: str, quarter: str) -> tuple[str, ContentKey]:
        """Return a key's id and what seals under it; of two processes that make it one wins.

        Raises:
            SealingUnavailable: the database or the wrapping key does not work.
        """
        try:
            key = self._current(principal_id, quarter)
            if key is None:
                self._create(principal_id, quarter)
                key = self._current(principal_id, quarter)
            if key is None:
                raise SealingUnavailable("a content key vanished as it was made")
            return key.key_id, self._sealing(key.wrapped_keyset)
        except (SQLAlchemyError, tink.TinkError) as error:
            raise SealingUnavailable("a content key cannot be made or read") from error

    def get(self, key_id: str) -> aead.Aead:
        """Return the primitive of an existing key.

        Raises:
            ContentKeyMissing: it was erased, or never was.
            SealingUnavailable: the database or the wrapping key does not work.
        """
        query = select(ContentKeyRow.wrapped_keyset).where(ContentKeyRow.key_id == key_id)
        try:
            with self._engine.connect() as connection:
                wrapped = connection.execute(query).scalar_one_or_none()
            if not wrapped:
                raise ContentKeyMissing(f"content key {key_id} does not exist")
            return self._unwrap(wrapped)
        except (SQLAlchemyError, tink.TinkError) as error:
            raise SealingUnavailable(f"content key {key_id} cannot be read") from error

    def retired_count(self) -> int:
        """Return how many keys were ever retired; it only grows.

        Raises:
            SQLAlchemyError: the database does not work.
        """
        query = select(func.count()).where(ContentKeyRow.retired_at.is_not(None))
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one()

    def retired(self) -> set[str]:
        """Return the ids of all keys that seal nothing new.

        Raises:
            SQLAlchemyError: the database does not work.
        """
        query = select(ContentKeyRow.key_id).where(ContentKeyRow.retired_at.is_not(None))
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def _current(self, principal_id: str, quarter: str) -> ContentKeyRow | None:
        query = select(ContentKeyRow).where(
            ContentKeyRow.principal_id == principal_id,
            ContentKeyRow.quarter == quarter,
            ContentKeyRow.retired_at.is_(None),
        )
        with Session(self._engine) as session:
            return session.scalar(query.limit(1))

    def _create(self, principal_id: str, quarter: str) -> None:
        # Of the retired ones alone: whoever races with us then makes a key of the same id.
        before = select(func.count()).where(
            ContentKeyRow.principal_id == principal_id,
            ContentKeyRow.quarter == quarter,
            ContentKeyRow.retired_at.is_not(None),
        )
        with self._engine.connect() as connection:
            generation = connection.execute(before).scalar_one()
        wrapped, now = self._new_wrapped_keyset(), datetime.now(UTC)
        key = ContentKeyRow(
            key_id=self.key_id(principal_id, quarter, generation),
            principal_id=principal_id,
            quarter=quarter,
            wrapped_keyset=wrapped,
            created_at=now,
            told_at=now,
        )
        with Session(self._engine) as session, suppress(IntegrityError):  # another was first
            session.add(key)
            session.flush()
            tell_created(session, key, self._kms_resource)
            session.commit()

    def _new_wrapped_keyset(self) -> bytes:
        handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
        keyset = tink.proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
        # No associated data, and not Tink's EncryptedKeyset message: KEYS.KEYSET_CHAIN takes the
        # bare ciphertext. Source: BigQuery documentation, "Column-level encryption with Cloud KMS",
        # "Generate a wrapped keyset from a raw keyset".
        return self._kek.encrypt(keyset, b"")

    def _unwrap(self, wrapped: bytes) -> aead.Aead:
        return _primitive(self._kek.decrypt(wrapped, b""))

    def _sealing(self, wrapped: bytes) -> ContentKey:
        serialized = self._kek.decrypt(wrapped, b"")
        primitive: ContentKey = _primitive(serialized)  # Tink's own checks count in any case
        (key, *others) = tink_pb2.Keyset.FromString(serialized).key
        is_plain = not others and key.output_prefix_type == tink_pb2.OutputPrefixType.TINK
        if not is_plain or key.key_data.type_url != _AES_GCM_URL:
            return primitive
        value = aes_gcm_pb2.AesGcmKey.FromString(key.key_data.value).key_value
        return _AesGcm(value, key.key_id)


def _primitive(serialized: bytes) -> aead.Aead:
    handle = tink.proto_keyset_format.parse(serialized, secret_key_access.TOKEN)
    return handle.primitive(aead.Aead)


class Sealer:
    """Seal texts; the data path's half. Safe to call from several threads."""

    def __init__(self, keys: ContentKeys, cache_keys: int = CACHE_KEYS) -> None:
        self._keys = keys
        self._capacity = cache_keys
        self._cache: OrderedDict[tuple[str, str], tuple[str, ContentKey]] = OrderedDict()
        self._lock = threading.Lock()
        # How many keys were ever retired, as of the last look.
        self.retired_count = 0

    def waits(self, principal_id: str, quarter: str) -> bool:
        """Tell whether ``seal`` would wait for the network; call ``prepare`` in a thread first."""
        return self._keys.remote and (principal_id, quarter) not in self._cache

    def prepare(self, principal_id: str, quarter: str) -> None:
        """Have the content key at hand, so that ``seal`` does not wait.

        Raises:
            SealingUnavailable: there is no key to seal with.
        """
        self._entry(principal_id, quarter)

    def seal(self, principal_id: str, quarter: str, associated_data: bytes, text: bytes) -> Sealed:
        """Encrypt ``text``; the first call for a principal and quarter may write the database.

        Args:
            principal_id: pseudonym of whose text it is.
            quarter: as ``quarter_of`` gives it.
            associated_data: the part id's bytes; the same must be given to open.
            text: masked text, UTF-8 bytes.

        Raises:
            SealingUnavailable: there is no key to seal with.
        """
        key_id, primitive = self._entry(principal_id, quarter)
        try:
            return Sealed(key_id, primitive.encrypt(text, associated_data))
        except tink.TinkError as error:
            raise SealingUnavailable(f"content key {key_id} does not encrypt") from error

    def forget_retired(self) -> None:
        """Drop the keys that were retired since the last call: an erasure is under way.

        Raises:
            SQLAlchemyError: the database does not work; every key stays.
        """
        count = self._keys.retired_count()
        if count == self.retired_count:
            return
        retired = self._keys.retired()
        with self._lock:
            for name in [name for name, entry in self._cache.items() if entry[0] in retired]:
                del self._cache[name]
        self.retired_count = count

    def _entry(self, principal_id: str, quarter: str) -> tuple[str, ContentKey]:
        name = (principal_id, quarter)
        with self._lock:
            entry = self._cache.get(name)
            if entry is not None:
                self._cache.move_to_end(name)
                return entry
        # Outside the lock: a slow database must not stop callers whose keys are at hand.
        entry = self._keys.get_or_create(principal_id, quarter)
        with self._lock:
            self._cache[name] = entry
            if len(self._cache) > self._capacity:
                self._cache.popitem(last=False)
        return entry


class Opener:
    """Open sealed texts: for replay, export and recovery, never on the data path."""

    def __init__(self, keys: ContentKeys) -> None:
        self._keys = keys

    def open(self, key_id: str, ciphertext: bytes, associated_data: bytes) -> bytes:
        """Return the text. Reads the key anew each time, so that an erasure takes hold at once.

        Raises:
            ContentKeyMissing: the key was erased or never existed.
            ContentUnreadable: the ciphertext was changed, or belongs to another part or key.
            SealingUnavailable: the database or the wrapping key does not work.
        """
        primitive = self._keys.get(key_id)
        try:
            text: bytes = primitive.decrypt(ciphertext, associated_data)
        except tink.TinkError as error:
            raise ContentUnreadable(f"a text sealed under {key_id} cannot be opened") from error
        return text


def _identifier(key: bytes, message: bytes) -> str:
    digest = hmac.digest(key, message, "sha256")[:_ID_BYTES]
    number = int.from_bytes(digest) << 2  # 130 bits: thirteen pairs of characters
    pairs = _PAIRS
    return "".join([pairs[number >> shift & 1023] for shift in _SHIFTS])
