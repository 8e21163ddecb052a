"""Say which headers go on: of a client to the upstream, of an upstream to the client. Pure."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

# Headers of the hop, of the client's own credential, and of what the gateway sets itself.
NOT_FORWARDED: Final = frozenset(
    {
        b"accept-encoding",
        b"api-key",
        b"authorization",
        b"connection",
        b"content-length",
        b"cookie",
        b"cookie2",
        b"expect",
        b"forwarded",
        b"host",
        b"impersonate-group",
        b"impersonate-uid",
        b"impersonate-user",
        b"job-token",
        b"keep-alive",
        b"ocp-apim-subscription-key",
        b"private-token",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"via",
        b"x-amz-content-sha256",
        b"x-amz-date",
        b"x-amz-security-token",
        b"x-api-key",
        b"x-auth-token",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-proto",
        b"x-forwarded-server",
        b"x-goog-api-key",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-host",
        b"x-original-url",
        b"x-real-ip",
        b"x-rewrite-url",
        b"x-vault-token",
    }
)

# Headers of the hop; of the upstream's own login and cookies; and those that would lead a client
# past the gateway. ``location`` and ``link`` are treated on their own.
_NOT_RETURNED: Final = frozenset(
    {
        b"alt-svc",
        b"authentication-info",
        b"clear-site-data",
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"refresh",
        b"set-cookie",
        b"set-cookie2",
        b"strict-transport-security",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"www-authenticate",
    }
)
# Source: RFC 8288 section 3, the target of a link.
_TARGET: Final = re.compile(rb"<([^<>]*)>")
_LOCATIONS: Final = frozenset({b"location", b"content-location"})

# Parameters of a query that are a client's credential and nothing else; ``key`` is one at the
# APIs of models, and may be anything elsewhere.
_CREDENTIAL_PARAMETERS: Final = frozenset(
    {
        b"access_token",
        b"api-key",
        b"api_key",
        b"apikey",
        b"client_secret",
        b"private_token",
        b"subscription-key",
        b"x-amz-credential",
        b"x-amz-security-token",
        b"x-amz-signature",
    }
)


def forwarded(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the client's headers without those of its hop and its credential."""
    listed: set[bytes] = set()
    for name, value in headers:
        if name == b"connection":
            listed |= {token.strip().lower() for token in value.split(b",")}
    kept = [
        (name, value) for name, value in headers if name not in NOT_FORWARDED and name not in listed
    ]
    kept.append((b"accept-encoding", b"identity"))
    return kept


def returned(
    headers: Sequence[tuple[bytes, bytes]], base: tuple[bytes, bytes]
) -> list[tuple[bytes, bytes]]:
    """Return the upstream's headers without those of its hop, its login and its other ways.

    A location within the upstream becomes one within the gateway; any other is left out: the
    client would go there without the gateway, at times with a signature of the upstream's in it.

    Args:
        headers: as they came, names in any case.
        base: the upstream's base URL without a slash at its end, and the gateway's path for it.
    """
    kept = []
    for pair in headers:
        name = pair[0].lower()
        if name in _NOT_RETURNED:
            continue
        if name in _LOCATIONS:
            location = _within(pair[1], *base)
            if location:
                kept.append((pair[0], location))
        elif name == b"link":
            # The next page of a list; a client that followed it would show its key elsewhere.
            link = _TARGET.sub(lambda found: b"<%b>" % _within(found[1], *base), pair[1])
            if b"<>" not in link:
                kept.append((pair[0], link))
        else:
            kept.append(pair)
    return kept


def without_credentials(query: bytes, *, keys: bool) -> bytes:
    """Return a query without the parameters that carry a client's credential.

    Args:
        query: as it came, without the question mark.
        keys: ``key`` is a credential too.
    """
    pairs = query.split(b"&")
    kept = [pair for pair in pairs if not _is_credential(pair, keys=keys)]
    return query if len(kept) == len(pairs) else b"&".join(kept)


def _is_credential(pair: bytes, *, keys: bool) -> bool:
    name = unquote_to_bytes(pair.partition(b"=")[0].replace(b"+", b" ")).strip().lower()
    return name in _CREDENTIAL_PARAMETERS or (keys and name == b"key")


def _within(location: bytes, base: bytes, path: bytes) -> bytes:
    """Return a location within the upstream as one of the gateway; b"" if it leads elsewhere."""
    if location.startswith(b"/") and location[1:2] not in {b"/", b"\\"}:
        # A path alone is one of the upstream's, below the prefix that the gateway puts there.
        _, slash, prefix = base.partition(b"://")[2].partition(b"/")
        base = slash + prefix
    rest = location[len(base) :]
    if not location.startswith(base) or not rest or rest[:1] not in b"/?#":
        return b""
    return path + rest
