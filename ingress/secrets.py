"""Keep the tenant's two secrets: the key that wraps others, and the key that subkeys come from.

``kek.json`` is a Tink keyset (AES-256-GCM) that wraps content keys and upstream credentials.
``tenant.key`` is 32 random bytes; every HMAC of the gateway uses its own subkey of it. Both are
files of mode 0600 in a directory of mode 0700. Where Cloud KMS wraps, see
``ingress.control.tenant``.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Self

import tink  # type: ignore[import-untyped]  # ships no type information
from tink import aead, secret_key_access

from ingress.errors import SecretsError
from ingress.sealing import KeyWrapper

SubkeyLabel = Literal["part", "principal", "fingerprint", "copilot-token", "content-key"]

KEK_FILE: Final = "kek.json"
TENANT_KEY_FILE: Final = "tenant.key"
TENANT_KEY_BYTES: Final = 32
_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
# A new scheme of derivation gets a new prefix, so that no subkey ever serves two schemes.
_SUBKEY_PREFIX: Final = b"tailnumber subkey v1: "


@dataclass(frozen=True, slots=True)
class TenantSecrets:
    """The tenant's secrets, in memory. ``kek`` is a Tink AEAD; neither field is ever printed.

    Raises:
        SecretsError: the tenant's key is not of its length.
    """

    kek: KeyWrapper = field(repr=False)
    tenant_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a damaged key."""
        if len(self.tenant_key) != TENANT_KEY_BYTES:
            raise SecretsError("the tenant's key is damaged; restore it from a backup")

    @classmethod
    def load_or_create(cls, directory: Path) -> Self:
        """Read the secrets in ``directory``; make the directory and them on first use.

        Several processes may do this at once: all of them end with the same secrets.

        Raises:
            SecretsError: others on the machine may read them, or a file is damaged.
        """
        directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        check_private(directory, _DIRECTORY_MODE)
        kek_path, tenant_key_path = directory / KEK_FILE, directory / TENANT_KEY_FILE
        aead.register()
        if not kek_path.exists():
            _write_once(kek_path, _new_kek())
        if not tenant_key_path.exists():
            _write_once(tenant_key_path, secrets.token_bytes(TENANT_KEY_BYTES))
        return cls(kek=_parse_kek(kek_path), tenant_key=read_private(tenant_key_path))

    def subkey(self, label: SubkeyLabel) -> bytes:
        """Derive the 32-byte key for one purpose; purposes cannot be computed from one another."""
        return hmac.digest(self.tenant_key, _SUBKEY_PREFIX + label.encode("ascii"), hashlib.sha256)


def read_private(path: Path) -> bytes:
    """Read a file that nobody else may read.

    Raises:
        SecretsError: the file is open to others, not ours, or not readable.
    """
    check_private(path, _FILE_MODE)
    try:
        return path.read_bytes()
    except OSError as error:
        raise SecretsError(f"{path} cannot be read: {error.strerror}") from error


def check_private(path: Path, mode: int) -> None:
    """Refuse a file or directory that others may read, change or have planted.

    Raises:
        SecretsError: saying what to run.
    """
    try:
        status = path.lstat()
    except OSError as error:
        raise SecretsError(f"{path} cannot be read: {error.strerror}") from error
    if stat.S_ISLNK(status.st_mode):
        raise SecretsError(f"{path} is a symbolic link; put the real file or directory there")
    if status.st_uid != os.geteuid():
        raise SecretsError(f"{path} belongs to another account; run: chown $(id -un) '{path}'")
    if stat.S_IMODE(status.st_mode) & ~mode:
        raise SecretsError(f"others can read {path}; run: chmod {mode:o} '{path}'")


def _new_kek() -> bytes:
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    text: str = tink.json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
    return text.encode("ascii")


def _parse_kek(path: Path) -> aead.Aead:
    try:
        text = read_private(path).decode("ascii")
        handle = tink.json_proto_keyset_format.parse(text, secret_key_access.TOKEN)
        return handle.primitive(aead.Aead)
    except (tink.TinkError, UnicodeDecodeError):
        # The cause may quote the file, which is the key itself.
        raise SecretsError(f"{path} is damaged; restore it from a backup") from None


def _write_once(path: Path, data: bytes) -> None:
    # A link appears whole or not at all, and fails if another process was first: its file stays.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make a new name in ``directory`` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
