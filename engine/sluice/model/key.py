"""Keys by which rules keep state apart: one form, one order, on every backend.

A key at run time is hashable and normal: `1` and `1.0` are one key, `1`, `"1"` and `true` three.
A one-part key is the part itself, a key of several parts the tuple of them, no key is `()`.
Parts: `str` and numbers are themselves (an integral float is the int), a boolean is
`(BOOL_TAG, value)`, a list or an object `(JSON_TAG, canonical text)`, an allowed null `NULL_PART`.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from typing import Any

import msgspec
import orjson

BOOL_TAG, JSON_TAG = "bool", "json"
NULL_PART = ("null",)

Key = Any


def key_part(value: Any, nullable: bool = False) -> Any:
    """Return the normal form of one part, or None when the value does not correlate."""
    kind = value.__class__
    if kind is str or kind is int:
        return value
    if kind is float:
        return int(value) if value.is_integer() else value
    if kind is bool:
        return (BOOL_TAG, value)
    if value is None or value is msgspec.UNSET:
        return NULL_PART if nullable else None
    return (JSON_TAG, orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode())


def part_value(part: Any) -> Any:
    """Return the JSON value that a part stands for."""
    if part.__class__ is not tuple:
        return part
    if part == NULL_PART:
        return None
    tag, value = part
    return value if tag == BOOL_TAG else orjson.loads(value)


def key_order(key: Key, width: int) -> tuple[tuple[int, Any], ...]:
    """Return what sorts keys: null < bool < number < string < list or object, then by value."""
    return tuple(_part_order(part) for part in key_parts(key, width))


def _part_order(part: Any) -> tuple[int, Any]:
    if part.__class__ is tuple:
        if part == NULL_PART:
            return (0, 0)
        return (1, part[1]) if part[0] == BOOL_TAG else (4, part[1])
    return (3, part) if part.__class__ is str else (2, part)


def key_parts(key: Key, width: int) -> tuple[Any, ...]:
    """Return the parts of a key of so many parts."""
    return () if width == 0 else (key,) if width == 1 else tuple(key)


def key_partition(group: str, parts: Collection[Any], count: int) -> int:
    """Return which of `count` partitions takes the routing parts of a key.

    Rules with the same values meet in one partition, so that an event travels once for all of
    them; without parts the name of the group decides. CRC-32 (ISO 3309) of the values as
    MessagePack: the same on every machine.
    """
    content = msgspec.msgpack.encode(list(parts)) if parts else group.encode()
    return zlib.crc32(content) % count
