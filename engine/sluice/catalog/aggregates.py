"""Aggregates over the events of a window or an alias: exact, whatever the order they come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sluice.catalog.catalog import Accumulator, Aggregate
from sluice.catalog.populations import (
    DISTINCT_EXACT_MAX,
    EXTREME_VALUES_MAX,
    PERCENTILE_VALUES_MAX,
    TOPK_VALUES_MAX,
    Distinct,
    Extreme,
    Percentile,
    TopK,
)  # fmt: skip
from sluice.catalog.running import (
    HELD_VALUES_MAX,
    Average,
    Count,
    Deviation,
    First,
    Last,
    Listing,
    Rate,
    Ratio,
    Sum,
    Whole,
)  # fmt: skip
from sluice.catalog.signatures import takes
from sluice.model import ANY, DURATION, FLOAT, INT, RATIO, TIME, Type

_FIXED_PERCENTILES = {"median": 50, "p50": 50, "p95": 95, "p99": 99}


def aggregates() -> tuple[Aggregate, ...]:
    """Return the entries."""
    return (*_counts(), *_sums(), *_percentiles(), *_values())


def values_held_max(name: str) -> int | None:
    """Return how many values an aggregate of a window that only grows can hold.

    0 where it only sums up; None for an aggregate that a plugin brings.
    """
    held = {
        "distinct": DISTINCT_EXACT_MAX, "topk": TOPK_VALUES_MAX, "min": EXTREME_VALUES_MAX,
        "max": EXTREME_VALUES_MAX, "first": HELD_VALUES_MAX, "list": HELD_VALUES_MAX,
        "last": 1,
    }  # fmt: skip
    if name in held:
        return held[name]
    if name in ("percentile", *_FIXED_PERCENTILES):
        return PERCENTILE_VALUES_MAX
    return 0 if any(name == entry.name for entry in aggregates()) else None


def accumulator(
    entry: Aggregate, argument: Type, constants: tuple[Any, ...] = (), window_ms: int = 0
) -> Accumulator:
    """Return an empty accumulator for values of a type.

    Over times and durations its results are whole milliseconds, rounded down.
    """
    made = entry.make(window_ms, *constants) if entry.needs_window else entry.make(*constants)
    whole = entry.result_type(argument).kind in ("time", "duration")
    return Whole(made) if whole else made


def _counts() -> tuple[Aggregate, ...]:
    return (
        Aggregate(
            "count", "none", INT, Count,
            "Return how many events there are.",
            ("count() of [true, true, true]", "3"), empty=0,
        ),
        Aggregate(
            "rate", "none", FLOAT, Rate,
            "Return the events per second over the length of the window.",
            ("rate() within 10s of [true, true, true, true, true]", "0.5"), needs_window=True,
        ),
        Aggregate(
            "ratio", "condition", RATIO, Ratio,
            "Return the share of all events for which the condition is true; where it is unknown "
            "it is not true.",
            ("ratio(x) of [true, false, null, true]", "0.5"),
        ),
        Aggregate(
            "distinct", "value", INT, Distinct,
            "Return how many different values there are: exact up to 10,000, then an estimate, "
            "and `@approximate` says so. `1` and `1.0` are one value, `1` and `true` two.",
            ('distinct(x) of [1, 1.0, "1", true]', "3"), empty=0,
        ),
    )  # fmt: skip


def _sums() -> tuple[Aggregate, ...]:
    return (
        Aggregate(
            "sum", "value", _sum_type, Sum,
            "Return the sum of the numbers, rounded once; ints give an int, unknown beyond 64 "
            "bits.",
            ("sum(x) of [0.1, 0.2, 0.3]", "0.6"),
        ),
        Aggregate(
            "avg", "value", _mean_type, Average,
            "Return the mean of the numbers, rounded once.",
            ("avg(x) of [1, 2, 4.5]", "2.5"),
        ),
        Aggregate(
            "stddev", "value", _spread_type, Deviation,
            "Return the standard deviation of the sample (n - 1), rounded once; of one number "
            "unknown.",
            ("stddev(x) of [1, 2, 3]", "1.0"),
        ),
        Aggregate(
            "min", "value", _same_type, lambda: Extreme(is_max=False),
            "Return the least number or, without numbers, the least string.",
            ("min(x) of [3, 1.5, 2]", "1.5"),
        ),
        Aggregate(
            "max", "value", _same_type, lambda: Extreme(is_max=True),
            "Return the greatest number or, without numbers, the greatest string.",
            ('max(x) of ["a", "b"]', '"b"'),
        ),
    )  # fmt: skip


def _percentiles() -> tuple[Aggregate, ...]:
    docs = {
        "median": "Return the value in the middle, or half way between the two there.",
        "p50": "Return the 50th percentile, the median.",
        "p95": "Return the 95th percentile.",
        "p99": "Return the 99th percentile.",
    }
    examples = {"median": "2.5", "p50": "2.5", "p95": "3.85", "p99": "3.97"}
    return (
        Aggregate(
            "percentile", "value", _mean_type, Percentile,
            "Return the value below which so many per cent of the numbers lie: linear between "
            "the closest ranks (type 7). Unknown above a million values.",
            ("percentile(x, 25) of [1, 2, 3, 4]", "1.75"), params=takes(("percent", FLOAT)),
        ),
        *(
            Aggregate(
                name, "value", _mean_type, _percentile_of(percent), docs[name],
                (f"{name}(x) of [1, 2, 3, 4]", examples[name]),
            )
            for name, percent in _FIXED_PERCENTILES.items()
        ),
    )  # fmt: skip


def _values() -> tuple[Aggregate, ...]:
    return (
        Aggregate(
            "first", "value", _same_type, First,
            "Return the value of the first event that has one.",
            ("first(x) of [3, 1, 2]", "3"),
        ),
        Aggregate(
            "last", "value", _same_type, Last,
            "Return the value of the last event that has one.",
            ("last(x) of [3, 1, 2]", "2"),
        ),
        Aggregate(
            "list", "value", _list_type, Listing,
            "Return the first 100 values, in the order of the events.",
            ("list(x) of [3, 1, 3]", "[3, 1, 3]"),
        ),
        Aggregate(
            "topk", "value", _list_type, TopK,
            "Return the k most frequent values, the most frequent first, ties by value. Unknown "
            "above 10,000 different values.",
            ('topk(x, 2) of ["b", "a", "b", "a", "c"]', '["a", "b"]'), params=takes(("k", INT)),
        ),
    )  # fmt: skip


def _percentile_of(percent: int) -> Callable[[], Percentile]:
    return lambda: Percentile(percent)


def _same_type(argument: Type) -> Type:
    return argument


def _sum_type(argument: Type) -> Type:
    return argument if argument.is_number or argument.kind == "duration" else ANY


def _mean_type(argument: Type) -> Type:
    return argument if argument.kind in ("time", "duration", "percent", "ratio") else FLOAT


def _spread_type(argument: Type) -> Type:
    return DURATION if argument in (TIME, DURATION) else FLOAT


def _list_type(argument: Type) -> Type:
    return Type("list", item=argument)
