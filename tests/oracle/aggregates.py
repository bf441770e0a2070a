"""Aggregates of section 5, each from the whole list of its values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .values import MISSING, in_range, is_absent, rank


def aggregate(function: str, values: Sequence[Any], percent: float | int | None = None) -> Any:
    """Return an aggregate other than `count` and `ratio` of values in order of events."""
    # Section 11 "aggregates": they skip missing and null, first and last too.
    present = [v for v in values if not is_absent(v)]
    if function == "distinct":
        # Section 11 "keys": 1 and 1.0 are one value, 1 and "1" two.
        return len({rank(v) for v in present})
    if not present:
        return MISSING
    match function:
        case "first":
            return present[0]
        case "last":
            return present[-1]
        case "list":
            return present[:100]
        case "sum":
            return _sum(present)
        case "avg":
            return in_range(float(_mean(present)))
        case "min":
            return min(present)
        case "max":
            return max(present)
        case "stddev":
            return sample_deviation(present)
        case "median":
            return percentile(present, 50)
        case "percentile":
            assert percent is not None
            return percentile(present, percent)
    return percentile(present, int(function.removeprefix("p")))


def _sum(values: Sequence[Any]) -> Any:
    if all(isinstance(v, int) for v in values):
        return in_range(sum(values))
    return in_range(math.fsum(values))


def _mean(values: Sequence[Any]) -> Fraction:
    return sum((Fraction(v) for v in values), Fraction(0)) / len(values)


def sample_deviation(values: Sequence[Any]) -> Any:
    """Section 11: `stddev` is the sample's, so of one value it is unknown."""
    if len(values) < 2:
        return MISSING
    mean = _mean(values)
    variance = sum(((Fraction(v) - mean) ** 2 for v in values), Fraction(0)) / (len(values) - 1)
    return math.sqrt(variance)


def percentile(values: Sequence[Any], percent: float | int) -> Any:
    """Section 5: linear interpolation between closest ranks (type 7)."""
    ordered = sorted(Fraction(v) for v in values)
    place = Fraction(percent) / 100 * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


def against_past(function: str, current: Any, past: Sequence[Any]) -> Any:
    """`baseline` and `zscore` over the values of the windows before (section 5)."""
    known = [v for v in past if not is_absent(v)]
    if not known:
        return MISSING
    mean = _mean(known)
    if function == "baseline":
        return float(mean)
    deviation = sample_deviation(known)
    if is_absent(current) or is_absent(deviation) or deviation == 0:
        return MISSING
    return float(Fraction(current) - mean) / deviation
