"""Read credentials from Google Secret Manager, where the company keeps and rotates them.

``secret/NAME`` is the latest version of that secret in the project of the setting; a whole
reference ``projects/P/secrets/S/versions/V`` is taken as it stands. Google's library is imported
when this store is configured, and only then.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from ingress.errors import (
    CredentialMissing,
    CredentialUnavailable,
    CredentialUnreadable,
)
from ingress.upstream.credentials import (
    REMOTE_FRESH_SECONDS,
    REMOTE_VALID_SECONDS,
    Credential,
    name_of,
)

PROJECT_PREFIX: Final = "projects/"
_CALL_SECONDS: Final = 5.0


class SecretManagerStore:
    """Secrets of one project; reads only: they are set where they are kept."""

    remote = True
    fresh_seconds = REMOTE_FRESH_SECONDS
    valid_seconds = REMOTE_VALID_SECONDS

    def __init__(self, project: str, client: Any = None) -> None:
        """Read from a project.

        Args:
            project: as ``projects/P``.
            client: a SecretManagerServiceClient; None makes one at the first reading, with the
                machine's identity.
        """
        self._project = project
        self._client = client
        self._lock = threading.Lock()

    def get(self, name_or_reference: str) -> Credential:
        """Return a secret's value; waits for the network.

        Raises:
            CredentialError: it is not there, may not be read, is no text, or nobody answers.
        """
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError

        path = self._path(name_or_reference)
        try:
            response = self._connected().access_secret_version(
                request={"name": path}, timeout=_CALL_SECONDS, retry=None
            )
            value = response.payload.data.decode().strip()
        except exceptions.NotFound:
            raise CredentialMissing(f"{path} is not in Secret Manager") from None
        except (exceptions.PermissionDenied, exceptions.FailedPrecondition):
            raise CredentialUnreadable(
                f"{path} may not be read, or is disabled; the gateway's identity needs "
                "roles/secretmanager.secretAccessor on it"
            ) from None
        except UnicodeDecodeError:
            raise CredentialUnreadable(f"{path} is no text") from None
        except (exceptions.GoogleAPIError, GoogleAuthError) as error:
            raise CredentialUnavailable(
                f"Secret Manager does not answer: {type(error).__name__}"
            ) from error
        if not value:
            raise CredentialUnreadable(f"{path} is empty")
        return Credential(name_or_reference, value)

    def _path(self, reference: str) -> str:
        if reference.startswith(PROJECT_PREFIX):
            return reference
        return f"{self._project}/secrets/{name_of(reference)}/versions/latest"

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                try:
                    from google.cloud import secretmanager_v1
                except ImportError as error:
                    raise CredentialUnavailable(
                        "Secret Manager needs google-cloud-secret-manager; "
                        "install tailnumber[google]"
                    ) from error
                self._client = secretmanager_v1.SecretManagerServiceClient()
            return self._client
