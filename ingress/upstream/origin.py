"""Name where a connection leads: scheme, host and port, and nothing else.

Deliberately knows no path, query or credential: a base URL's path is a prefix that the
caller puts before each target, and userinfo in a URL is refused, because it would end up
in logs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ingress.networks import Network

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme (`http` or `https`), host (ASCII, IPv6 without brackets) and port.

    `network` says which addresses the host may resolve to; connections are kept apart by it.
    """

    scheme: str
    host: str
    port: int
    network: Network = "any"

    @classmethod
    def parse(cls, url: str) -> Origin:
        """Read an origin from a URL without a path.

        Raises:
            ValueError: the URL is not absolute http(s), or has userinfo, a path, a query
                or a fragment.
        """
        origin, prefix = cls.split(url)
        if prefix:
            raise ValueError("an origin has no path; give the path as a prefix")
        return origin

    @classmethod
    def split(cls, url: str, network: Network = "any") -> tuple[Origin, str]:
        """Read an origin and its path prefix from a base URL.

        The prefix is "" or starts with "/" and does not end with one, so that
        `prefix + "/models"` is a target.

        Raises:
            ValueError: the URL is not absolute http(s), or has userinfo, a query or a
                fragment. The message never repeats the URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError("an upstream URL is absolute: http://host or https://host")
        if "@" in parts.netloc:
            raise ValueError("an upstream URL carries no user or password")
        if parts.query or parts.fragment:
            raise ValueError("an upstream URL has no query and no fragment")
        if not url.isascii() or any(c <= " " for c in url):
            raise ValueError("an upstream URL is plain ASCII; write a foreign host as xn--…")
        origin = cls(parts.scheme, parts.hostname, _port(parts), network)
        return origin, parts.path.rstrip("/")

    @property
    def authority(self) -> bytes:
        """The value of a Host header: brackets around IPv6, no default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.port == _DEFAULT_PORTS[self.scheme]:
            return host.encode("ascii")
        return f"{host}:{self.port}".encode("ascii")

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority.decode('ascii')}"


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        raise ValueError("an upstream URL's port is a number from 1 to 65535") from None
    if port == 0:
        raise ValueError("an upstream URL's port is a number from 1 to 65535")
    return port or _DEFAULT_PORTS[parts.scheme]
