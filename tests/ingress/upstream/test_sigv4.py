"""Signatures against AWS's published test suite (aws-sig-v4-test-suite) and its S3 example."""

import hashlib
from datetime import UTC, datetime

import pytest

from ingress.policy.connections import AwsSigV4
from ingress.upstream.sigv4 import authorization_of, sign

AUTH = AwsSigV4("service", "us-east-1", "AKIDEXAMPLE")
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
DATE = "20150830T123600Z"
HOST = [(b"Host", b"example.amazonaws.com"), (b"X-Amz-Date", DATE.encode())]
UNRESERVED = b"/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = (b"Content-Type", b"application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    ("method", "target", "more", "body", "signature"),
    [
        ("GET", b"/", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET", b"/?Param2=value2&Param1=value1", [], b"", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("GET", b"/?\xe1\x88\xb4=bar", [], b"", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        ("GET", b"/\xe1\x88\xb4", [], b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("GET", UNRESERVED, [], b"", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        ("GET", b"/example space/", [], b"", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        ("GET", b"/", [(b"My-Header1", b" value1"), (b"My-Header2", b' "a   b   c"')], b"", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
        ("GET", b"/", [(b"My-Header1", b"value2"), (b"My-Header1", b"value2"), (b"My-Header1", b"value1")], b"", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"),
        ("POST", b"/", [], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("POST", b"/", [(b"My-Header1", b"value1")], b"", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
        ("POST", b"/", [FORM], b"Param1=value1", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
    ],
    ids=["get-vanilla", "query-order", "utf8-query", "utf8", "unreserved", "space", "trim", "duplicate", "post-vanilla", "key-sort", "form"],
)  # fmt: skip
def test_signature_is_that_of_the_published_suite(method, target, more, body, signature):
    content_hash = hashlib.sha256(body).hexdigest()

    found = authorization_of(AUTH, SECRET, method, target, [*HOST, *more], content_hash, DATE)

    assert found.endswith(f"Signature={signature}")


def test_signature_of_an_s3_request_is_that_of_the_manual():
    """Source: Amazon S3 API reference, "Signature calculations: GET bucket lifecycle"."""
    added = dict(
        sign(
            AwsSigV4("s3", "us-east-1", "AKIAIOSFODNN7EXAMPLE"),
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            method="GET",
            authority=b"examplebucket.s3.amazonaws.com",
            target=b"/?lifecycle",
            headers=[(b"accept", b"*/*")],
            body=None,
            now=datetime(2013, 5, 24, tzinfo=UTC),
        )
    )

    assert added[b"authorization"].endswith(
        b"Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    )


def test_body_that_is_not_known_yet_is_not_signed():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    more = {"authority": b"a", "target": b"/", "headers": [], "body": None, "now": now}

    added = dict(sign(AUTH, SECRET, method="PUT", streamed=True, **more))

    assert added[b"x-amz-content-sha256"] == b"UNSIGNED-PAYLOAD"
