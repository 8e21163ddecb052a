"""Read credentials from the store that holds them, without holding up the event loop.

A local file is read at once, each second anew, so that a new value counts within a second. A
store that is reached over the network is asked in a thread; its answer is used for a bounded time,
also while the store is down.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from ingress.upstream.credentials import Credential
from ingress.upstream.renewing import Held


class SecretStore(Protocol):
    """Where credentials are kept."""

    # From this age a value is read again; from that one it is not used any more.
    fresh_seconds: float
    valid_seconds: float
    # Whether `get` may wait for a network.
    remote: bool

    def get(self, name_or_reference: str) -> Credential:
        """Return a credential.

        Raises:
            CredentialError: it is not set, cannot be read, or the store does not answer.
        """
        ...


class SecretReader:
    """The store as the event loop reads it."""

    def __init__(self, store: SecretStore) -> None:
        """Read from ``store``."""
        self._store = store

    async def read(self, reference: str) -> Held[str]:
        """Return a credential's value.

        Raises:
            CredentialError: it is not set, cannot be read, or the store does not answer.
        """
        store = self._store
        if store.remote:
            credential = await asyncio.to_thread(store.get, reference)
        else:
            credential = store.get(reference)
        return Held(credential.value, store.fresh_seconds, store.valid_seconds)
