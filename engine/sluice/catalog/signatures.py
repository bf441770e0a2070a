"""Shorthands with which the entries of the catalog say what they take and give."""

from __future__ import annotations

from typing import Any

from sluice.catalog.catalog import Parameter
from sluice.model import ANY, FLOAT, INT_MAX, INT_MIN, STRING, Type


def takes(*params: tuple[str, Type], optional: tuple[tuple[str, Type], ...] = ()) -> tuple[
    Parameter, ...
]:  # fmt: skip
    """Return parameters from (name, type) pairs; the optional ones come last."""
    needed = tuple(Parameter(name, type) for name, type in params)
    return needed + tuple(Parameter(name, type, optional=True) for name, type in optional)


def whole(value: Any) -> int | None:
    """Return a number without fraction as an int, None for every other value."""
    kind = value.__class__
    if kind is int:
        return int(value)
    return int(value) if kind is float and value.is_integer() else None


def is_number(value: Any) -> bool:
    """True for ints and floats; booleans are no numbers."""
    return value.__class__ is int or value.__class__ is float


def in_64_bits(value: int) -> int | None:
    """Return an int, None when it does not fit 64 bits."""
    return value if INT_MIN <= value <= INT_MAX else None


def common_type(types: tuple[Type, ...]) -> Type:
    """Return the type of a value that is one of these, `any` when they do not go together."""
    known = [type for type in types if type.kind != "null"]
    if not known:
        return ANY
    first = known[0]
    if all(type == first for type in known):
        return first
    if all(type.is_number for type in known):
        return FLOAT
    if all(type.is_text or type.kind == "ip" for type in known):
        return STRING
    return ANY
