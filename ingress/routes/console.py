"""Serve the console's page; it holds no data of its own and asks ``/readyz`` like anyone."""

from importlib.resources import files

from fastapi import APIRouter, Response

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def console_router() -> APIRouter:
    """Return the console's routes."""
    router = APIRouter()
    page = files("ingress.console").joinpath("index.html").read_bytes()

    @router.get("/console")
    async def console() -> Response:
        """Return the page."""
        return Response(page, media_type="text/html; charset=utf-8", headers=_HEADERS)

    return router
