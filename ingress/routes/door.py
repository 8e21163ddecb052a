"""Let callers of the control plane in by the same proofs as the data path, and record refusals."""

import asyncio
import logging
from collections.abc import Callable
from time import time
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ingress.context import read_context
from ingress.errors import (
    AuditUnavailable,
    BadTokenRequest,
    BodyTooLarge,
    IdentityUnavailable,
    IngressError,
    Unauthenticated,
    UnknownPath,
)
from ingress.identity.placement import find_stray_key
from ingress.identity.principal import Principal
from ingress.parts import Parts
from ingress.refusals import error_object

_log = logging.getLogger(__name__)

# Longest wait for a small body, seconds.
_BODY_SECONDS: Final = 10.0
NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}


async def caller(parts: Parts, request: Request) -> Principal:
    """Return who asks.

    Raises:
        Unauthenticated: nobody who is known; recorded, with the true reason.
        IdentityUnavailable: it cannot be told now; recorded.
        AuditUnavailable: the refusal could not be recorded.
    """
    scope, authenticator = request.scope, parts.gateway.authenticator
    try:
        await refuse_stray_key(parts, request)
        return await authenticator.authenticate(scope["headers"], time())
    except (Unauthenticated, IdentityUnavailable) as error:
        await deny(parts, request, error, error.status)
        raise


async def refuse_stray_key(parts: Parts, request: Request) -> None:
    """Refuse a request that has a gateway key where others can read it.

    Raises:
        MisplacedKey: it has one; its owner will see so.
        IdentityUnavailable: the key store cannot be used.
    """
    scope = request.scope
    stray = find_stray_key(scope["raw_path"], scope["query_string"], scope["headers"])
    if stray is not None:
        await parts.gateway.authenticator.refuse_stray_key(stray, time())


async def deny(parts: Parts, request: Request, error: IngressError, status: int) -> None:
    """Record that a caller was not let in.

    Raises:
        AuditUnavailable: it is not durable.
    """
    parts.metrics.denied.labels(error.code).inc()
    mask = parts.gateway.rules.masking.name
    await parts.gateway.recorder.denied(
        error,
        read_context(request.scope["headers"], mask),
        address=request.client.host if request.client else None,
        method=request.method,
        path=mask(request.url.path),
        status=status,
        mask=mask,
    )


async def read_small_body(request: Request, limit_bytes: int) -> bytes:
    """Return the whole body.

    Raises:
        BodyTooLarge: it is over the limit; the rest is not read.
        BadTokenRequest: it did not come in time, or the client left.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > limit_bytes:
                    raise BodyTooLarge(f"The request body is over {limit_bytes} bytes.")
    except (TimeoutError, ClientDisconnect):
        raise BadTokenRequest("The request body did not come whole.") from None
    return bytes(body)


def answer_errors(app: FastAPI, parts_of: Callable[[], Parts | None]) -> None:
    """Answer every refusal of a control route in the gateway's own shape, without its input.

    A path or method that is none is recorded too, as on the data path.
    """

    async def answer(_request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, IngressError):
            error = IdentityUnavailable("The key store cannot be used now; try again.")
        code, text = error.code, str(error)
        headers = dict(NO_STORE)
        if isinstance(error, Unauthenticated):
            code, text = Unauthenticated.code, error.CLIENT_TEXT
            headers["www-authenticate"] = "Bearer"
        elif isinstance(error, AuditUnavailable):
            text = "The audit journal cannot record this now, so nothing was done. Try again."
        return JSONResponse(error_object(code, text), error.status, headers)

    async def unknown(request: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else UnknownPath.status
        parts = parts_of()
        refusal = None if parts is None else await _record_unknown(parts, request, status)
        if refusal is not None:
            return await answer(request, refusal)
        text = "No such path or method on this gateway; see /api/v1/openapi.json."
        return JSONResponse(error_object(UnknownPath.code, text), status, NO_STORE)

    app.add_exception_handler(HTTPException, unknown)
    for kind in (IngressError, SQLAlchemyError):
        app.add_exception_handler(kind, answer)


async def _record_unknown(parts: Parts, request: Request, status: int) -> IngressError | None:
    """Record a request for nothing; return what else it is refused for."""
    refusal: IngressError | None = None
    try:
        await refuse_stray_key(parts, request)
    except (Unauthenticated, IdentityUnavailable) as misplaced:
        refusal, status = misplaced, misplaced.status
    try:
        await deny(parts, request, refusal or UnknownPath(), status)
    except AuditUnavailable as unavailable:
        return unavailable
    return refusal
