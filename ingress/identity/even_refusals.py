"""Let every refusal take the same time, so that its duration tells nothing of the reason.

An unknown key, a wrong secret, a key that was revoked and a token of nobody's issuer differ by
micro- to milliseconds of work; what a caller sees is a multiple of one span.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from time import monotonic
from typing import Any, Final, ParamSpec, TypeVar

from ingress.errors import Unauthenticated

# Longer than any check that asks nobody, a read of the key store included.
REFUSED_SECONDS: Final = 0.02

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Identify = Callable[_P, Coroutine[Any, Any, _T]]


def refuse_evenly(identify: _Identify[_P, _T]) -> _Identify[_P, _T]:
    """Make a refusal of ``identify`` wait for the next multiple of ``REFUSED_SECONDS``."""

    @wraps(identify)
    async def evenly(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        began = monotonic()
        try:
            return await identify(*args, **kwargs)
        except Unauthenticated:
            await asyncio.sleep(REFUSED_SECONDS - (monotonic() - began) % REFUSED_SECONDS)
            raise

    return evenly
