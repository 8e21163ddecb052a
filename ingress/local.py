"""Answer what concerns the gateway itself: its own Copilot token, its endpoints, telemetry.

One redirected URL (the token API) sends a Copilot client's whole traffic here: the token is the
gateway's own, and the ``endpoints`` map names the gateway. Telemetry stays here: it may hold
code, and the audit needs none of it.
"""

from time import time
from typing import Any, Final

import orjson

from ingress.errors import ProtocolError
from ingress.exchange import Exchange
from ingress.identity.copilot_token import CopilotTokens
from ingress.identity.principal import Principal
from ingress.recording.recorder import Recorder
from ingress.relay import Relay
from ingress.telemetry import Metrics

# What a client's experiment service must answer: a 200 without ``Configs`` breaks every completion.
_EXPERIMENTS: Final = {
    "Features": [],
    "Flights": {},
    "Configs": [{"Id": "vscode", "Parameters": {}}],
    "ParameterGroups": [],
    "AssignmentContext": "",
}
_SKU: Final = "copilot_enterprise_seat"
_TELEMETRY_BYTES_MAX: Final = 8 * 1024 * 1024
_JSON: Final = (b"content-type", b"application/json; charset=utf-8")


class LocalAnswers:
    """Answer the operations of ``routing.LOCAL``."""

    def __init__(
        self, tokens: CopilotTokens, recorder: Recorder, metrics: Metrics, public_url: str
    ) -> None:
        self._tokens = tokens
        self._recorder = recorder
        self._metrics = metrics
        self._public_url = public_url.rstrip("/")

    async def answer_open(self, exchange: Exchange, relay: Relay) -> None:
        """Answer telemetry and ping, which carry no prompt and go nowhere: no record, no caller."""
        if exchange.method == "POST":
            await relay.read_body(_TELEMETRY_BYTES_MAX)
            await relay.answer(200, [_JSON], b"{}")
        elif exchange.route.operation == "ping":
            await relay.answer(200, [(b"content-type", b"text/plain")], b"OK")
        else:
            await relay.answer(200, [_JSON], orjson.dumps(_EXPERIMENTS))

    async def answer(self, exchange: Exchange, relay: Relay) -> None:
        """Answer token, user and settings; recorded like any other interaction.

        Raises:
            AuditUnavailable: the record is not durable, so nothing is answered.
        """
        principal = exchange.principal
        if principal is None:
            raise ProtocolError("a local answer needs a caller")
        status, answer = self._answer(exchange, principal)
        body = orjson.dumps(answer)
        exchange.outcome.http_status = status
        exchange.outcome.completion_bytes = len(body)
        exchange.ended = True
        await self._recorder.completed(exchange)
        self._metrics.ended.labels("completed").inc()
        request_id = exchange.interaction_id.encode()
        await relay.answer(status, [_JSON, (b"x-github-request-id", request_id)], body)

    def _answer(self, exchange: Exchange, principal: Principal) -> tuple[int, dict[str, Any]]:
        base = self._public_url or _own_url(exchange)
        match exchange.route.operation:
            case "token":
                return 200, self._token(principal, base)
            case "user":
                return 200, _user(principal, base)
            case _:
                # No settings of an enterprise are kept here; clients take that for "none".
                return 404, {"message": "Not Found", "status": "404"}

    def _token(self, principal: Principal, base: str) -> dict[str, Any]:
        minted = self._tokens.mint(principal.key_id or "", time())
        return {
            "token": minted.token,
            "expires_at": minted.expires_at,
            "refresh_in": minted.refresh_in,
            "sku": _SKU,
            "individual": False,
            "endpoints": _endpoints(base),
            "organization_list": [],
            "enterprise_list": [],
            "chat_enabled": True,
            "chat_jetbrains_enabled": True,
            "copilotignore_enabled": False,
            "code_quote_enabled": False,
            "public_suggestions": "disabled",
            "telemetry": "disabled",
            "tracking_id": principal.principal_id,
            "prompt_8k": True,
            "xcode": True,
            "xcode_chat": True,
        }


def _user(principal: Principal, base: str) -> dict[str, Any]:
    unlimited = {"percent_remaining": 100.0, "unlimited": True, "overage_permitted": False}
    return {
        "login": principal.subject,
        # GitHub's ids are numbers; this one is as stable as the principal's.
        "id": int.from_bytes(principal.principal_id.encode()[:6]),
        "email": principal.email,
        "access_type_sku": _SKU,
        "copilot_plan": "enterprise",
        "chat_enabled": True,
        "cli_enabled": True,
        "is_mcp_enabled": True,
        "organization_login_list": [],
        "organization_list": [],
        "endpoints": _endpoints(base),
        "quota_snapshots": {
            name: {**unlimited, "quota_id": name, "entitlement": 0, "remaining": 0}
            for name in ("chat", "completions", "premium_interactions")
        },
    }


def _endpoints(base: str) -> dict[str, str]:
    return dict.fromkeys(("api", "proxy", "telemetry", "origin-tracker"), base)


def _own_url(exchange: Exchange) -> str:
    """Return the URL that the client itself used; it can redirect nobody but its own sender."""
    host = next((value for name, value in exchange.headers if name == b"host"), b"")
    return "http://" + host.decode("ascii", "replace")
