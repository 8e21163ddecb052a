"""Learn from the headers what the audit wants to know: client, session, turn, repository. Pure.

The headers were recorded from the real clients; each client names its session in its own way, and
a client that names none gets one per day (``derived_session``).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

# First header that is present wins; the order is from the most to the least specific.
_SESSION_HEADERS = (
    b"x-client-session-id",  # Copilot CLI
    b"vscode-sessionid",  # VS Code and the language server
    b"x-claude-code-session-id",
    b"session-id",  # Codex
    b"x-session-id",
)
_TURN_HEADERS = (b"x-interaction-id", b"x-turn-id")
_REQUEST_HEADERS = (b"x-request-id", b"x-client-request-id")
_MACHINE_HEADERS = (b"vscode-machineid", b"x-client-machine-id")

_CODEX_HEADER = b"x-codex-turn-metadata"
_TRACE_HEADER = b"traceparent"
_READ = frozenset(
    (
        *_SESSION_HEADERS,
        *_TURN_HEADERS,
        *_REQUEST_HEADERS,
        *_MACHINE_HEADERS,
        _CODEX_HEADER,
        _TRACE_HEADER,
        b"copilot-language-server-version",
        b"editor-version",
        b"user-agent",
        b"x-github-repository-nwo",
    )
)

_VALUE_MAX = 256
_MASKED_MAX = 4096  # a secret must be whole to be recognised, so the cut comes after the masking
_SEPARATOR = "\n\0\n"  # no secret reaches across it
_PRODUCT = re.compile(r"([A-Za-z0-9_.\-]{1,64}(?:/Python|/JS)?)[/ ]v?(\d[\w.\-+]{0,63})")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\Z")
_CODEX_TURN = re.compile(r'"turn_id"\s*:\s*"([\w.\-]{1,256})"')
_NO_TRACE = "0" * 32
# With the marks that turn the direction of a line or take no room: they make a reader see another.
_UNPRINTABLE = re.compile(
    r"[^\x20-\x7e\u00a0-\ud7ff\ue000-\uffef]|[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)

Headers = Mapping[bytes, str]


@dataclass(frozen=True, slots=True)
class Context:
    """What the headers of one request tell; nothing of it is verified."""

    client_name: str
    client_version: str | None
    editor: str | None
    machine_id: str | None
    user_agent: str | None
    session_id: str | None
    turn_id: str | None
    request_id: str | None
    repository: str | None
    trace_id: str | None


def read_context(pairs: Sequence[tuple[bytes, bytes]], mask: Callable[[str], str]) -> Context:
    """Return the context of a request, with no secret in it.

    Args:
        pairs: raw headers as ASGI gives them, names in lower case; of doubles the first counts.
        mask: returns a text without its secrets, the same object if it has none.
    """
    headers: dict[bytes, str] = {}
    for header, value in pairs:
        if value and header in _READ and header not in headers:
            headers[header] = printable(value, _MASKED_MAX)
    together = _SEPARATOR.join(headers.values())
    if mask(together) is not together:
        headers = {header: mask(value) for header, value in headers.items()}
    user_agent = _text(headers, b"user-agent")
    name, version = _client(headers, user_agent)
    repository = _text(headers, b"x-github-repository-nwo")
    return Context(
        client_name=name,
        client_version=version,
        editor=_text(headers, b"editor-version"),
        machine_id=_first(headers, _MACHINE_HEADERS),
        user_agent=user_agent,
        session_id=_first(headers, _SESSION_HEADERS),
        turn_id=_first(headers, _TURN_HEADERS) or _codex_turn(headers),
        request_id=_first(headers, _REQUEST_HEADERS),
        repository=None if repository == "__no_repository__" else repository,
        trace_id=_trace_id(headers),
    )


def derived_session(principal_id: str, client_name: str, day: str) -> str:
    """Return the session of a client that names none: one per principal, client and UTC day."""
    digest = blake2b(f"{principal_id}\0{client_name}\0{day}".encode(), digest_size=10)
    return f"derived-{digest.hexdigest()}"


def printable(value: bytes, most: int = _VALUE_MAX) -> str:
    """Return header bytes as text that is safe in a log line and a table cell, cut."""
    return _UNPRINTABLE.sub("\ufffd", value[: most * 4].decode("utf-8", "replace"))[:most]


def _client(headers: Headers, user_agent: str | None) -> tuple[str, str | None]:
    server = _text(headers, b"copilot-language-server-version")
    if server:
        return "copilot-language-server", server
    product = _PRODUCT.match(user_agent or "")
    if product:
        return product[1], product[2]
    return (user_agent or "unknown").split(" ", 1)[0][:_VALUE_MAX] or "unknown", None


def _text(headers: Headers, name: bytes) -> str | None:
    return headers.get(name, "")[:_VALUE_MAX] or None


def _first(headers: Headers, names: tuple[bytes, ...]) -> str | None:
    return next((_text(headers, name) for name in names if headers.get(name)), None)


def _codex_turn(headers: Headers) -> str | None:
    # A JSON object with the turn among more of Codex's own.
    match = _CODEX_TURN.search(headers.get(_CODEX_HEADER, ""))
    return match[1] if match else None


def _trace_id(headers: Headers) -> str | None:
    match = _TRACEPARENT.match(headers.get(_TRACE_HEADER, ""))
    trace_id = match[1] if match else None
    return None if trace_id == _NO_TRACE else trace_id
