"""Functions of numbers, and conversions. What has no finite 64-bit result is unknown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from sluice.catalog.catalog import Function, Parameter
from sluice.catalog.signatures import common_type, in_64_bits, is_number, takes, whole
from sluice.model import ANY, FLOAT, INT, INT_MAX, STRING, Type, canonical, less

#: `round(x, digits)` takes that many digits on either side of the point.
ROUND_DIGITS_MAX = 308
#: Longer texts are no numbers.
DIGITS_MAX = 400

_DIGITS = {
    2: "[01]+", 8: "[0-7]+", 10: "[0-9]+", 16: "(?:0x)?[0-9a-f]+",
}  # fmt: skip
_INT = {base: re.compile(rf"[+-]?{digits}\Z", re.I | re.A) for base, digits in _DIGITS.items()}
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?\Z", re.I | re.A)


def functions() -> tuple[Function, ...]:
    """Return the entries."""
    return (*_rounding(), *_arithmetic(), *_conversions())


def _rounding() -> tuple[Function, ...]:
    x = takes(("x", FLOAT))
    return (
        Function(
            "abs", takes(("x", ANY)), _same_type, absolute,
            "Return a number or a duration without its sign.",
            ("abs(-1.5)", "1.5"),
        ),
        Function(
            "round", takes(("x", FLOAT), optional=(("digits", INT),)), _rounded_type, rounded,
            "Return the nearest whole number, halves away from zero as in SQL; with digits the "
            "nearest number of so many decimals (negative: tens, hundreds, …).",
            ("round(-2.5)", "-3"),
        ),
        Function(
            "floor", x, INT, lambda x: _integer(x, math.floor),
            "Return the greatest whole number that is not above x.",
            ("floor(-1.5)", "-2"),
        ),
        Function(
            "ceil", x, INT, lambda x: _integer(x, math.ceil),
            "Return the least whole number that is not below x.",
            ("ceil(1.2)", "2"),
        ),
    )  # fmt: skip


def _arithmetic() -> tuple[Function, ...]:
    several = (Parameter("a"), Parameter("b"), Parameter("more", variadic=True, optional=True))
    return (
        Function(
            "min", several, common_type, least,
            "Return the least of two or more values of one type; over the events of a window or "
            "an alias, with one argument, it is an aggregate.",
            ("min(3, 1.5, 2)", "1.5"),
        ),
        Function(
            "max", several, common_type, greatest,
            "Return the greatest of two or more values of one type; with one argument it is an "
            "aggregate.",
            ("max(3, 1.5, 2)", "3"),
        ),
        Function(
            "log", takes(("x", FLOAT), optional=(("base", FLOAT),)), FLOAT, logarithm,
            "Return the natural logarithm, or the one to a base; of what is not positive unknown.",
            ("log(1000, 10)", "3.0"),
        ),
        Function(
            "mod", takes(("a", FLOAT), ("b", FLOAT)), common_type, modulo,
            "Return what is left when a is divided by b, with the sign of a; by zero unknown.",
            ("mod(-7, 3)", "-1"),
        ),
    )  # fmt: skip


def _conversions() -> tuple[Function, ...]:
    return (
        Function(
            "int", takes(("value", ANY), optional=(("base", INT),)), INT, to_int,
            "Return an integer: of a float without its fraction, of a string of digits with a "
            "sign, in base 10 or the given one (2, 8, 16; `0x` may stand before base 16).",
            ('int("0xff", 16)', "255"),
        ),
        Function(
            "float", takes(("value", ANY)), FLOAT, to_float,
            "Return a float of an int or of a decimal string such as `-1.5e3`.",
            ('float("1.5e3")', "1500.0"),
        ),
        Function(
            "string", takes(("value", ANY)), STRING, to_string,
            "Return the text of a number (as JSON, RFC 8785: equal numbers have one text) or of "
            "a boolean; a time or a duration is its milliseconds, lists and objects have none.",
            ("string(2.50)", '"2.5"'),
        ),
    )  # fmt: skip


def absolute(x: Any) -> int | float | None:
    """Return the absolute value."""
    return _finite(abs(x)) if is_number(x) else None


def rounded(x: Any, digits: Any = None) -> int | float | None:
    """Return the nearest whole number or decimal, halves away from zero, decided exactly."""
    if digits is None:
        return in_64_bits(_round_half_away(Fraction(x))) if is_number(x) else None
    places = whole(digits)
    if not is_number(x) or places is None or abs(places) > ROUND_DIGITS_MAX:
        return None
    if x.__class__ is int and places >= 0:
        return int(x)
    scale = Fraction(10) ** places
    exact = Fraction(_round_half_away(Fraction(x) * scale)) / scale
    return in_64_bits(int(exact)) if x.__class__ is int else _as_float(exact)


def least(*values: Any) -> Any:
    """Return the least value."""
    return _extreme(values, less)


def greatest(*values: Any) -> Any:
    """Return the greatest value."""
    return _extreme(values, lambda a, b: less(b, a))


def logarithm(x: Any, base: Any = None) -> float | None:
    """Return the logarithm."""
    if not is_number(x) or x <= 0:
        return None
    if base is None:
        return math.log(x)
    if not is_number(base) or base <= 0 or base == 1:
        return None
    # The special ones are exact for powers, a quotient of logarithms is not.
    if base == 10:
        return math.log10(x)
    return math.log2(x) if base == 2 else _finite(math.log(x) / math.log(base))


def modulo(a: Any, b: Any) -> int | float | None:
    """Return the remainder with the sign of the dividend, exactly."""
    if not is_number(a) or not is_number(b) or b == 0:
        return None
    if a.__class__ is int and b.__class__ is int:
        rest = abs(a) % abs(b)
        return int(-rest if a < 0 else rest)
    if a.__class__ is b.__class__:
        return math.fmod(a, b) + 0.0  # no negative zero
    exact = abs(Fraction(a)) % abs(Fraction(b))
    return _as_float(-exact if a < 0 else exact)


def to_int(value: Any, base: Any = None) -> int | None:
    """Return an integer of a number or of digits."""
    if value.__class__ is not str:
        if base is not None or not is_number(value):
            return None
        return in_64_bits(math.trunc(value))
    radix = 10 if base is None else whole(base)
    digits = _INT.get(radix) if radix is not None else None
    if digits is None or len(value) > DIGITS_MAX or not digits.match(value):
        return None
    return in_64_bits(int(value, radix or 10))


def to_float(value: Any) -> float | None:
    """Return a float of a number or of a decimal text."""
    if value.__class__ is str:
        fits = len(value) <= DIGITS_MAX and _FLOAT.match(value)
        return _finite(float(value)) if fits else None
    return _as_float(value) if is_number(value) else None


def to_string(value: Any) -> str | None:
    """Return the text of a scalar."""
    kind = value.__class__
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    return canonical(value).decode() if kind is float else None


def _same_type(types: tuple[Type, ...]) -> Type:
    return types[0]


def _rounded_type(types: tuple[Type, ...]) -> Type:
    return INT if len(types) == 1 or types[0] == INT else FLOAT


def _integer(x: Any, to: Callable[[Any], int]) -> int | None:
    return in_64_bits(to(x)) if is_number(x) else None


def _round_half_away(x: Fraction) -> int:
    n = (2 * abs(x.numerator) + x.denominator) // (2 * x.denominator)
    return -n if x < 0 else n


def _finite(x: Any) -> Any:
    """Return a number, None when it does not fit 64 bits."""
    if x.__class__ is float:
        return x if math.isfinite(x) else None
    return x if -INT_MAX - 1 <= x <= INT_MAX else None


def _as_float(x: Any) -> float | None:
    try:
        return float(x)
    except OverflowError:
        return None


def _extreme(values: tuple[Any, ...], wins: Callable[[Any, Any], bool | None]) -> Any:
    best = values[0]
    if best.__class__ is not str and not is_number(best):
        return None
    for value in values[1:]:
        claim = wins(value, best)
        if claim is None:
            return None
        if claim:
            best = value
    return best
