"""``/login/…``: GitHub's device flow, as editors speak it to a GitHub Enterprise host."""

import json
from collections.abc import Callable
from time import time
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from ingress.errors import (
    AuditUnavailable,
    BadTokenRequest,
    IdentityUnavailable,
    IngressError,
    TooManyKeys,
    Unauthenticated,
)
from ingress.identity.device_relay import DEVICE_GRANT
from ingress.identity.rate import RateLimit
from ingress.identity.token_exchange import ACCESS_TOKEN, ExchangeRequest
from ingress.ids import new_id
from ingress.parts import Parts
from ingress.routes.door import NO_STORE, deny, read_small_body

DEVICE_PATH: Final = "/login/device/code"
TOKEN_PATH: Final = "/login/oauth/access_token"  # noqa: S105  (a path)
# The Copilot CLI, and others, take only a token with one of GitHub's own prefixes.
_PREFIX: Final = "gho_"
_BODY_BYTES_MAX: Final = 8 * 1024
_FIELDS_MAX: Final = 20
# Polls come every five seconds from each editor that waits.
_PER_SECOND: Final = 20.0
_BURST: Final = 200


def github_login_router(parts_of: Callable[[], Parts | None]) -> APIRouter:
    """Return the routes; ``parts_of`` gives the running parts, or None before and after."""
    router = APIRouter()
    rate = RateLimit(_PER_SECOND, _BURST)

    @router.post(DEVICE_PATH, summary="Begin to sign an editor in, as GitHub does")
    async def device_code(request: Request) -> JSONResponse:
        """Answer with the issuer's codes and page."""

        async def begin(parts: Parts) -> dict[str, Any]:
            await _form(request)
            return await parts.device_relay.begin()

        return await _answer(request, parts_of(), rate, begin)

    @router.post(TOKEN_PATH, summary="Ask for the key of an editor that is being signed in")
    async def access_token(request: Request) -> JSONResponse:
        """Answer with a gateway key, or with what the editor waits for."""

        async def poll(parts: Parts) -> dict[str, Any]:
            form = await _form(request)
            if form.get("grant_type") != DEVICE_GRANT:
                raise BadTokenRequest(f"grant_type must be {DEVICE_GRANT}.")
            return await _poll(parts, form.get("device_code", ""))

        return await _answer(request, parts_of(), rate, poll)

    return router


async def _poll(parts: Parts, device_code: str) -> dict[str, Any]:
    polled = await parts.device_relay.poll(device_code)
    if polled.waiting:
        return {"error": polled.waiting, "error_description": polled.waiting.replace("_", " ")}
    try:
        asked = ExchangeRequest(polled.token, ACCESS_TOKEN, "editor")
        issued = await parts.exchange.issue(asked, time())
        # Nobody holds a key whose making is not in the trail.
        await parts.control_events.drain()
    except SQLAlchemyError as error:
        raise IdentityUnavailable("the key store cannot be used") from error
    return {"access_token": _PREFIX + issued.key, "token_type": "bearer", "scope": "copilot"}


async def _answer(request: Request, parts: Parts | None, rate: RateLimit, ask: Any) -> JSONResponse:
    headers = {**NO_STORE, "x-github-request-id": new_id()}
    try:
        if parts is None:
            raise IdentityUnavailable
        if not rate.allows(request.client.host if request.client else "", time()):
            raise TooManyKeys("Too many requests from this address; wait a few seconds.")
        return JSONResponse(await ask(parts), 200, headers)
    except IngressError as error:
        status, code, text = _refusal(error)
        if parts is not None:
            try:
                await deny(parts, request, error, status)
            except AuditUnavailable as unavailable:
                status, code, text = _refusal(unavailable)
        return JSONResponse({"error": code, "error_description": text}, status, headers)


def _refusal(error: IngressError) -> tuple[int, str, str]:
    if isinstance(error, TooManyKeys):
        return 429, "slow_down", str(error)
    if isinstance(error, Unauthenticated):
        # GitHub tells this with 200, and editors read the word.
        return 200, "access_denied", "You may not sign in here."
    if isinstance(error, BadTokenRequest):
        return 400, "unsupported_grant_type", str(error)
    return 503, "temporarily_unavailable", "Nobody can be signed in now; try again."


async def _form(request: Request) -> dict[str, str]:
    """Return the members of a body, which editors send as JSON or as a form.

    Raises:
        BadTokenRequest: it is neither; the message names no value.
        BodyTooLarge: it is too long.
    """
    body = await read_small_body(request, _BODY_BYTES_MAX)
    try:
        if request.headers.get("content-type", "").startswith("application/json"):
            members: Any = json.loads(body)
        else:
            members = dict(parse_qsl(body.decode("ascii"), max_num_fields=_FIELDS_MAX))
    except (ValueError, RecursionError):
        raise BadTokenRequest("The body is neither JSON nor a form.") from None
    if not isinstance(members, dict):
        raise BadTokenRequest("The body is no JSON object.")
    return {name: value for name, value in members.items() if isinstance(value, str)}
