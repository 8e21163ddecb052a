"""Reading origins from URLs."""

import pytest

from ingress.upstream.origin import Origin


@pytest.mark.parametrize(
    ("url", "origin", "prefix", "authority"),
    [
        (
            "https://api.example.com",
            Origin("https", "api.example.com", 443),
            "",
            b"api.example.com",
        ),
        ("http://127.0.0.1:8080/", Origin("http", "127.0.0.1", 8080), "", b"127.0.0.1:8080"),
        ("https://h/a/b/", Origin("https", "h", 443), "/a/b", b"h"),
        ("http://[::1]:81", Origin("http", "::1", 81), "", b"[::1]:81"),
        ("HTTPS://H:443", Origin("https", "h", 443), "", b"h"),
    ],
)
def test_origin_prefix_and_host_header_are_read(
    url: str, origin: Origin, prefix: str, authority: bytes
) -> None:
    assert Origin.split(url) == (origin, prefix)
    assert origin.authority == authority


@pytest.mark.parametrize(
    "url",
    ["", "host:80", "ftp://h", "https://", "https://u:hunter2@h", "https://@h", "https://h?q=1",
     "https://h#f", "https://h:0", "https://h:99999", "https://h:x", "https://bücher.de",
     "https://h /", "https://h\r\nx"],
)  # fmt: skip
def test_url_that_is_no_origin_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="upstream URL") as refused:
        Origin.split(url)

    assert "hunter2" not in str(refused.value)


def test_origin_has_no_path() -> None:
    with pytest.raises(ValueError, match="prefix"):
        Origin.parse("https://h/v1")
