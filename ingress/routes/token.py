"""``POST /oauth/token``: a token of a trusted issuer in, a gateway key out (RFC 8693)."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import time
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from ingress.errors import (
    AuditUnavailable,
    BadTokenRequest,
    IdentityUnavailable,
    IngressError,
    ProtocolError,
    TokenExchangeError,
    TooManyKeys,
    Unauthenticated,
    UnsupportedGrant,
)
from ingress.identity.rate import RateLimit
from ingress.identity.token_exchange import (
    ACCESS_TOKEN,
    FORM_BYTES_MAX,
    GRANT_TYPE,
    Issued,
    read_form,
)
from ingress.parts import Parts
from ingress.routes.door import NO_STORE, deny, read_small_body, refuse_stray_key

_FORM: Final = "application/x-www-form-urlencoded"
# One text for every token that is not accepted; the true reason is in the record.
_REFUSED: Final = "The subject token is missing or not valid here."
_UNAVAILABLE: Final = "A key cannot be issued now; try again."
# Exchanges that one address may try; a CI runner's neighbours share one.
_PER_SECOND: Final = 20.0
_BURST: Final = 200

_OPENAPI: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            _FORM: {
                "schema": {
                    "type": "object",
                    "required": ["grant_type", "subject_token", "subject_token_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": [GRANT_TYPE]},
                        "subject_token": {"type": "string"},
                        "subject_token_type": {"type": "string"},
                        "device_name": {"type": "string", "maxLength": 100},
                    },
                }
            }
        },
    }
}


def token_router(parts_of: Callable[[], Parts | None]) -> APIRouter:
    """Return the route; ``parts_of`` gives the running parts, or None before and after."""
    router = APIRouter()
    rate = RateLimit(_PER_SECOND, _BURST)

    @router.post("/oauth/token", openapi_extra=_OPENAPI, summary="Trade a token for a gateway key")
    async def token(request: Request) -> JSONResponse:
        """Answer by RFC 8693, section 2.2.1, with ``key_id`` beside; refuse by RFC 6749, 5.2."""
        parts = parts_of()
        if parts is None:
            return _error(IdentityUnavailable())
        try:
            address = request.client.host if request.client else ""
            if not rate.allows(address, time()):
                raise TooManyKeys("Too many exchanges from this address; wait a few seconds.")
            return _answer(await _issue(parts, request))
        except IngressError as error:
            refusal = _error(error)
            try:
                await deny(parts, request, error, refusal.status_code)
            except AuditUnavailable as unavailable:
                return _error(unavailable)
            return refusal

    return router


async def _issue(parts: Parts, request: Request) -> Issued:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise BadTokenRequest(f"The body must be {_FORM}.")
    await refuse_stray_key(parts, request)
    form = read_form(await read_small_body(request, FORM_BYTES_MAX))
    try:
        issued = await parts.exchange.issue(form, time())
        # Nobody holds a key whose making is not in the trail.
        await parts.control_events.drain()
    except SQLAlchemyError as error:
        raise IdentityUnavailable("the key store cannot be used") from error
    return issued


def _answer(issued: Issued) -> JSONResponse:
    seconds = (issued.record.expires_at - datetime.now(UTC)).total_seconds()
    body = {
        "access_token": issued.key,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": max(1, round(seconds)),
        "key_id": issued.record.key_id,
    }
    return JSONResponse(body, 200, NO_STORE)


def _error(error: IngressError) -> JSONResponse:
    status, code, text = 400, "invalid_request", str(error)
    headers = dict(NO_STORE)
    if isinstance(error, UnsupportedGrant):
        code = "unsupported_grant_type"
    elif isinstance(error, TooManyKeys):
        status, code = 429, "temporarily_unavailable"
        headers["retry-after"] = "10"
    elif isinstance(error, Unauthenticated):
        text = _REFUSED
    elif isinstance(error, ProtocolError):
        status = error.status
    elif not isinstance(error, TokenExchangeError):
        status, code, text = 503, "temporarily_unavailable", _UNAVAILABLE
    return JSONResponse({"error": code, "error_description": text}, status, headers)
