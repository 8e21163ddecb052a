"""Make a small database in MaxMind's format. Source: MaxMind, "DB File Format Specification"."""

import ipaddress
from typing import Any

_UINT16, _UINT32, _STRING, _MAP = 5, 6, 2, 7
_UINT64, _ARRAY = 9, 11


def mmdb(networks: dict[str, dict[str, Any]]) -> bytes:
    """A database that answers each IPv4 network with its record."""
    data, tree = b"", [[None, None]]
    for network, record in networks.items():
        place = len(data)
        data += _encoded(record)
        _insert(tree, ipaddress.IPv4Network(network), place)
    count = len(tree)
    nodes = b"".join(_record(side, count) for node in tree for side in node)
    metadata = {
        "node_count": _number(_UINT32, count),
        "record_size": _number(_UINT16, 24),
        "ip_version": _number(_UINT16, 4),
        "database_type": "test",
        "languages": [],
        "binary_format_major_version": _number(_UINT16, 2),
        "binary_format_minor_version": _number(_UINT16, 0),
        "build_epoch": _number(_UINT64, 1),
        "description": {},
    }
    return nodes + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encoded(metadata)


def _insert(tree: list[list[Any]], network: ipaddress.IPv4Network, place: int) -> None:
    node = 0
    address = int(network.network_address)
    for bit in range(network.prefixlen):
        side = address >> (31 - bit) & 1
        if bit == network.prefixlen - 1:
            tree[node][side] = ("data", place)
        elif tree[node][side] is None:
            tree.append([None, None])
            tree[node][side] = len(tree) - 1
            node = len(tree) - 1
        else:
            node = tree[node][side]


def _record(side: Any, count: int) -> bytes:
    value = count if side is None else count + 16 + side[1] if isinstance(side, tuple) else side
    return value.to_bytes(3, "big")


def _number(kind: int, value: int) -> bytes:
    body = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return _control(kind, len(body)) + body


def _control(kind: int, size: int) -> bytes:
    assert size < 29
    return bytes([size, kind - 7]) if kind > 7 else bytes([kind << 5 | size])


def _encoded(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        text = value.encode()
        size = bytes([_STRING << 5 | 29, len(text) - 29]) if len(text) >= 29 else None
        return (size or _control(_STRING, len(text))) + text
    if isinstance(value, list):
        return _control(_ARRAY, len(value)) + b"".join(map(_encoded, value))
    pairs = b"".join(_encoded(name) + _encoded(member) for name, member in value.items())
    return _control(_MAP, len(value)) + pairs
