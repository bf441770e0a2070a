"""Write JSON values as the literals of a test."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sluice.errors import SluiceError
from sluice.lang import syntax


class NotCaptured(SluiceError):
    """A match that cannot become a test, with the reason for people."""


def literal(value: Any, where: str) -> syntax.Expr:
    """Return the literal of a JSON value; NotCaptured says where one stands that has none."""
    match value:
        case None:
            return syntax.Null()
        case bool():
            return syntax.Bool(value)
        case int() | float():
            return _number(value)
        case str():
            return syntax.String(value)
        case list():
            if any(each is None for each in value):
                raise NotCaptured(f"{where} is a list with a null in it, which no test can write")
            return syntax.ListLiteral(tuple(literal(each, where) for each in value))
        case dict():
            return object_literal(value, where)
    raise AssertionError(f"no JSON value: {value!r}")


def object_literal(values: Mapping[str, Any], where: str) -> syntax.ObjectLiteral:
    """Return the literal of an object."""
    for name in values:
        if not name or "`" in name or not name.isprintable():
            raise NotCaptured(f"{where} has a field {name!r}, which no test can name")
    return syntax.ObjectLiteral(
        tuple((name, literal(each, f"{where}.{name}")) for name, each in values.items())
    )


def duration(ms: int) -> syntax.DurationLiteral:
    """Return the literal of a duration."""
    return syntax.DurationLiteral(ms)


def _number(value: int | float) -> syntax.Expr:
    if value < 0:
        return syntax.Unary("-", _number(-value))
    # Tests write no exponents.
    text = str(value) if isinstance(value, int) else format(Decimal(repr(value)), "f")
    if isinstance(value, float) and "." not in text:
        text += ".0"
    return syntax.Number(value, text)
