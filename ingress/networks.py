"""Say which addresses a name may resolve to before a connection is opened to it. Pure.

The policy's author chooses a host; whoever runs its DNS chooses the address, and may choose the
cloud's metadata service or a neighbour. So the address is judged, not the name.
"""

from __future__ import annotations

import ipaddress
from typing import Final, Literal

# any: the caller judges for itself; loopback: this machine alone; public: the internet alone;
# private: the internet and the company's own networks.
Network = Literal["any", "loopback", "public", "private"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Metadata and platform services that do not stand in a link-local range.
# Source: AWS "Instance metadata", Azure "What is IP address 168.63.129.16", Alibaba Cloud ECS.
_METADATA: Final = frozenset(
    map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"))
)
# The company's own: RFC 1918, RFC 6598 (carrier-grade NAT, used by cloud networks), RFC 4193.
_PRIVATE: Final = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
    )
)
# RFC 6052: an IPv4 address within an IPv6 one, for networks without IPv4.
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def is_loopback(host: str) -> bool:
    """Tell whether a URL's host is this machine by its form alone."""
    address = literal(host)
    return host == "localhost" if address is None else address.is_loopback


def literal(host: str) -> _Address | None:
    """Return the address that a host is written as; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def permits(network: Network, address: str) -> bool:
    """Tell whether a connection may be opened to an address (a literal, as DNS gave it)."""
    if network == "any":
        return True
    # A scope ("%eth0") comes with link-local addresses only.
    found = literal(address.partition("%")[0])
    if found is None:
        return False
    inner = _embedded(found)
    if network == "loopback":
        return inner.is_loopback
    if inner in _METADATA or inner.is_link_local or inner.is_multicast:
        return False
    if inner.is_global:
        return True
    return network == "private" and any(inner in each for each in _PRIVATE)


def _embedded(address: _Address) -> _Address:
    """Return the IPv4 address that an IPv6 one stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
