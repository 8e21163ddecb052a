"""Wrap keys by a key of Cloud KMS, which never leaves it: the remote form of ``kek.json``.

Google's library is imported when such a key is configured, and only then.
"""

from __future__ import annotations

import re
from typing import Any, Final

import tink  # type: ignore[import-untyped]  # ships no type information

from ingress.errors import SecretsError

_URI: Final = re.compile(
    r"gcp-kms://(projects/[^/\s]+/locations/[\w-]+/keyRings/[\w-]+/cryptoKeys/[\w-]+)"
)
# A call waits for the network on the path of a principal's first request of a quarter.
_CALL_SECONDS: Final = 2.0


class CloudKmsWrapper:
    """Encrypt and decrypt by one symmetric key of Cloud KMS; see ``ingress.sealing.KeyWrapper``."""

    # Whoever wraps with it waits for the network.
    remote = True

    def __init__(self, uri: str, client: Any = None) -> None:
        """Use the key of a URI ``gcp-kms://projects/…/cryptoKeys/…``.

        Args:
            uri: names the key, not a version of it.
            client: a KeyManagementServiceClient; None makes one with the machine's identity.

        Raises:
            SecretsError: the URI names no key, the library is missing, or there is no identity.
        """
        match = _URI.fullmatch(uri)
        if match is None:
            raise SecretsError(
                "TAILNUMBER_KEY_URI is not of the form gcp-kms://projects/P/locations/L/"
                "keyRings/R/cryptoKeys/K"
            )
        self._name = match[1]
        # How the warehouse names the key, too.
        self.uri = uri
        self._client = client or _client()

    def encrypt(self, plaintext: bytes, associated_data: bytes, /) -> bytes:
        """Return the ciphertext.

        Raises:
            tink.TinkError: KMS refuses or does not answer.
        """
        response = self._call("encrypt", {"plaintext": plaintext}, associated_data)
        ciphertext: bytes = response.ciphertext
        return ciphertext

    def decrypt(self, ciphertext: bytes, associated_data: bytes, /) -> bytes:
        """Return the plaintext.

        Raises:
            tink.TinkError: it is not of this key or data, or KMS does not answer.
        """
        response = self._call("decrypt", {"ciphertext": ciphertext}, associated_data)
        plaintext: bytes = response.plaintext
        return plaintext

    def _call(self, method: str, request: dict[str, object], associated_data: bytes) -> Any:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError

        request |= {"name": self._name, "additional_authenticated_data": associated_data}
        try:
            return getattr(self._client, method)(request=request, timeout=_CALL_SECONDS, retry=None)
        except (GoogleAPIError, GoogleAuthError) as error:
            raise tink.TinkError(f"Cloud KMS does not {method}: {type(error).__name__}") from error


def _client() -> Any:
    try:
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import kms_v1
    except ImportError as error:
        raise SecretsError(
            "TAILNUMBER_KEY_URI needs google-cloud-kms; install tailnumber[google]"
        ) from error
    try:
        return kms_v1.KeyManagementServiceClient()
    except GoogleAuthError as error:
        raise SecretsError("this machine has no Google identity to reach Cloud KMS by") from error
