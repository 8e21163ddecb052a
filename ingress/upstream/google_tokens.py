"""Get a Google token by Google's own library; it waits for the network, so call it in a thread.

The library is imported at the first token: a gateway without such a connection never loads it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ingress.errors import CredentialRefused, CredentialUnavailable, CredentialUnreadable
from ingress.policy.connections import Google

# Google's tokens live an hour; the library leaves the time out for some kinds.
_LIFETIME_SECONDS: Final = 3600.0


def google_token(auth: Google, key: str, ca_file: Path | None) -> tuple[str, float]:
    """Return a token and its lifetime in seconds.

    Args:
        auth: scopes of an access token, or the audience of an ID token.
        key: a service account's key, JSON; empty: Application Default Credentials.
        ca_file: PEM file of the authorities to trust; None: the library's.

    Raises:
        CredentialError: the key is none, Google refuses it, or does not answer.
    """
    import requests
    from google.auth import exceptions
    from google.auth.transport.requests import Request

    session = requests.Session()
    session.trust_env = False  # no proxy of the environment sees a token
    if ca_file is not None:
        session.verify = str(ca_file)
    with session:
        credentials = _service_account(auth, key) if key else _own(auth)
        try:
            credentials.refresh(Request(session=session))
        except exceptions.RefreshError as error:
            # The library tells apart what a repetition may mend; its text may quote the answer.
            if error.retryable:
                raise CredentialUnavailable("Google gives no token now") from None
            raise CredentialRefused("Google refuses the service account") from None
        except exceptions.TransportError:
            raise CredentialUnavailable("Google does not answer") from None
        except (ValueError, exceptions.GoogleAuthError):
            raise CredentialUnavailable("Google's answer is not of its form") from None
    expiry = credentials.expiry
    lifetime = (
        (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
        if expiry
        else _LIFETIME_SECONDS
    )
    return str(credentials.token), lifetime


def _service_account(auth: Google, key: str) -> Any:
    from google.auth import exceptions
    from google.oauth2 import service_account

    accounts: Any = service_account  # the library has types for a part of itself only
    try:
        info = json.loads(key)
        if auth.audience:
            return accounts.IDTokenCredentials.from_service_account_info(
                info, target_audience=auth.audience
            )
        return accounts.Credentials.from_service_account_info(info, scopes=list(auth.scopes))
    except (ValueError, TypeError, AttributeError, exceptions.GoogleAuthError):
        # The cause may quote the key.
        raise CredentialUnreadable(
            "the credential is no service account key in JSON; set it again"
        ) from None


def _own(auth: Google) -> Any:
    import google.auth
    from google.auth import exceptions
    from google.oauth2 import id_token

    ids: Any = id_token
    try:
        if auth.audience:
            return ids.fetch_id_token_credentials(auth.audience)
        return google.auth.default(scopes=list(auth.scopes))[0]
    except exceptions.GoogleAuthError:
        raise CredentialUnavailable(
            "this machine has no Google credentials of its own; run on Google Cloud, or give "
            "the connection a service account's key"
        ) from None
