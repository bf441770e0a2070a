"""Change a literal: numbers by one, durations by two, texts, networks, regular expressions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace

from sluice.lang import syntax as tree

#: What no text has, and what every text has, as RE2 writes it.
NOTHING, EVERYTHING = r"[^\x00-\x{10FFFF}]", ""

_UP, _DOWN = 1.1, 0.9


def changed_literal(node: tree.Expr) -> Iterator[tree.Expr]:
    """Yield what a literal could have been by mistake; nothing for anything else."""
    match node:
        case tree.Number(value=value):
            yield from _numbers(node, value)
        case tree.Percent(value=value):
            for factor in (_UP, _DOWN):
                yield replace(node, value=round(value * factor, 6))
        case tree.DurationLiteral(ms=ms):
            yield from (replace(node, ms=new) for new in (ms * 2, ms // 2) if 0 < new != ms)
        case tree.String(value=value):
            networks = list(_networks(value))
            yield from (replace(node, value=new) for new in networks or [f"{value}~"])
        case tree.Bool(value=value):
            yield replace(node, value=not value)
        case tree.Address(text=text):
            # Its neighbour: the last bit turned round.
            yield replace(
                node, text=str(ipaddress.IPv4Address(int(ipaddress.IPv4Address(text)) ^ 1))
            )
        case tree.Network(text=text):
            yield from (replace(node, text=new) for new in _networks(text))
        case tree.Regex(pattern=pattern):
            both = (NOTHING, EVERYTHING)
            yield from (replace(node, pattern=new) for new in both if new != pattern)
        case _:
            pass


def _numbers(node: tree.Number, value: int | float) -> Iterator[tree.Expr]:
    if node.text.endswith("B") and not node.text.startswith(("0x", "0X")):
        values: list[int | float] = [value * 2, value // 2]
    elif isinstance(value, int):
        values = [value + 1, value - 1]
    elif value == 0:
        values = [0.1]
    else:
        values = [round(value * _UP, 9), round(value * _DOWN, 9)]
    for new in values:
        plain = replace(node, value=abs(new), text=str(abs(new)))
        yield plain if new >= 0 else tree.Unary("-", plain, span=node.span)


def _networks(text: str) -> Iterator[str]:
    """Yield a network that is half as large, and one that is twice as large."""
    if "/" not in text:
        return
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return
    if network.prefixlen < network.max_prefixlen:
        yield str(next(iter(network.subnets())))
    if network.prefixlen > 0:
        yield str(network.supernet())
