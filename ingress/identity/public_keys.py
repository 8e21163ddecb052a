"""Read the public keys that an issuer publishes, and check a signature by one; pure.

joserfc does the arithmetic; which keys and algorithms it may see is decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from ingress.errors import BadSignature, MalformedAccessToken, WrongTokenAlgorithm
from ingress.identity.strict import decode_base64url

_RSA_BITS_MIN: Final = 2048
# A longer one makes each check cost milliseconds.
_RSA_BITS_MAX: Final = 8192
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_PUBLIC_MEMBERS: Final = {
    "RSA": ("kty", "n", "e"),
    "EC": ("kty", "crv", "x", "y"),
    "OKP": ("kty", "crv", "x"),
}

_ROCA_PRIMES: Final = (
    *(3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83),
    *(89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167),
)
_ROCA_POWERS: Final = tuple(
    (prime, frozenset(pow(65537, exponent, prime) for exponent in range(prime)))
    for prime in _ROCA_PRIMES
)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that an issuer publishes, and the one algorithm it names, if it does."""

    key: Key
    algorithm: str | None = None


def check_signature(token: str, algorithm: str, key: PublicKey) -> None:
    """Check that the key signed the token by an algorithm that is allowed.

    Raises:
        WrongTokenAlgorithm: the key is for another algorithm.
        BadSignature: it did not.
    """
    if not _fits(key, algorithm):
        raise WrongTokenAlgorithm
    try:
        jws.deserialize_compact(token, key.key, algorithms=[algorithm])
    except (JoseError, ValueError):
        raise BadSignature from None  # the cause may carry a part of the token


def read_key(member: Mapping[str, Any]) -> PublicKey | None:
    """Return a member of a JWKS as a key to verify with, None if it is for something else.

    Left aside are keys to encrypt with, symmetric and private ones, short RSA keys and those that
    are damaged. Certificates and links in it are not looked at.
    """
    names = _PUBLIC_MEMBERS.get(str(member.get("kty")))
    operations = member.get("key_ops", ["verify"])
    if names is None or "d" in member or member.get("use", "sig") != "sig":
        return None
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    material = {name: member.get(name) for name in names}
    algorithm = member.get("alg")
    if not all(isinstance(value, str) for value in material.values()):
        return None
    if algorithm is not None and not isinstance(algorithm, str):
        return None
    try:
        key = _import(material)
    except (MalformedAccessToken, JoseError, ValueError, TypeError, KeyError):
        return None
    return None if key is None else PublicKey(key, algorithm)


def _import(material: Mapping[str, Any]) -> Key | None:
    if material["kty"] == "RSA":
        modulus = int.from_bytes(decode_base64url(material["n"]))
        if not _RSA_BITS_MIN <= modulus.bit_length() <= _RSA_BITS_MAX or _is_roca(modulus):
            return None
        return RSAKey.import_key(dict(material))
    if material["kty"] == "EC":
        return ECKey.import_key(dict(material))
    return OKPKey.import_key(dict(material))


def _is_roca(modulus: int) -> bool:
    """Tell a modulus of the chips whose keys can be computed from their public half.

    Source: Nemec et al., "The Return of Coppersmith's Attack" (CVE-2017-15361): modulo each small
    prime such a modulus is a power of 65537; of others one in 2**27 is.
    """
    return all(modulus % prime in powers for prime, powers in _ROCA_POWERS)


def _fits(key: PublicKey, algorithm: str) -> bool:
    if key.algorithm not in {None, algorithm}:
        return False
    if isinstance(key.key, RSAKey):
        return algorithm[:2] in {"RS", "PS"}
    if isinstance(key.key, ECKey):
        return _CURVES.get(algorithm) == key.key.curve_name
    return isinstance(key.key, OKPKey) and key.key.curve_name == algorithm
