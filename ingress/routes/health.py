"""Tell whether the process lives, whether it can serve, and its metrics.

These paths carry no prompt and are on the short list that is not recorded.
"""

from collections.abc import Callable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from ingress.parts import Parts


def health_router(parts_of: Callable[[], Parts | None]) -> APIRouter:
    """Return the routes; ``parts_of`` gives the running parts, or None before and after."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """Say whether callers can be known and requests recorded, and therefore served."""
        parts = parts_of()
        if parts is None:
            return JSONResponse({"ready": False, "reason": "starting"}, 503)
        stats = parts.journal.stats()
        reason = "" if stats.healthy else f"audit_unavailable: {stats.last_error}"
        if not parts.gateway.authenticator.verifier.available:
            reason = reason or "identity_unavailable: the control database is out of reach"
        body = {
            "ready": not reason,
            "reason": reason,
            "policy_digest": parts.gateway.rules.policy.digest,
            # A refused file stops nobody: the one before it goes on.
            "policy_error": parts.policy_reloader.problems,
            "issuers_error": parts.issuers_reloader.problems if parts.issuers_reloader else (),
            "writer_id": parts.journal.writer_id,
            "unacknowledged_count": stats.unacknowledged_count,
        }
        return JSONResponse(body, 503 if reason else 200)

    @router.get("/metrics")
    async def metrics() -> Response:
        """Return the metrics in Prometheus' text format."""
        parts = parts_of()
        body = parts.metrics.render(parts.journal.stats()) if parts else b""
        return Response(body, media_type="text/plain; version=0.0.4")

    return router
