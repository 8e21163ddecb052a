"""Refuse in the shape and status that each client shows to its user. Pure.

Recorded from the real clients: a chat client shows the text of a 451 with an error object and
does not retry; inline completions show the body of a 466 verbatim; 401, 403, 429 and 503 make
them drop their token or retry, so policy never uses those. Without ``x-github-request-id`` any
4xx is shown as a broken proxy.
"""

from typing import Final, NamedTuple

import orjson

POLICY_CHAT_STATUS: Final = 451
POLICY_INLINE_STATUS: Final = 466
# What GitHub itself answers to a write that a rule of the repository forbids.
POLICY_GITHUB_STATUS: Final = 403
_INLINE: Final = frozenset({"inline", "panel"})
_GITHUB: Final = frozenset({"token", "user", "settings"})

# What a status must come with. Source: RFC 9110 sections 15.5.6 and 15.5.22.
_MORE_HEADERS: Final = {405: (b"allow", b"GET, POST"), 426: (b"upgrade", b"HTTP/1.1")}


class Refusal(NamedTuple):
    """An answer that the gateway gives itself."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def refuse(operation: str, status: int, code: str, message: str, request_id: str) -> Refusal:
    """Return a refusal.

    Args:
        operation: of the route; decides the shape.
        status: HTTP status, kept as it is.
        code: stable code for scripts.
        message: one sentence for the person at the editor; no content of the exchange.
        request_id: interaction id, so that a person can name the record to a reviewer.
    """
    if operation in _INLINE and status == POLICY_INLINE_STATUS:
        return Refusal(status, _headers(b"text/plain; charset=utf-8", request_id), message.encode())
    if operation in _GITHUB:
        body: dict[str, object] = {
            "message": message,
            "error_details": {
                "message": message,
                "notification_id": code,
                "title": "Tailnumber",
                "url": "",
            },
        }
    else:
        body = error_object(code, message)
    headers = _headers(b"application/json", request_id)
    if status in _MORE_HEADERS:
        headers.append(_MORE_HEADERS[status])
    return Refusal(status, headers, orjson.dumps(body))


def refuse_github(status: int, message: str, request_id: str) -> Refusal:
    """Return a refusal as GitHub's API gives one; ``gh`` and Octokit show its message."""
    body = {"message": message, "documentation_url": "", "status": str(status)}
    headers = _headers(b"application/json; charset=utf-8", request_id)
    return Refusal(status, headers, orjson.dumps(body))


def policy_status(operation: str) -> int:
    """Return the status of a policy refusal on an operation."""
    return POLICY_INLINE_STATUS if operation in _INLINE else POLICY_CHAT_STATUS


def error_object(code: str, message: str) -> dict[str, object]:
    """Return OpenAI's error object, which every chat client reads."""
    return {"error": {"message": message, "type": "tailnumber", "param": None, "code": code}}


def _headers(content_type: bytes, request_id: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", content_type),
        (b"x-github-request-id", request_id.encode()),
        (b"x-request-id", request_id.encode()),
    ]
