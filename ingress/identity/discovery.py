"""Read an issuer's discovery document: where its keys and endpoints are. Pure.

Source: OpenID Connect Discovery 1.0, sections 4 and 4.3.
"""

from typing import Any

from ingress.errors import UpstreamProtocolError
from ingress.upstream.origin import Origin


def discovery_url(issuer: str) -> str:
    """Return where an issuer's document is."""
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


def address_in(document: dict[str, Any], issuer: str, member: str) -> str:
    """Return the address that a member names, which is one of the issuer's own origin.

    Raises:
        UpstreamProtocolError: the document is another issuer's, or leads to another host.
        ValueError: what stands there is no URL.
    """
    url = document.get(member)
    if document.get("issuer") != issuer or not isinstance(url, str):
        raise UpstreamProtocolError("the discovery document is not this issuer's")
    if Origin.split(url)[0] != Origin.split(issuer)[0]:
        raise UpstreamProtocolError("the discovery document leads to another host")
    return url
