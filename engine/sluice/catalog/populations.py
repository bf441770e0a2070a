"""Aggregates that must remember their values: extremes, percentiles, distinct values, rankings."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from fractions import Fraction
from heapq import nsmallest
from typing import Any

from sluice.catalog import sketches
from sluice.catalog.exact import ratio
from sluice.catalog.signatures import in_64_bits
from sluice.model import canonical, key_order, key_part, part_value

#: `distinct` is exact up to so many values, then an estimate (section 5 of the language).
DISTINCT_EXACT_MAX = 10_000
#: `topk` over more different values is unknown.
TOPK_VALUES_MAX = 10_000
#: Percentiles over more values are unknown.
PERCENTILE_VALUES_MAX = 1_000_000
#: What `min` and `max` hold at most, as many values as a window holds events (section 4.6).
EXTREME_VALUES_MAX = 10_000


def number_form(value: Any) -> int | float | None:
    """Return the one form of a number (a whole float is the int), None for what is none."""
    kind = value.__class__
    if kind is int:
        return in_64_bits(value)
    if kind is not float:
        return None
    return int(value) if value.is_integer() and abs(value) < 2.0**63 else float(value)


class Extreme:
    """`min` and `max`: a queue of the values that can still become the extreme.

    Each value enters and leaves it once (Lemire, Streaming Maximum-Minimum Filter, 2006). Numbers
    go before strings; what is neither is passed over.
    """

    __slots__ = ("_added", "_is_max", "_numbers", "_removed", "_texts")

    def __init__(self, is_max: bool) -> None:
        self._is_max = is_max
        self._numbers: deque[tuple[int, Any]] = deque()
        self._texts: deque[tuple[int, Any]] = deque()
        self._added = self._removed = 0

    def add(self, value: Any) -> None:
        """Take a value in."""
        index = self._added
        self._added = index + 1
        if value.__class__ is str:
            queue = self._texts
        else:
            value, queue = number_form(value), self._numbers
            if value is None:
                return
        if self._is_max:
            while queue and queue[-1][1] <= value:
                queue.pop()
        else:
            while queue and queue[-1][1] >= value:
                queue.pop()
        # A value left out here matters only when EXTREME_VALUES_MAX older ones are removed first.
        if len(queue) < EXTREME_VALUES_MAX:
            queue.append((index, value))

    def remove(self, value: Any) -> None:
        """Take the oldest value out."""
        self._removed += 1
        for queue in (self._numbers, self._texts):
            if queue and queue[0][0] < self._removed:
                queue.popleft()

    def result(self) -> Any:
        """Return the extreme."""
        queue = self._numbers or self._texts
        return queue[0][1] if queue else None

    def state(self) -> Any:
        """Return plain data."""
        gone = self._removed
        queues = [[[i - gone, v] for i, v in queue] for queue in (self._numbers, self._texts)]
        return [self._added - gone, *queues]

    def restore(self, state: Any) -> None:
        """Take a state."""
        self._added, numbers, texts = state
        self._removed = 0
        self._numbers = deque((i, v) for i, v in numbers)
        self._texts = deque((i, v) for i, v in texts)


class Percentile:
    """`percentile` of type 7 (Hyndman and Fan 1996): linear between the closest ranks, exactly."""

    __slots__ = ("_lost", "_share", "_values")

    def __init__(self, percent: int | float) -> None:
        # 99.9 means the decimal number, not the float next to it.
        self._share = Fraction(str(percent)) / 100
        self._values: list[int | float] = []
        self._lost = 0

    def add(self, value: Any) -> None:
        """Take a value in."""
        number = number_form(value)
        if number is None:
            return
        if self._lost or len(self._values) >= PERCENTILE_VALUES_MAX:
            self._lost += len(self._values) + 1
            self._values = []
        else:
            insort(self._values, number)

    def remove(self, value: Any) -> None:
        """Take a value out."""
        number = number_form(value)
        if number is None:
            return
        if self._lost:
            self._lost -= 1
        else:
            del self._values[bisect_left(self._values, number)]

    def result(self) -> int | float | None:
        """Return the percentile."""
        values = self._values
        if not values or not 0 <= self._share <= 1:
            return None
        place = (len(values) - 1) * self._share
        rank = int(place)
        part = place - rank
        low = values[rank]
        if part == 0 or values[rank + 1] == low:
            return low
        value = Fraction(low) + (Fraction(values[rank + 1]) - Fraction(low)) * part
        return ratio(value.numerator, value.denominator)

    def state(self) -> Any:
        """Return plain data."""
        return [self._lost, list(self._values)]

    def restore(self, state: Any) -> None:
        """Take a state."""
        self._lost, self._values = state[0], list(state[1])


class _Tally:
    """How often each value is in, by its normal form (`model.key_part`)."""

    __slots__ = ("counts", "events")

    def __init__(self) -> None:
        self.counts: dict[Any, int] = {}
        self.events = 0

    def add(self, part: Any) -> None:
        self.events += 1
        self.counts[part] = self.counts.get(part, 0) + 1

    def remove(self, part: Any) -> None:
        self.events -= 1
        left = self.counts.get(part, 0) - 1
        if left > 0:
            self.counts[part] = left
        else:
            self.counts.pop(part, None)

    def state(self) -> list[Any]:
        return [self.events, [[_plain(part), n] for part, n in self.counts.items()]]

    def restore(self, state: Any) -> None:
        self.events = state[0]
        self.counts = {key_part(value): n for value, n in state[1]}


class Distinct:
    """`distinct`: exact up to a maximum, then an estimate (or the maximum), until it is empty."""

    __slots__ = ("_is_over", "_sketch", "_tally")

    def __init__(self) -> None:
        self._tally = _Tally()
        self._is_over = False
        self._sketch: Any = None

    @property
    def approximate(self) -> bool:
        """True when there were more values than are counted exactly."""
        return self._is_over

    def add(self, value: Any) -> None:
        """Take a value in."""
        part = _part(value)
        if part is None:
            return
        tally = self._tally
        if not self._is_over and (part in tally.counts or len(tally.counts) < DISTINCT_EXACT_MAX):
            tally.add(part)
            return
        if not self._is_over:
            self._is_over, self._sketch = True, new_sketch()
            for known in tally.counts:
                self._note(known)
            tally.counts = {}
        tally.events += 1
        self._note(part)

    def remove(self, value: Any) -> None:
        """Take a value out; an estimate does not shrink until nothing is left."""
        part = _part(value)
        if part is None:
            return
        self._tally.remove(part)
        if self._tally.events <= 0:
            self._is_over, self._sketch = False, None

    def result(self) -> int:
        """Return the number of different values."""
        if not self._is_over:
            return len(self._tally.counts)
        return DISTINCT_EXACT_MAX if self._sketch is None else round(self._sketch.get_estimate())

    def state(self) -> Any:
        """Return plain data."""
        sketch = None if self._sketch is None else self._sketch.serialize_compact()
        return [self._tally.state(), self._is_over, sketch]

    def restore(self, state: Any) -> None:
        """Take a state; without the sketch's package counting stops at the maximum."""
        self._tally.restore(state[0])
        self._is_over, self._sketch = state[1], None
        if state[2] is not None:
            self._sketch = read_sketch(state[2])

    def _note(self, part: Any) -> None:
        if self._sketch is not None:
            self._sketch.update(canonical(part_value(part)).decode())


class TopK:
    """`topk`: the most frequent values, ties by value in the order of keys."""

    __slots__ = ("_is_over", "_k", "_tally")

    def __init__(self, k: int) -> None:
        self._k = k
        self._tally = _Tally()
        self._is_over = False

    def add(self, value: Any) -> None:
        """Take a value in."""
        part = _part(value)
        if part is None:
            return
        tally = self._tally
        if self._is_over or (part not in tally.counts and len(tally.counts) >= TOPK_VALUES_MAX):
            self._is_over, tally.counts = True, {}
            tally.events += 1
        else:
            tally.add(part)

    def remove(self, value: Any) -> None:
        """Take a value out."""
        part = _part(value)
        if part is None:
            return
        self._tally.remove(part)
        if self._tally.events <= 0:
            self._is_over = False

    def result(self) -> list[Any] | None:
        """Return the values, the most frequent first."""
        if self._is_over or not self._tally.counts:
            return None
        ranked = nsmallest(
            self._k, self._tally.counts.items(), key=lambda item: (-item[1], key_order(item[0], 1))
        )
        return [_plain(part) for part, _ in ranked]

    def state(self) -> Any:
        """Return plain data."""
        return [self._tally.state(), self._is_over]

    def restore(self, state: Any) -> None:
        """Take a state."""
        self._tally.restore(state[0])
        self._is_over = state[1]


def _part(value: Any) -> Any:
    """Return the normal form of a value; an integer beyond 64 bits is no value."""
    if value.__class__ is int and in_64_bits(value) is None:
        return None
    return key_part(value)


def _plain(part: Any) -> Any:
    """Return the JSON value of a normal form; a whole float beyond 64 bits is a float again."""
    value = part_value(part)
    if value.__class__ is int and in_64_bits(value) is None:
        return float(value)
    return value


def new_sketch() -> Any:
    """Return an empty sketch, None without the package."""
    kind = sketches.hll_sketch
    return None if kind is None else kind(sketches.SKETCH_PRECISION)


def read_sketch(data: bytes) -> Any:
    """Return the sketch of its bytes, None without the package."""
    kind = sketches.hll_sketch
    return None if kind is None else kind.deserialize(data)
