"""What a value means: equality, order, case, addresses and schema fit, one law for every backend.

At run time None is null or unknown and `msgspec.UNSET` a missing field; as operands both are
unknown (section 4.2 of the language). Texts are sequences of code points without surrogates.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from msgspec import UNSET

from sluice.model.schema import INT_MAX, INT_MIN, Type
from sluice.timing import INSTANT_MAX, INSTANT_MIN, parse_duration, parse_instant

#: How many addresses each memo holds; the least recently used one goes first.
ADDRESS_MEMO_MAX = 65_536

#: (version, first address as an integer, mask as an integer)
Network = tuple[int, int, int]

# ---------------------------------------------------------------- comparison


def is_known(value: Any) -> bool:
    """True for a value that is neither missing nor null nor unknown."""
    return value is not None and value is not UNSET


def equal(a: Any, b: Any) -> bool | None:
    """Return whether two values are equal, None when one is missing or null.

    Across types nothing is equal, except numbers: `1 == 1.0`, exactly also above 2^53.
    Lists and objects are equal when all in them is; in there null equals null.
    """
    if a is None or b is None or a is UNSET or b is UNSET:
        return None
    return _same(a, b)


def less(a: Any, b: Any) -> bool | None:
    """Return whether a < b: numbers exactly, strings by code point; else there is no order."""
    kind, other = a.__class__, b.__class__
    if kind is str:
        return bool(a < b) if other is str else None
    if (kind is int or kind is float) and (other is int or other is float):
        return bool(a < b)
    return None


def _same(a: Any, b: Any) -> bool:
    kind, other = a.__class__, b.__class__
    if kind is not other:
        numbers = (kind is int or kind is float) and (other is int or other is float)
        return numbers and bool(a == b)
    if kind is list:
        return len(a) == len(b) and all(map(_same, a, b))
    if kind is dict:
        return a.keys() == b.keys() and all(_same(v, b[k]) for k, v in a.items())
    return bool(a == b)


# ---------------------------------------------------------------- text


class _Folding(dict[int, str]):
    """Simple case folding (statuses C and S of Unicode's CaseFolding.txt), filled on demand.

    Python only offers full folding. Where that gives one character it is the simple one; else
    the simple one, if there is any, is the simple lower case.
    """

    def __missing__(self, code: int) -> str:
        char = chr(code)
        folded = char.casefold()
        if len(folded) != 1:
            lowered = char.lower()
            folded = lowered if len(lowered) == 1 else char
        self[code] = folded
        return folded


# Unicode 15.1 added these three S entries; RE2 has them, the tables of Python 3.11 do not.
_FOLDING = _Folding({0x1FD3: "\u0390", 0x1FE3: "\u03b0", 0xFB05: "\ufb06"})


def fold(text: str) -> str:
    """Return the text case-folded: Unicode simple folding, so the length stays; RE2's `(?i)`."""
    return text.lower() if text.isascii() else text.translate(_FOLDING)


_LIKE_TOKEN = re.compile(r"\[([*?])\]|(\*+)|(\?)|([\\.+()|\[\]{}^$])")


def like_pattern(text: str) -> str:
    """Return the regular expression (RE2) of a `like` pattern, which covers the whole string."""
    return "(?s)^" + _LIKE_TOKEN.sub(_like_token, text) + "$"


def _like_token(found: re.Match[str]) -> str:
    literal, stars, mark, special = found.groups()
    if stars:
        return ".*"
    return "." if mark else "\\" + (literal or special)


# ---------------------------------------------------------------- addresses


def canonical_ip(text: Any) -> str | None:
    """Return the canonical text of an address (RFC 5952), None when it is none.

    An IPv4-mapped IPv6 address is the IPv4 address. An address with a zone (`fe80::1%eth0`) is
    none: its meaning is local to a machine.
    """
    return _canonical(text) if text.__class__ is str else None


def ip_number(text: Any) -> tuple[int, int] | None:
    """Return (version, address as an integer) of an address, None when it is none."""
    return _number_of(text) if text.__class__ is str else None


def parse_network(text: Any) -> Network | None:
    """Return (version, network, mask) of `10.0.0.0/8` or of one address, None when it is none.

    Bits behind the prefix are cleared. `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
    """
    if text.__class__ is not str:
        return None
    address, slash, digits = text.partition("/")
    number = ip_number(address)
    if number is None:
        return None
    version, value = number
    width = 32 if version == 4 else 128
    if not slash:
        bits = width
    elif digits.isascii() and digits.isdigit() and len(digits) <= 3:
        # An IPv4-mapped address has become IPv4; its prefix counts the 96 bits before it too.
        bits = int(digits) - (96 if version == 4 and ":" in address else 0)
    else:
        return None
    if not 0 <= bits <= width:
        return None
    mask = (1 << width) - (1 << (width - bits))
    return version, value & mask, mask


def in_networks(text: Any, networks: Iterable[Network]) -> bool | None:
    """Return whether an address lies in one of the networks, None when it is no address."""
    number = ip_number(text)
    if number is None:
        return None
    version, value = number
    for of, network, mask in networks:
        if of == version and value & mask == network:
            return True
    return False


@lru_cache(ADDRESS_MEMO_MAX)
def _canonical(text: str) -> str | None:
    address = _address(text)
    return None if address is None else str(address)


@lru_cache(ADDRESS_MEMO_MAX)
def _number_of(text: str) -> tuple[int, int] | None:
    address = _address(text)
    return None if address is None else (address.version, int(address))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 6 and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


# ---------------------------------------------------------------- schema


def fits(value: Any, type: Type) -> bool:
    """Return whether a value fits a type of a schema: whether `coerce` loses nothing of it."""
    if type.kind == "object" and value.__class__ is dict:
        return all(
            value.get(name) is None or fits(value[name], field.type)
            for name, field in type.fields.items()
        )
    return coerce(value, type) is not None


def coerce(value: Any, type: Type) -> Any:
    """Return the run-time value of a JSON value in a field of this type, None when it misfits.

    An int takes an integral float, a time or a duration also an integer of milliseconds, an ip
    its text in any form. Numbers are finite and integers have 64 bits; booleans are no numbers.
    A list fits when all in it that is not null does. An object leaves out the fields that misfit.
    """
    if not is_known(value):
        return None
    match type.kind:
        case "any":
            return value
        case "string" | "regex":
            return value if value.__class__ is str else None
        case "enum":
            return value if value.__class__ is str and value in type.values else None
        case "bool":
            return value if value.__class__ is bool else None
        case "int":
            return _int_within(value, INT_MIN, INT_MAX)
        case "float" | "percent" | "ratio":
            return _finite(value)
        case "list":
            return _list(value, type)
        case "object":
            return _object(value, type)
        case "null":
            return None
        case _:
            return _special(value, type.kind)


def _special(value: Any, kind: str) -> Any:
    """Return the run-time value of what JSON writes as a string: addresses and times."""
    text = value.__class__ is str
    if kind == "ip":
        return canonical_ip(value)
    if kind == "network":
        return value if parse_network(value) is not None else None
    if kind == "time":
        return parse_instant(value) if text else _int_within(value, INSTANT_MIN, INSTANT_MAX)
    ms = parse_duration(value) if text else value
    return _int_within(ms, INT_MIN, INT_MAX)


def _int_within(value: Any, low: int, high: int) -> int | None:
    if value.__class__ is float and value.is_integer():
        value = int(value)
    return value if value.__class__ is int and low <= value <= high else None


def _finite(value: Any) -> int | float | None:
    if value.__class__ is int:
        if INT_MIN <= value <= INT_MAX:
            return int(value)
        try:
            return float(value)
        except OverflowError:
            return None
    return float(value) if value.__class__ is float and math.isfinite(value) else None


def _list(value: Any, type: Type) -> list[Any] | None:
    if value.__class__ is not list:
        return None
    if type.item is None:
        return list(value)
    out = []
    for item in value:
        fitted = coerce(item, type.item)
        if fitted is None and item is not None:
            return None
        out.append(fitted)
    return out


def _object(value: Any, type: Type) -> dict[str, Any] | None:
    if value.__class__ is not dict:
        return None
    out = dict(value)
    for name, field in type.fields.items():
        if out.get(name) is not None:
            fitted = coerce(out[name], field.type)
            if fitted is None:
                del out[name]
            else:
                out[name] = fitted
    return out
