"""Functions of addresses."""

from __future__ import annotations

import ipaddress
from typing import Any

from sluice.catalog.catalog import Function
from sluice.catalog.signatures import takes, whole
from sluice.model import BOOL, INT, IP, STRING, Network, in_networks, ip_number, parse_network

#: RFC 1918, RFC 4193, loopback (RFC 1122, RFC 4291), link-local (RFC 3927, RFC 4291). Spelled
#: out, since what a library calls private changes with its version.
PRIVATE_NETWORKS: tuple[Network, ...] = tuple(
    network
    for network in map(
        parse_network,
        (
            "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16",
            "fc00::/7", "::1/128", "fe80::/10",
        ),
    )
    if network is not None
)  # fmt: skip


def functions() -> tuple[Function, ...]:
    """Return the entries."""
    return (
        Function(
            "prefix", takes(("address", IP), ("bits", INT)), STRING, prefix,
            "Return the network of so many bits in which the address lies: a key for neighbours. "
            "More bits than the address has is unknown.",
            ('prefix("203.0.113.77", 24)', '"203.0.113.0/24"'),
        ),
        Function(
            "is_private", takes(("address", IP)), BOOL, is_private,
            "Return whether the address is of a private network (RFC 1918, RFC 4193), loopback "
            "or link-local.",
            ('is_private("172.20.1.1")', "true"),
        ),
    )  # fmt: skip


def prefix(address: Any, bits: Any) -> str | None:
    """Return the text of the network of an address."""
    number, count = ip_number(address), whole(bits)
    if number is None or count is None:
        return None
    version, value = number
    width = 32 if version == 4 else 128
    if not 0 <= count <= width:
        return None
    first = value >> (width - count) << (width - count)
    text = ipaddress.IPv4Address(first) if version == 4 else ipaddress.IPv6Address(first)
    return f"{text}/{count}"


def is_private(address: Any) -> bool | None:
    """Return whether an address is not of the public internet."""
    return in_networks(address, PRIVATE_NETWORKS)
