"""What the windows before this one came to: `baseline` and `zscore`."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from sluice.stream.code import History, RuleCode
from sluice.timing import Instant


class Past:
    """Values of earlier windows of one key by start, and the start of its first window."""

    __slots__ = ("first", "values")

    def __init__(self, first: Instant) -> None:
        self.first = first
        self.values: dict[Instant, list[Any]] = {}

    def state(self) -> list[Any]:
        """Return plain data."""
        return [self.first, [[start, values] for start, values in self.values.items()]]

    @classmethod
    def restored(cls, state: list[Any]) -> Past:
        """Return the past that `state` was taken of."""
        past = cls(state[0])
        past.values = dict(state[1])
        return past

    def add(self, start: Instant, values: list[Any]) -> None:
        """Remember what a window came to."""
        self.values[start] = values


def past_values(code: RuleCode, past: Past, start: Instant, size: int) -> tuple[Any, ...]:
    """Return each history of a rule for the window at `start`; forget what is too old for all."""
    oldest = start - max(h.count for h in code.histories) * size
    for known in [s for s in past.values if s < oldest]:
        del past.values[known]
    return tuple(
        _look_back(history, number, past, start, size)
        for number, history in enumerate(code.histories)
    )


def _look_back(history: History, number: int, past: Past, start: Instant, size: int) -> Any:
    """Return the values of the n windows before as (kind, values); None while the key is young."""
    if past.first > start - history.count * size:
        return None
    values = []
    for n in range(history.count, 0, -1):
        known = past.values.get(start - n * size)
        value = known[number] if known is not None else 0 if history.empty_is_zero else None
        if value is not None and not isinstance(value, bool) and isinstance(value, int | float):
            values.append(value)
    return values


def baseline(values: list[Any] | None) -> float | None:
    """Return the mean of the windows before, None when there is nothing to average."""
    if not values:
        return None
    return float(sum(map(Fraction, values)) / len(values))


def zscore(value: Any, values: list[Any] | None) -> float | None:
    """Return how many sample standard deviations `value` lies above the windows before."""
    if not values or len(values) < 2 or value is None:
        return None
    mean = sum(map(Fraction, values)) / len(values)
    variance = sum((Fraction(v) - mean) ** 2 for v in values) / (len(values) - 1)
    if variance == 0:
        return None
    return float(Fraction(value) - mean) / math.sqrt(variance)
