"""Choose where credentials are kept: a file of this machine, or Google Secret Manager."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ingress.errors import SecretsError
from ingress.sealing import KeyWrapper
from ingress.upstream.credentials import CredentialStore
from ingress.upstream.secret_manager import SecretManagerStore
from ingress.upstream.secret_reading import SecretStore

FILE: Final = "file"
_PROJECT: Final = re.compile(r"projects/[a-z0-9:.-]{1,80}")


def open_store(setting: str, path: Path, kek: KeyWrapper) -> SecretStore:
    """Return the store that ``TAILNUMBER_CREDENTIAL_STORE`` names.

    Args:
        setting: ``file``, or a project as ``projects/P``.
        path: the credential file.
        kek: what seals the file.

    Raises:
        SecretsError: the setting is neither.
    """
    if setting == FILE:
        return CredentialStore(path, kek)
    if _PROJECT.fullmatch(setting):
        return SecretManagerStore(setting)
    raise SecretsError("TAILNUMBER_CREDENTIAL_STORE is neither file nor projects/PROJECT")
