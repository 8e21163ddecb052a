"""Find the one credential that a request carries, wherever its client can put it; pure."""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from ingress.errors import DuplicateCredential, MalformedKey

_KEY_HEADERS: Final = frozenset({b"x-api-key", b"api-key"})
# Where a credential belongs; each of them stays here and goes to no upstream.
CREDENTIAL_HEADERS: Final = frozenset({b"authorization", b"proxy-authorization", *_KEY_HEADERS})
_BEARER_SCHEMES: Final = frozenset({"bearer", "token"})
# The Copilot CLI takes only tokens with GitHub's own prefixes, so a key may wear one.
_GITHUB_PREFIXES: Final = ("gho_tnk_", "ghu_tnk_")


def extract_credential(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Return the credential as the client means it, or None if no header carries one.

    Read are ``authorization`` (Bearer, token, or Basic with the key as its password),
    ``x-api-key`` and ``api-key``. Two headers may repeat one and the same credential, as some
    clients do; the same header twice, or two different credentials, is refused, because proxies
    in between may pick another one than we would.

    Args:
        headers: raw header pairs as ASGI gives them, names in lower case.

    Raises:
        DuplicateCredential: more than one credential, or one header twice.
        MalformedKey: an ``authorization`` of another scheme or not decodable.
    """
    found: str | None = None
    seen: set[bytes] = set()
    for name, raw_value in headers:
        if name != b"authorization" and name not in _KEY_HEADERS:
            continue
        if name in seen:
            raise DuplicateCredential
        seen.add(name)
        value = _decode(raw_value)
        credential = _from_authorization(value) if name == b"authorization" else value
        if not credential:
            continue
        if found is not None and found != credential:
            raise DuplicateCredential
        found = credential
    if found is not None and found.startswith(_GITHUB_PREFIXES):
        return found[4:]
    return found


def extract_proxy_password(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Return the password of ``Proxy-Authorization: Basic``, None if no proxy is logged in to.

    Raises:
        DuplicateCredential: it came twice, or beside a gateway key in another header.
        MalformedKey: another scheme, or not decodable.
    """
    found = [value for name, value in headers if name == b"proxy-authorization"]
    if not found:
        return None
    others = (value for name, value in headers if name in CREDENTIAL_HEADERS)
    if len(found) > 1 or any(b"tnk_" in value for value in others):
        raise DuplicateCredential
    scheme, _, rest = _decode(found[0]).partition(" ")
    if scheme.lower() != "basic":
        raise MalformedKey
    return _password(rest.strip(" \t"))


def _decode(raw_value: bytes) -> str:
    try:
        return raw_value.decode("ascii").strip(" \t")
    except UnicodeDecodeError:
        raise MalformedKey from None  # the cause would carry the header's bytes


def _from_authorization(value: str) -> str:
    scheme, _, rest = value.partition(" ")
    scheme = scheme.lower()
    rest = rest.strip(" \t")
    if scheme in _BEARER_SCHEMES or not value:
        return rest
    if scheme != "basic":
        raise MalformedKey
    return _password(rest)


def _password(encoded: str) -> str:
    try:
        user_and_password = base64.b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        raise MalformedKey from None  # the cause would carry the credential
    return user_and_password.partition(":")[2]
