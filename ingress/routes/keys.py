"""``/api/v1``: how to sign in, and the caller's gateway keys; an admin's, everybody's."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from ingress.errors import AuditUnavailable, IdentityUnavailable, KeyNotFound
from ingress.identity.keys import KeyRecord
from ingress.identity.principal import Principal
from ingress.identity.token_exchange import account_of
from ingress.ids import utc_now
from ingress.parts import Parts
from ingress.routes.door import NO_STORE, caller


class LoginIssuer(BaseModel):
    """What a command line needs to sign a person in at one issuer."""

    name: str
    issuer: str
    client_id: str
    scopes: list[str]
    flows: list[str]
    audience: str | None


class LoginIssuers(BaseModel):
    """The issuers that people sign in at."""

    issuers: list[LoginIssuer]


class Key(BaseModel):
    """What is known of a gateway key; never the key. ``current``: it came with this request."""

    id: str
    issuer: str
    user: str
    email: str | None
    groups: list[str]
    kind: str
    device: str | None
    key_class: str = Field(alias="class")
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    exposed_at: datetime | None
    state: str
    current: bool


class Keys(BaseModel):
    """Gateway keys, newest first."""

    keys: list[Key]


def keys_router(parts_of: Callable[[], Parts | None]) -> APIRouter:
    """Return the routes; ``parts_of`` gives the running parts, or None before and after."""
    router = APIRouter(prefix="/api/v1")

    def running() -> Parts:
        parts = parts_of()
        if parts is None:
            raise IdentityUnavailable("The gateway is starting; try again.")
        return parts

    @router.get("/login", response_model=LoginIssuers, summary="How to sign in; asks nobody")
    async def login() -> JSONResponse:
        """Return the issuers of the issuers file that have a ``login``."""
        found = [
            {
                "name": issuer.login.name,
                "issuer": issuer.issuer,
                "client_id": issuer.login.client_id,
                "scopes": issuer.login.scopes,
                "flows": issuer.login.flows,
                "audience": issuer.login.audience,
            }
            for issuer in running().gateway.authenticator.access_tokens.issuers
            if issuer.login is not None
        ]
        return JSONResponse({"issuers": found}, headers=NO_STORE)

    @router.get("/keys", response_model=Keys, summary="The caller's keys; an admin's: everybody's")
    async def list_keys(
        request: Request,
        user: Annotated[str | None, Query(description="subject or mail address")] = None,
    ) -> JSONResponse:
        """Return keys, newest first."""
        parts = running()
        principal = await caller(parts, request)
        mine = {} if is_admin(parts, principal) else _own(principal)
        records = await asyncio.to_thread(lambda: parts.keys.list(**mine))
        found = [
            _document(record, principal)
            for record in reversed(records)
            if user is None or user in {record.subject, record.email}
        ]
        return JSONResponse({"keys": found}, headers=NO_STORE)

    @router.delete("/keys/{key_id}", response_model=Key, summary="Take a key back")
    async def revoke(
        request: Request, key_id: Annotated[str, Path(description="as the list shows it")]
    ) -> JSONResponse:
        """Revoke a key of the caller's own, or as an admin any; it is refused from now on."""
        parts = running()
        principal = await caller(parts, request)
        record = await asyncio.to_thread(parts.keys.find, key_id)
        # Somebody else's key is no key: the answer must not tell which ids exist.
        if record is None or not (is_admin(parts, principal) or _holds(principal, record)):
            raise KeyNotFound("You have no such key; see GET /api/v1/keys.")
        by = account_of(principal)
        await asyncio.to_thread(lambda: parts.keys.revoke(key_id, utc_now(), by))
        # The revocation stands whether or not its event is in the journal yet: it waits beside it.
        with suppress(AuditUnavailable):
            await parts.control_events.drain()
        revoked = await asyncio.to_thread(parts.keys.find, key_id)
        return JSONResponse(_document(revoked or record, principal), headers=NO_STORE)

    return router


def is_admin(parts: Parts, principal: Principal) -> bool:
    """Say whether a group of the caller is among the policy's ``admins``."""
    return not parts.gateway.rules.policy.document.admins.isdisjoint(principal.groups)


def _own(principal: Principal) -> dict[str, str]:
    return {"issuer": principal.issuer, "subject": principal.subject}


def _holds(principal: Principal, record: KeyRecord) -> bool:
    return (principal.issuer, principal.subject) == (record.issuer, record.subject)


def _document(record: KeyRecord, principal: Principal) -> dict[str, object]:
    document = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in record.document(utc_now()).items()
    }
    return document | {"current": record.key_id == principal.key_id}
