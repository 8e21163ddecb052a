"""Sign a request for AWS: Signature Version 4, in the Authorization header. Pure.

Own code because it is small and on the request path; it is held against AWS's published test suite.
Source: AWS, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from ingress.policy.connections import AwsSigV4

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SPACES: Final = re.compile(r" +")
_EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
_UNSIGNED: Final = "UNSIGNED-PAYLOAD"

Pairs = Sequence[tuple[bytes, bytes]]


def sign(  # noqa: PLR0913  (a request is what it is)
    auth: AwsSigV4,
    secret_key: str,
    *,
    method: str,
    authority: bytes,
    target: bytes,
    headers: Pairs,
    body: bytes | None,
    now: datetime,
    streamed: bool = False,
) -> list[tuple[bytes, bytes]]:
    """Return the headers to add: X-Amz-Date, X-Amz-Content-Sha256 and Authorization.

    Signed are host, date, content hash, content type and every ``x-amz-`` header of the request.

    Args:
        auth: service, region and access key id.
        secret_key: secret access key.
        method: HTTP method, upper case.
        authority: value of the Host header that will be sent.
        target: path and query as they will be sent.
        headers: the request's own headers, names in lower case.
        body: body; None for none.
        now: time of the signature, UTC.
        streamed: the body is not known yet, so its hash is not signed (S3 takes that over https).
    """
    date = now.strftime("%Y%m%dT%H%M%SZ")
    content_hash = (
        _UNSIGNED if streamed else hashlib.sha256(body).hexdigest() if body else _EMPTY_SHA256
    )
    added = [(b"x-amz-date", date.encode()), (b"x-amz-content-sha256", content_hash.encode())]
    signed = [
        (name, value)
        for name, value in headers
        if name == b"content-type" or name.startswith(b"x-amz-")
    ]
    signed += [(b"host", authority), *added]
    authorization = authorization_of(auth, secret_key, method, target, signed, content_hash, date)
    return [*added, (b"authorization", authorization.encode())]


def authorization_of(  # noqa: PLR0913, PLR0917  (the parts of a signature)
    auth: AwsSigV4,
    secret_key: str,
    method: str,
    target: bytes,
    signed: Pairs,
    content_hash: str,
    date: str,
) -> str:
    """Return the Authorization header's value for exactly these signed headers."""
    values: dict[str, list[str]] = {}
    for name, value in signed:
        text = _SPACES.sub(" ", value.decode("latin-1").strip())
        values.setdefault(name.decode("ascii").lower(), []).append(text)
    names = ";".join(sorted(values))
    path, _, query = target.partition(b"?")
    canonical = "\n".join(
        (
            method,
            _path(path, auth.service),
            _query(query),
            *(f"{name}:{','.join(values[name])}" for name in sorted(values)),
            "",
            names,
            content_hash,
        )
    )
    scope = f"{date[:8]}/{auth.region}/{auth.service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{date}\n{scope}\n{hashed}"
    key = f"AWS4{secret_key}".encode()
    for part in (date[:8], auth.region, auth.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"{auth.access_key_id}/{scope}"
    return f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"


def _path(path: bytes, service: str) -> str:
    """Return the canonical path: encoded once for S3, once more than sent for the others."""
    if service == "s3":
        return quote(unquote_to_bytes(path), safe="/-_.~")
    return quote(path, safe="/-_.~") or "/"


def _query(query: bytes) -> str:
    """Return the canonical query: each name and value encoded, sorted by code point."""
    pairs = []
    for pair in query.split(b"&") if query else ():
        name, _, value = pair.partition(b"=")
        # A plus in a query is a space to some servers; AWS reads it as a plus.
        pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: bytes) -> str:
    return quote(unquote_to_bytes(text), safe="-_.~")
