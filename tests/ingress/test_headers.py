"""Which headers pass, and that none leads a client past the gateway."""

import pytest

from ingress.headers import returned

BASE = (b"https://api.github.com", b"/c/github")


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        (b"Location", b"https://api.github.com/repos/a/b", b"/c/github/repos/a/b"),
        (b"Location", b"/repos/a/b?x=1", b"/c/github/repos/a/b?x=1"),
        (b"Location", b"https://elsewhere.example/repos", None),
        (b"Location", b"//elsewhere.example/repos", None),
        (
            b"Link",
            (
                b'<https://api.github.com/user/repos?page=2>; rel="next", '
                b'<https://api.github.com/user/repos?page=9>; rel="last"'
            ),
            b'</c/github/user/repos?page=2>; rel="next", </c/github/user/repos?page=9>; rel="last"',
        ),
        (b"Link", b'<https://elsewhere.example/?page=2>; rel="next"', None),
        (b"Link", b'<https://api.github.com.evil.example/>; rel="next"', None),
    ],
)
def test_what_leads_on_leads_through_the_gateway_or_is_left_out(name, value, kept):
    expected = [(name, kept)] if kept is not None else []

    assert returned([(name, value), (b"ETag", b"e")], BASE) == [*expected, (b"ETag", b"e")]


def test_an_upstreams_login_and_hop_stay_behind():
    theirs = [(b"Set-Cookie", b"a=b"), (b"WWW-Authenticate", b"Basic"), (b"Connection", b"close")]

    assert returned([*theirs, (b"X-Ok", b"1")], BASE) == [(b"X-Ok", b"1")]
