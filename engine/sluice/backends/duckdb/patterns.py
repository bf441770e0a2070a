"""Patterns as SQL: regular expressions, `like` and networks of addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sluice.backends.duckdb.fields import is_not_ascii
from sluice.backends.duckdb.sqltext import TRUE, any_of, text
from sluice.model import parse_network

#: Classes whose members depend on the tables of Unicode that an engine was built with.
_BY_TABLES = re.compile(r"\\[pP]|\[\[:\^?word")
_NAMED_GROUP = re.compile(r"\(\?<(?=[A-Za-z_])")
_LIKE_TOKEN = re.compile(r"\[([*?])\]|([*?])")


def regex_test(value: str, pattern: str, flags: str, positive: bool = True) -> str:
    """Write that a regular expression is found (or is not) in a text.

    Both sides run RE2. Case and classes of letters beyond ASCII come from tables that may be of
    different age: such texts are let through.
    """
    if "\0" in pattern:
        return TRUE
    found, depends = regex_found(value, pattern, flags)
    test = found if positive else f"NOT {found}"
    return any_of([test, is_not_ascii(value)]) if depends else test


def regex_found(value: str, pattern: str, flags: str) -> tuple[str, bool]:
    """Write that a regular expression is found in a text, and say whether tables decide it."""
    if "\0" in pattern:
        return TRUE, True
    own = _NAMED_GROUP.sub("(?P<", pattern)
    mode = f"(?{''.join(sorted(set(flags)))})" if flags else ""
    found = f"regexp_matches({value}, {text(mode + own)})"
    by_case = "i" in flags or re.search(r"\(\?\w*i", pattern) is not None
    return found, by_case or _BY_TABLES.search(pattern) is not None


def like_parts(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the texts between the wildcards of a `like` pattern, and where they must stand."""
    parts = [""]
    at = 0
    for token in _LIKE_TOKEN.finditer(pattern):
        parts[-1] += pattern[at : token.start()]
        at = token.end()
        if token[1]:
            parts[-1] += token[1]
        else:
            parts.append("")
    parts[-1] += pattern[at:]
    if parts[0]:
        yield "starts with", parts[0]
    if len(parts) > 1 and parts[-1]:
        yield "ends with", parts[-1]
    for part in parts[1:-1]:
        if part:
            yield "contains", part


def network_prefixes(networks: Iterable[str]) -> list[str] | None:
    """Return what the texts of IPv4 addresses in some networks begin with.

    None when one of them says nothing about it. Addresses of IPv6 have a colon.
    """
    found: dict[str, None] = {}
    for network in networks:
        parsed = parse_network(network)
        if parsed is None or parsed[0] != 4:
            continue
        _, address, mask = parsed
        octets = mask.bit_count() // 8
        if octets == 0:
            return None
        numbers = address.to_bytes(4, "big")[:octets]
        found[".".join(map(str, numbers)) + ("." if octets < 4 else "")] = None
    return list(found)
