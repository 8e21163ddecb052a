"""Keep the upstreams' credentials in one encrypted file; give one out for as long as it is used.

``credentials.json`` holds Tink ciphertexts under the tenant's wrapping key, each bound to its name
as associated data, so that one cannot be put in another's place. The policy names a credential by
reference (``secret/copilot``); in Google Cloud the same reference leads to Secret Manager.
"""

import base64
import binascii
import contextlib
import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import tink  # type: ignore[import-untyped]  # ships no type information

from ingress.errors import (
    CredentialMissing,
    CredentialUnavailable,
    CredentialUnreadable,
    SecretsError,
)
from ingress.sealing import KeyWrapper
from ingress.secrets import read_private, sync_directory

CREDENTIALS_FILE: Final = "credentials.json"
REFERENCE_PREFIX: Final = "secret/"
NAME_PATTERN: Final = r"[a-z0-9][a-z0-9-]{0,62}"
_NAME: Final = re.compile(NAME_PATTERN)
_FILE_VERSION: Final = 1
# A new value counts within a second, and no value is used longer.
_FRESH_SECONDS: Final = 1.0
# What is read over the network counts within a minute, and outlives a quarter of an hour of outage.
REMOTE_FRESH_SECONDS: Final = 60.0
REMOTE_VALID_SECONDS: Final = 900.0
_FILE_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential in clear, for the moment of use; neither printed nor logged."""

    name: str
    value: str = field(repr=False)


class CredentialStore:
    """Read and write the credential file; several processes may."""

    def __init__(self, path: Path, kek: KeyWrapper) -> None:
        """Keep credentials at ``path``, sealed by ``kek``."""
        self._path = path
        self._kek = kek
        # A remote wrapping key is asked for each reading, over the network.
        self.remote = bool(getattr(kek, "remote", False))
        self.fresh_seconds = REMOTE_FRESH_SECONDS if self.remote else _FRESH_SECONDS
        self.valid_seconds = REMOTE_VALID_SECONDS if self.remote else _FRESH_SECONDS

    def names(self) -> list[str]:
        """Return the names that are set, sorted.

        Raises:
            CredentialUnreadable: the file is damaged or open to others.
        """
        return sorted(self._read())

    def get(self, name_or_reference: str) -> Credential:
        """Return the credential of that name, or of a reference such as ``secret/copilot``.

        Raises:
            CredentialMissing: it has not been set; the message says how to set it.
            CredentialUnreadable: the file is damaged, open to others, or of another tenant key.
        """
        if name_or_reference.startswith("projects/"):
            raise CredentialMissing(
                f"{name_or_reference} is in Secret Manager; set TAILNUMBER_CREDENTIAL_STORE"
            )
        name = name_of(name_or_reference)
        sealed = self._read().get(name)
        if sealed is None:
            raise CredentialMissing(
                f"credential {name!r} is not set; run: tailnumber credentials set {name}"
            )
        try:
            ciphertext = base64.b64decode(sealed, validate=True)
            value = self._kek.decrypt(ciphertext, name.encode("ascii")).decode()
        except (binascii.Error, tink.TinkError) as error:
            if self.remote and isinstance(error, tink.TinkError):
                raise CredentialUnavailable(f"credential {name!r}: {error}") from error
            raise CredentialUnreadable(
                f"credential {name!r} was sealed by another key or changed; "
                f"run: tailnumber credentials set {name}"
            ) from error
        return Credential(name=name, value=value)

    def put(self, name_or_reference: str, value: str) -> None:
        """Set a credential, replacing any earlier value; durable on return.

        Raises:
            CredentialMissing: the name has a form that no reference can have.
            CredentialUnreadable: the file is damaged or open to others.
        """
        name = name_of(name_or_reference)
        sealed = self._kek.encrypt(value.encode(), name.encode("ascii"))
        with self._locked():
            entries = self._read()
            entries[name] = base64.b64encode(sealed).decode("ascii")
            self._write(entries)

    def remove(self, name_or_reference: str) -> None:
        """Remove a credential; durable on return.

        Raises:
            CredentialMissing: it has not been set.
            CredentialUnreadable: the file is damaged or open to others.
        """
        name = name_of(name_or_reference)
        with self._locked():
            entries = self._read()
            if entries.pop(name, None) is None:
                raise CredentialMissing(f"credential {name!r} is not set")
            self._write(entries)

    def _read(self) -> dict[str, str]:
        if not self._path.exists():
            return {}
        try:
            document = json.loads(read_private(self._path))
            if document["version"] != _FILE_VERSION:
                raise CredentialUnreadable(f"{self._path} is of a newer version of tailnumber")
            return {str(name): str(sealed) for name, sealed in document["credentials"].items()}
        except SecretsError as error:
            raise CredentialUnreadable(str(error)) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CredentialUnreadable(f"{self._path} is damaged; restore a backup") from error

    def _write(self, entries: dict[str, str]) -> None:
        document = {"version": _FILE_VERSION, "credentials": dict(sorted(entries.items()))}
        temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE_MODE)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                json.dump(document, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        sync_directory(self._path.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Two writers would otherwise each replace the file by a copy without the other's entry.
        lock = self._path.with_name(f".{self._path.name}.lock")
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, _FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def name_of(name_or_reference: str) -> str:
    """Return the plain name of a credential.

    Raises:
        CredentialMissing: nothing can be stored under such a name.
    """
    name = name_or_reference.removeprefix(REFERENCE_PREFIX)
    if not _NAME.fullmatch(name):
        # Not quoted: who confuses the arguments of the command puts the secret here.
        raise CredentialMissing(
            "a credential's name has small letters, digits and hyphens, 63 at most"
        )
    return name
