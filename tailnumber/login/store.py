"""Keep logins: who signed in where in one file, the secrets in the system's keyring or beside.

The file is ``logins.json`` in the account's configuration folder, mode 0600. Key and refresh
token of a login go to the keyring where one works, else into that file. Whoever changes anything
holds ``Logins.lock``, so that of several helpers that find a key worn only one renews it.
"""

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, Protocol, Self

from filelock import FileLock, Timeout

from tailnumber.errors import CommandError, SignInFailed
from tailnumber.files import private_folder, write_private
from tailnumber.login.facts import IssuedKey, Registration, key_id_of

KeptIn = Literal["keyring", "file"]
SERVICE: Final = "tailnumber"
# A renewal is four requests of at most 15 s; a helper that waits longer would be given up anyway.
_LOCK_SECONDS: Final = 60.0
# Renewed in the last quarter of its life, so that a client never holds a worn key, and at least
# this early for a key of minutes.
_RENEW_QUARTER: Final = 4
_RENEW_AHEAD_MIN: Final = timedelta(seconds=60)


class Keyring(Protocol):
    """The part of a keyring backend that is used."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return a secret."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a secret."""

    def delete_password(self, service: str, username: str) -> None:
        """Forget a secret."""


@dataclass(frozen=True, slots=True)
class Login:
    """One sign-in at one gateway.

    Args:
        older_keys: keys before this one that are still good -> their end; logout takes them too.
    """

    gateway: str
    registration: Registration
    issued_at: datetime
    expires_at: datetime
    kept_in: KeptIn
    key: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    older_keys: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def key_id(self) -> str:
        """Return what the gateway's lists call the key."""
        return key_id_of(self.key)

    def is_due(self, now: datetime) -> bool:
        """Whether it is time for another key."""
        life = self.expires_at - self.issued_at
        return self.expires_at - now <= max(life / _RENEW_QUARTER, _RENEW_AHEAD_MIN)

    def with_key(self, issued: IssuedKey) -> "Login":
        """Return the login with another key; the one before is remembered until it ends."""
        older = {**self.older_keys, self.key_id: self.expires_at}
        still_good = {key_id: end for key_id, end in older.items() if end > issued.issued_at}
        still_good.pop(issued.key_id, None)
        return replace(
            self,
            key=issued.key,
            issued_at=issued.issued_at,
            expires_at=issued.expires_at,
            older_keys=still_good,
        )


class Logins:
    """The logins of this account."""

    def __init__(self, folder: Path, find_keyring: Callable[[], Keyring | None]) -> None:
        """Keep logins in ``folder``; the keyring is looked for when one is needed: it is slow."""
        self.file = folder / "logins.json"
        self._folder = folder
        self._find_keyring = cache(find_keyring)
        self._lock = FileLock(folder / "logins.lock", timeout=_LOCK_SECONDS, mode=0o600)

    def __enter__(self) -> Self:
        """Be the only one who changes logins.

        Raises:
            SignInFailed: another process has been at it for a minute.
        """
        private_folder(self._folder)
        try:
            self._lock.acquire()
        except Timeout:
            raise SignInFailed(
                "Another tailnumber is signing in for a minute already; try again when it is done."
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def gateways(self) -> tuple[str, ...]:
        """Return where somebody is signed in."""
        return tuple(self._entries())

    def get(self, gateway: str) -> Login | None:
        """Return the login at a gateway.

        Raises:
            CommandError: the file is damaged, or the keyring no longer has its part.
        """
        entry = self._entries().get(gateway)
        if entry is None:
            return None
        try:
            return _login(gateway, entry, self._secrets(gateway, entry))
        except (KeyError, TypeError, ValueError) as error:
            raise CommandError(
                f"The login at {gateway} in {self.file} is damaged ({type(error).__name__}); "
                f"run: tailnumber login --gateway {gateway}"
            ) from None  # the cause may quote a secret

    def put(self, login: Login) -> Login:
        """Keep a login, its secrets in the keyring if that is meant and works; return it so."""
        secrets = {"key": login.key, "refresh_token": login.refresh_token}
        in_keyring = login.kept_in == "keyring" and self._to_keyring(login.gateway, secrets)
        kept_in: KeptIn = "keyring" if in_keyring else "file"
        entry = _entry(login) | {"kept_in": kept_in}
        if kept_in == "file":
            entry["secrets"] = secrets
        self._write({**self._entries(), login.gateway: entry})
        return replace(login, kept_in=kept_in)

    def forget(self, gateway: str) -> None:
        """Forget a login."""
        entries = self._entries()
        entry = entries.pop(gateway, None)
        self._write(entries)
        keyring = self._find_keyring() if entry and entry.get("kept_in") == "keyring" else None
        if keyring is not None:
            # A marked boundary, as below: what cannot be deleted was revoked.
            with contextlib.suppress(Exception):
                keyring.delete_password(SERVICE, gateway)

    def _to_keyring(self, gateway: str, secrets: Mapping[str, Any]) -> bool:
        keyring = self._find_keyring()
        if keyring is None:
            return False
        text = json.dumps(secrets)
        try:
            keyring.set_password(SERVICE, gateway, text)
            return keyring.get_password(SERVICE, gateway) == text
        # A marked boundary: backends raise what their system gives them, and a keyring that is
        # locked, full or without a session is no reason not to sign in.
        except Exception:  # noqa: BLE001
            return False

    def _secrets(self, gateway: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        if entry["kept_in"] == "file":
            return dict(entry["secrets"])
        keyring = self._find_keyring()
        try:
            text = keyring.get_password(SERVICE, gateway) if keyring is not None else None
        # A marked boundary, as below.
        except Exception:  # noqa: BLE001
            text = None
        if text is None:
            raise CommandError(
                f"The keyring does not give the key for {gateway}; unlock it, "
                f"or run: tailnumber login --gateway {gateway}"
            )
        return dict(json.loads(text))

    def _entries(self) -> dict[str, Any]:
        try:
            document = json.loads(self.file.read_bytes())
            return dict(document["logins"])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f"{self.file} cannot be read ({type(error).__name__}); "
                "remove it and run: tailnumber login"
            ) from None  # the cause may quote a secret

    def _write(self, entries: Mapping[str, Any]) -> None:
        document = {"version": 1, "logins": entries}
        write_private(self.file, json.dumps(document, indent=2).encode() + b"\n")


def system_keyring() -> Keyring | None:
    """Return the operating system's own keyring, if it has one that works.

    Other backends that are installed are left alone: a file that only looks like a keyring, or
    one that asks a cloud, is no better place than ours.
    """
    from importlib import import_module

    for name in ("macOS", "Windows", "SecretService", "libsecret", "kwallet"):
        try:
            module = import_module(f"keyring.backends.{name}")
            backends = [getattr(module, "Keyring", None), getattr(module, "DBusKeyring", None)]
            backends.append(getattr(module, "WinVaultKeyring", None))
            for backend in filter(None, backends):
                if backend.viable:
                    found: Keyring = backend()
                    return found
        # A marked boundary: a backend whose system is not there fails in ways of its own.
        except Exception:  # noqa: BLE001, S112
            continue
    return None


def _entry(login: Login) -> dict[str, Any]:
    registration = login.registration
    return {
        "issuer_name": registration.name,
        "issuer": registration.issuer,
        "client_id": registration.client_id,
        "scopes": list(registration.scopes),
        "flows": list(registration.flows),
        "audience": registration.audience,
        "key_id": login.key_id,
        "issued_at": login.issued_at.isoformat(),
        "expires_at": login.expires_at.isoformat(),
        "older_keys": {key_id: end.isoformat() for key_id, end in login.older_keys.items()},
    }


def _login(gateway: str, entry: Mapping[str, Any], secrets: Mapping[str, Any]) -> Login:
    registration = Registration(
        name=str(entry["issuer_name"]),
        issuer=str(entry["issuer"]),
        client_id=str(entry["client_id"]),
        scopes=tuple(entry["scopes"]),
        flows=tuple(entry["flows"]),
        audience=entry["audience"],
    )
    older = {key_id: datetime.fromisoformat(end) for key_id, end in entry["older_keys"].items()}
    return Login(
        gateway=gateway,
        registration=registration,
        issued_at=datetime.fromisoformat(entry["issued_at"]),
        expires_at=datetime.fromisoformat(entry["expires_at"]),
        kept_in=entry["kept_in"],
        key=str(secrets["key"]),
        refresh_token=secrets["refresh_token"],
        older_keys=older,
    )
