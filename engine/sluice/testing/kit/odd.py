"""Values to call things with: usual ones of each type, and those that nobody expects."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from sluice.model import INT_MAX, INT_MIN, Type

_TEXTS = (
    "", "a", "A text", "  ", "0", "-1", "1e309", "é", "😀", "\x00", "a\nb", "%s", "../..",
    "192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "fe80::1%eth0", "192.0.2.0/24", "1h30m",
    "2026-01-01T00:00:00Z", "null", "x" * 5_000,
)  # fmt: skip
_WHOLE = (0, 1, -1, 7, 255, 2**31, 2**53 + 1, INT_MAX, INT_MIN)
_FLOATS = (0.0, -0.0, 0.5, -1.5, 1e-300, 1.7e308, 5e-324)
_LISTS: tuple[Any, ...] = ([], [1, "a", None], [[[]]], [0.5] * 100)
_OBJECTS: tuple[Any, ...] = ({}, {"a": 1}, {"": {"b": [None, True]}})

_ODD: tuple[Any, ...] = (*_TEXTS, *_WHOLE, *_FLOATS, True, False, *_LISTS, *_OBJECTS)

_USUAL: dict[str, tuple[Any, ...]] = {
    "string": _TEXTS,
    "regex": _TEXTS,
    "ip": ("192.0.2.1", "198.51.100.255", "203.0.113.77", "2001:db8::1", "10.0.0.1"),
    "network": ("192.0.2.0/24", "2001:db8::/32", "10.0.0.1/32"),
    "int": _WHOLE,
    "time": (0, 1_767_225_600_000, -1),
    "duration": (0, 1, 90_000, -1),
    "float": (*_FLOATS, *_WHOLE),
    "percent": (0, 80, 12.5),
    "ratio": (0, 0.8, 1),
    "bool": (True, False),
    "list": _LISTS,
    "object": _OBJECTS,
}

#: How many calls of an entry are made.
CALLS = 400


def usual(type: Type) -> tuple[Any, ...]:
    """Return values of a type."""
    return type.values if type.kind == "enum" else _USUAL.get(type.kind, _ODD)


def drawn(types: list[Type], seed: int, has_null: bool = False) -> Iterator[list[Any]]:
    """Yield many lists of values: of the types, in part odd, all odd; always the same ones."""
    random = Random(seed)
    pools = [usual(type) for type in types]
    nothing: tuple[Any, ...] = (None,) if has_null else ()
    for number in range(CALLS):
        share = (0.0, 0.3, 1.0)[number % 3]
        yield [
            random.choice(_ODD + nothing) if random.random() < share else random.choice(pool)
            for pool in pools
        ]
