"""What a value means (language.md 4.2): comparison, arithmetic, order of keys."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

INT_MAX: Final = 2**63 - 1
INT_MIN: Final = -(2**63)


class _Missing:
    def __repr__(self) -> str:
        return "missing"


# A missing operand and an unknown result of arithmetic behave alike in every operator.
MISSING: Final = _Missing()


@dataclass(frozen=True, order=True)
class Time:
    """An instant, in ms."""

    ms: int


@dataclass(frozen=True, order=True)
class Duration:
    """A length of time, in ms."""

    ms: int


def is_absent(value: Any) -> bool:
    """Missing or null."""
    return value is MISSING or value is None


def is_number(value: Any) -> bool:
    """4.2.2: booleans are not numbers."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def family(value: Any) -> str:
    """The type that order and equality do not cross (4.2.2)."""
    if is_number(value):
        return "number"
    return type(value).__name__


def equal(left: Any, right: Any) -> bool | None:
    """4.2.1 and 4.2.2: unknown with an absent operand, false across types."""
    if is_absent(left) or is_absent(right):
        return None
    if family(left) != family(right):
        return False
    # Python compares int with float exactly, as section 11 "numbers" asks.
    return bool(left == right)


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def compare(op: str, left: Any, right: Any) -> bool | None:
    """Compare two values in three-valued logic."""
    if op == "==":
        return equal(left, right)
    if op == "!=":
        return negate(equal(left, right))
    if is_absent(left) or is_absent(right):
        return None
    # 4.2.2: no order across types. Booleans have none among themselves either: README.
    if family(left) != family(right) or isinstance(left, (bool, list, dict)):
        return None
    return _ORDER[op](left, right)


def negate(truth: bool | None) -> bool | None:
    """SQL's not."""
    return None if truth is None else not truth


def conjunction(truths: Sequence[bool | None]) -> bool | None:
    """SQL's and."""
    if any(t is False for t in truths):
        return False
    return None if any(t is None for t in truths) else True


def disjunction(truths: Sequence[bool | None]) -> bool | None:
    """SQL's or."""
    return negate(conjunction([negate(t) for t in truths]))


def in_range(value: Any) -> Any:
    """Section 11 "numbers": 64 bits signed, no NaN, no infinity; else unknown."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if INT_MIN <= value <= INT_MAX else MISSING
    if isinstance(value, float) and not math.isfinite(value):
        return MISSING
    return value


def arithmetic(op: str, left: Any, right: Any) -> Any:
    """4.2.4; section 11 "durations"."""
    if is_absent(left) or is_absent(right):
        return MISSING
    if is_number(left) and is_number(right):
        return _numbers(op, left, right)
    match op, left, right:
        case "-", Time(), Time():
            return Duration(left.ms - right.ms)
        case "+", Time(), Duration():
            return Time(left.ms + right.ms)
        case "-", Time(), Duration():
            return Time(left.ms - right.ms)
        case "+", Duration(), Duration():
            return Duration(left.ms + right.ms)
        case "-", Duration(), Duration():
            return Duration(left.ms - right.ms)
        case "/", Duration(), Duration():
            return left.ms / right.ms if right.ms else MISSING
        case "*", Duration(), int() if is_number(right):
            return Duration(left.ms * right)
    return MISSING


def _numbers(op: str, left: int | float, right: int | float) -> Any:
    try:
        if op == "/":
            return in_range(left / right) if right else MISSING
        if op == "+":
            return in_range(left + right)
        return in_range(left - right if op == "-" else left * right)
    except OverflowError:
        return MISSING


def modulo(left: Any, right: Any) -> Any:
    """Section 11 "conversions": the sign of the dividend."""
    if not (is_number(left) and is_number(right)) or not right:
        return MISSING
    if isinstance(left, int) and isinstance(right, int):
        return int(math.copysign(abs(left) % abs(right), left)) if left else 0
    return math.fmod(left, right)


def rank(value: Any) -> tuple[int, Any]:
    """4.3.7: null < bool < number < string, by value; equal ranks are one key (section 11)."""
    if is_absent(value):
        return (0, 0)
    if isinstance(value, bool):
        return (1, value)
    if is_number(value):
        return (2, Fraction(value))
    return (3, str(value))


def plain(value: Any) -> Any:
    """One form for each number, so that 1 and 1.0 are seen as the one value that they are."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return None if is_absent(value) else value
