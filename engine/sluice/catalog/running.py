"""Aggregates that keep a few numbers, or the values as they came."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any

from sluice.catalog.catalog import Accumulator
from sluice.catalog.exact import ExactSum, fraction, ratio, root
from sluice.catalog.signatures import in_64_bits
from sluice.timing import SECOND_MS

#: `list` shows so many values.
LIST_MAX = 100
#: What `first` and `list` hold at most, as many values as a window holds events (section 4.6).
HELD_VALUES_MAX = 10_000


class Count:
    """`count`."""

    __slots__ = ("_n",)

    def __init__(self) -> None:
        self._n = 0

    def add(self, value: Any) -> None:
        """Take an event in."""
        self._n += 1

    def remove(self, value: Any) -> None:
        """Take an event out."""
        self._n -= 1

    def result(self) -> int:
        """Return how many there are."""
        return self._n

    def state(self) -> Any:
        """Return plain data."""
        return self._n

    def restore(self, state: Any) -> None:
        """Take a state."""
        self._n = state


class Rate(Count):
    """`rate`: a count per second of the window."""

    __slots__ = ("_window_ms",)

    def __init__(self, window_ms: int) -> None:
        super().__init__()
        self._window_ms = window_ms

    def result(self) -> Any:
        """Return the events per second."""
        if self._n == 0 or self._window_ms <= 0:
            return None
        return ratio(self._n * SECOND_MS, self._window_ms)


class Ratio:
    """`ratio`: how many conditions are true, of all."""

    __slots__ = ("_n", "_true")

    def __init__(self) -> None:
        self._n = self._true = 0

    def add(self, value: Any) -> None:
        """Take an event in."""
        self._n += 1
        self._true += value is True

    def remove(self, value: Any) -> None:
        """Take an event out."""
        self._n -= 1
        self._true -= value is True

    def result(self) -> float | None:
        """Return the share."""
        return self._true / self._n if self._n else None

    def state(self) -> Any:
        """Return plain data."""
        return [self._n, self._true]

    def restore(self, state: Any) -> None:
        """Take a state."""
        self._n, self._true = state


class Sum:
    """`sum`; what is no number of 64 bits is passed over."""

    __slots__ = ("_floats", "_n", "_sum")

    def __init__(self) -> None:
        self._n = self._floats = 0
        self._sum = ExactSum()

    def add(self, value: Any) -> None:
        """Take a value in."""
        kind = value.__class__
        if kind is int:
            if in_64_bits(value) is None:
                return
            self._sum.add(value, 0)
        elif kind is float:
            self._floats += 1
            self._sum.add(*fraction(value))
        else:
            return
        self._n += 1

    def remove(self, value: Any) -> None:
        """Take a value out."""
        kind = value.__class__
        if kind is int:
            if in_64_bits(value) is None:
                return
            self._sum.add(-value, 0)
        elif kind is float:
            numerator, scale = fraction(value)
            self._floats -= 1
            self._sum.add(-numerator, scale)
        else:
            return
        self._n -= 1
        if self._floats == 0 and self._sum.scale:
            self._sum.numerator >>= self._sum.scale  # whole again, without remainder
            self._sum.scale = 0

    def result(self) -> int | float | None:
        """Return the sum: an int when all are ints."""
        if self._n == 0:
            return None
        if self._floats == 0:
            return in_64_bits(self._sum.numerator)
        return ratio(self._sum.numerator, 1 << self._sum.scale)

    def state(self) -> Any:
        """Return plain data."""
        return [self._n, self._floats, self._sum.state()]

    def restore(self, state: Any) -> None:
        """Take a state."""
        self._n, self._floats = state[0], state[1]
        self._sum.restore(state[2])


class Average(Sum):
    """`avg`: the exact sum over the number of values."""

    __slots__ = ()

    def result(self) -> float | None:
        """Return the mean."""
        if self._n == 0:
            return None
        return ratio(self._sum.numerator, self._n << self._sum.scale)


class Deviation:
    """`stddev` of the sample, from the exact sums of the values and of their squares."""

    __slots__ = ("_n", "_squares", "_sum")

    def __init__(self) -> None:
        self._n = 0
        self._sum, self._squares = ExactSum(), ExactSum()

    def add(self, value: Any) -> None:
        """Take a value in."""
        self._change(value, 1)

    def remove(self, value: Any) -> None:
        """Take a value out."""
        self._change(value, -1)
        if self._n == 0:
            self._sum, self._squares = ExactSum(), ExactSum()

    def result(self) -> float | None:
        """Return the standard deviation."""
        n = self._n
        if n < 2:
            return None
        # (n·Σx² - (Σx)²) / (n·(n - 1)) over the common denominator of both sums.
        total, squares = self._sum, self._squares
        scale = max(2 * total.scale, squares.scale)
        spread = n * (squares.numerator << (scale - squares.scale))
        spread -= total.numerator**2 << (scale - 2 * total.scale)
        return root(spread, n * (n - 1) << scale)

    def state(self) -> Any:
        """Return plain data."""
        return [self._n, self._sum.state(), self._squares.state()]

    def restore(self, state: Any) -> None:
        """Take a state."""
        self._n = state[0]
        self._sum.restore(state[1])
        self._squares.restore(state[2])

    def _change(self, value: Any, sign: int) -> None:
        kind = value.__class__
        if kind is not float and (kind is not int or in_64_bits(value) is None):
            return
        numerator, scale = fraction(value)
        self._n += sign
        self._sum.add(sign * numerator, scale)
        self._squares.add(sign * numerator * numerator, 2 * scale)


class Listing:
    """`list`: the values as they came. Those above `HELD_VALUES_MAX` are counted only."""

    __slots__ = ("_n", "_values")

    def __init__(self) -> None:
        self._n = 0
        self._values: deque[Any] = deque()

    def add(self, value: Any) -> None:
        """Take a value in."""
        self._n += 1
        if self._n <= HELD_VALUES_MAX:
            self._values.append(value)

    def remove(self, value: Any) -> None:
        """Take the oldest value out."""
        self._n -= 1
        if self._values:
            self._values.popleft()

    def result(self) -> Any:
        """Return the first values."""
        return list(islice(self._values, LIST_MAX)) or None

    def state(self) -> Any:
        """Return plain data."""
        return [self._n, list(self._values)]

    def restore(self, state: Any) -> None:
        """Take a state."""
        self._n, self._values = state[0], deque(state[1])


class First(Listing):
    """`first`: the oldest value that is in."""

    __slots__ = ()

    def result(self) -> Any:
        """Return the first value."""
        return self._values[0] if self._values else None


class Last:
    """`last`: the newest value, as long as it is in."""

    __slots__ = ("_n", "_value")

    def __init__(self) -> None:
        self._n, self._value = 0, None

    def add(self, value: Any) -> None:
        """Take a value in."""
        self._n += 1
        self._value = value

    def remove(self, value: Any) -> None:
        """Take the oldest value out."""
        self._n -= 1
        if self._n == 0:
            self._value = None

    def result(self) -> Any:
        """Return the last value."""
        return self._value

    def state(self) -> Any:
        """Return plain data."""
        return [self._n, self._value]

    def restore(self, state: Any) -> None:
        """Take a state."""
        self._n, self._value = state


class Whole:
    """An accumulator over milliseconds: its result is rounded down to a whole one."""

    __slots__ = ("_of",)

    def __init__(self, of: Accumulator) -> None:
        self._of = of

    def add(self, value: Any) -> None:
        """Take a value in."""
        self._of.add(value)

    def remove(self, value: Any) -> None:
        """Take a value out."""
        self._of.remove(value)

    def result(self) -> int | None:
        """Return whole milliseconds."""
        value = self._of.result()
        return None if value is None else int(value // 1)

    def state(self) -> Any:
        """Return plain data."""
        return self._of.state()

    def restore(self, state: Any) -> None:
        """Take a state."""
        self._of.restore(state)
