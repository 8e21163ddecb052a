"""Let a running gateway notice that content keys are being erased."""

import asyncio
import logging
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ingress.sealing import Sealer

_log = logging.getLogger(__name__)

# Pause between two looks at the control database. An erasure waits longer than this between
# taking a key out of use and destroying it (``ingress.control.erasure.GRACE_SECONDS``).
POLL_SECONDS: Final = 1.0


async def forget_retired_keys(sealer: Sealer) -> None:
    """Have the sealer drop keys that were taken out of use, until cancelled."""
    while True:
        try:
            await asyncio.to_thread(sealer.forget_retired)
        except SQLAlchemyError as error:
            _log.warning("erased keys cannot be looked for", extra={"error": type(error).__name__})
        await asyncio.sleep(POLL_SECONDS)
