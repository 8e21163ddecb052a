"""Move the events that changes of the control state left in the database to the journal."""

import asyncio
import logging
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ingress.control import content_keys, outbox
from ingress.control.outbox import ControlEvent
from ingress.errors import AuditUnavailable
from ingress.identity.principal import Principal, make_principal
from ingress.ids import utc_now
from ingress.recording.recorder import Recorder
from ingress.recording.records import principal_record

_log = logging.getLogger(__name__)

# Pause between two looks for what another process left, seconds.
POLL_SECONDS: Final = 1.0


class ControlEvents:
    """Record what waits in the outbox; for one event loop."""

    def __init__(self, engine: Engine, recorder: Recorder, principal_key: bytes) -> None:
        """Read from ``engine``; ``principal_key`` is the tenant's subkey "principal"."""
        self._engine = engine
        self._recorder = recorder
        self._principal_key = principal_key
        self._busy = asyncio.Lock()

    async def watch(self) -> None:
        """Record what comes, until cancelled."""
        while True:
            try:
                await self.drain()
            except (AuditUnavailable, SQLAlchemyError) as error:
                _log.warning(
                    "control events wait in the database", extra={"error": type(error).__name__}
                )
            await asyncio.sleep(POLL_SECONDS)

    async def drain(self) -> None:
        """Return when everything that waited is durable.

        Raises:
            AuditUnavailable: it is not; it goes on waiting in the database.
            SQLAlchemyError: the database cannot be used.
        """
        async with self._busy:
            while events := await asyncio.to_thread(outbox.claim, self._engine, utc_now()):
                waiting = [event.event_id for event in events]
                try:
                    for event in events:
                        await self._record(event)
                        await asyncio.to_thread(outbox.settle, self._engine, event.event_id)
                        waiting.remove(event.event_id)
                finally:
                    if waiting:
                        await asyncio.to_thread(outbox.release, self._engine, waiting)

    async def _record(self, event: ControlEvent) -> None:
        facts = event.facts
        if event.event_type == content_keys.CREATED:
            await self._publish_key(event)
        if "holder" in facts:
            facts = facts | {"holder": principal_record(self._principal(facts["holder"]))}
        await self._recorder.control_changed(
            event.event_type,
            event_id=event.event_id,
            at=event.occurred_at,
            principal=self._principal(event.actor) if event.actor else None,
            facts=facts,
        )

    async def _publish_key(self, event: ControlEvent) -> None:
        """Send the keyset itself, unless it was erased while its event waited."""
        facts = event.facts
        wrapped = await asyncio.to_thread(
            content_keys.wrapped_keyset, self._engine, facts["content_key_id"]
        )
        if wrapped is not None:
            await self._recorder.content_key(
                facts, event_id=event.event_id, at=event.occurred_at, wrapped_keyset=wrapped
            )

    def _principal(self, account: dict[str, Any]) -> Principal:
        return make_principal(self._principal_key, **account)
