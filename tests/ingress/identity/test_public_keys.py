"""Only a sound public key to verify with counts, and only a signature that it made."""

import json

import pytest
from tokens import ec_key, published, rsa_key, segment
from vectors import shared

from ingress.errors import AccessTokenRefused
from ingress.identity.oidc import split
from ingress.identity.profiles import ALGORITHMS
from ingress.identity.public_keys import check_signature, read_key

HEADER_MEMBERS = {"alg", "typ", "kid", "x5t", "x5t#S256"}
VECTORS = 510


@pytest.mark.parametrize(
    "member",
    [
        published(rsa_key(), use="enc"),
        published(rsa_key(), key_ops=["encrypt"]),
        published(rsa_key(), key_ops="verify"),
        published(rsa_key(), alg=1),
        published(rsa_key(), n="AQA="),
        published(rsa_key(), n=1),
        published(rsa_key(), n=segment(b"\xc1" + b"\x01" * 127)),
        published(rsa_key(), n=segment(b"\xc1" + b"\x01" * 1024)),
        published(ec_key(), x="AAAA"),
        published(ec_key(), crv="P-255"),
        {"kty": "oct", "k": "AAAA", "kid": "k"},
        {"kty": ["RSA"], "kid": "k"},
        {**rsa_key().as_dict(private=True), "kid": "k"},
        {},
    ],
    ids=[
        "to-encrypt",
        "operation-encrypt",
        "operations-no-list",
        "algorithm-no-text",
        "modulus-padded",
        "modulus-no-text",
        "short",
        "long",
        "not-on-the-curve",
        "unknown-curve",
        "symmetric",
        "kind-no-text",
        "private",
        "empty",
    ],
)
def test_key_for_anything_else_is_left_aside(member):
    assert read_key(member) is None


# ---- vectors that others wrote ----


def accepts(token, jwk):
    """Say whether any key of a Wycheproof group verifies a token here, as a JWKS would be used."""
    try:
        head, _ = split(token)
        if head.get("alg") not in ALGORITHMS or not head.keys() <= HEADER_MEMBERS:
            return False
        for member in jwk.get("keys", [jwk]):
            key = read_key(member)
            if key is not None and head.get("kid") in {None, member.get("kid")}:
                check_signature(token, head["alg"], key)
                return True
    except AccessTokenRefused:
        return False
    return False


def vectors():
    """Return every vector: (file, keys, token, whether it is valid and signed)."""
    for name in ("json_web_signature_test", "json_web_key_test", "json_web_crypto_test"):
        document = json.loads(shared("vectors", "wycheproof-jose", f"{name}.json").read_text())
        for group in document["testGroups"]:
            keys = group.get("public") or group["private"]
            for test in group["tests"]:
                raw = test.get("jws", test.get("jwe"))
                token = raw if isinstance(raw, str) else json.dumps(raw)
                valid = test["result"] == "valid" and "jws" in test
                yield (name, test["tcId"], test["comment"]), keys, token, valid


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_no_wycheproof_vector_is_wrongly_accepted():
    seen = [(name, accepts(token, keys), valid) for name, keys, token, valid in vectors()]

    assert len(seen) == VECTORS
    assert [name for name, accepted, valid in seen if accepted and not valid] == []
    # What is refused here though valid there: HMAC, no or another key use, lenient base64.
    assert sum(accepted for _, accepted, _ in seen) >= 29
