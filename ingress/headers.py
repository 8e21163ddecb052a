"""Say which of a client's headers go on to the upstream. Pure."""

from collections.abc import Sequence
from typing import Final

# Headers of the hop, of the client's own credential, and of what the gateway sets itself.
_NOT_FORWARDED: Final = frozenset(
    {
        b"accept-encoding",
        b"api-key",
        b"authorization",
        b"connection",
        b"content-length",
        b"cookie",
        b"expect",
        b"forwarded",
        b"host",
        b"keep-alive",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-api-key",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
    }
)


def forwarded(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the client's headers without those of its hop and its credential."""
    listed: set[bytes] = set()
    for name, value in headers:
        if name == b"connection":
            listed |= {token.strip().lower() for token in value.split(b",")}
    kept = [
        (name, value)
        for name, value in headers
        if name not in _NOT_FORWARDED and name not in listed
    ]
    kept.append((b"accept-encoding", b"identity"))
    return kept
