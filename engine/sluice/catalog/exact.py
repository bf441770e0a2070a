"""Sums without rounding: the order of the values decides nothing, and what left leaves no trace."""

from __future__ import annotations

import math
from typing import Any


class ExactSum:
    """A sum of ints and floats as an integer over a power of two.

    A float is such a fraction; their sum is kept exactly, as in Shewchuk (Adaptive Precision
    Floating-Point Arithmetic, 1997) and `math.fsum`, but so that values can also be taken out.
    The value is `numerator / 2**scale`.
    """

    __slots__ = ("numerator", "scale")

    def __init__(self) -> None:
        self.numerator, self.scale = 0, 0

    def add(self, numerator: int, scale: int) -> None:
        """Add `numerator / 2**scale`."""
        if scale > self.scale:
            self.numerator <<= scale - self.scale
            self.scale = scale
        self.numerator += numerator << (self.scale - scale)

    def state(self) -> list[Any]:
        """Return plain data; equal sums have equal states."""
        numerator, scale = self.numerator, self.scale
        spare = min(scale, (numerator & -numerator).bit_length() - 1) if numerator else scale
        return [format(numerator >> spare, "x"), scale - spare]

    def restore(self, state: list[Any]) -> None:
        """Take a state."""
        self.numerator, self.scale = int(state[0], 16), state[1]


def fraction(value: int | float) -> tuple[int, int]:
    """Return (numerator, scale) of a number."""
    if value.__class__ is int:
        return value, 0
    numerator, denominator = value.as_integer_ratio()
    return numerator, denominator.bit_length() - 1


def ratio(numerator: int, denominator: int) -> float | None:
    """Return the float next to a fraction, None when it is out of range."""
    try:
        return numerator / denominator  # Python divides integers with correct rounding
    except OverflowError:
        return None


def root(numerator: int, denominator: int) -> float | None:
    """Return the float next to the square root of a fraction.

    As `statistics._float_sqrt_of_frac` of CPython 3.11: an integer root of 109 bits or more,
    rounded to odd (Boldo and Melquiond 2008), rounds to the right float in one division.
    """
    if numerator == 0:
        return 0.0
    shift = (numerator.bit_length() - denominator.bit_length() - 109) // 2
    if shift >= 0:
        return ratio(_odd_root(numerator, denominator << 2 * shift) << shift, 1)
    return ratio(_odd_root(numerator << -2 * shift, denominator), 1 << -shift)


def _odd_root(numerator: int, denominator: int) -> int:
    down = math.isqrt(numerator // denominator)
    return down | (down * down * denominator != numerator)
