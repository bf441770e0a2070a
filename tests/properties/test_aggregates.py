"""Aggregates that run along give what a fresh computation over the same values gives."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.catalog import BUILTINS, Accumulator, accumulator
from sluice.model import ANY, INT_MAX, INT_MIN, key_order, key_part, part_value

AGGREGATES = BUILTINS.aggregates
WINDOW_MS = 7_000
CONSTANTS: dict[str, tuple[Any, ...]] = {"percentile": (90,), "topk": (3,)}

numbers = st.one_of(
    st.integers(-3, 3),
    st.integers(INT_MIN, INT_MAX),
    st.sampled_from([1.0, 2.0, -0.0, 0.1, 1e300, -1e300, 5e-324, 2.0**53 + 2, 1.7e308]),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.one_of(
    numbers,
    numbers,
    st.text(alphabet="abü", max_size=2),
    st.booleans(),
    st.lists(st.integers(0, 1), max_size=2),
    st.just(2**63),
)
# True adds the next value, False removes the oldest one.
steps = st.lists(st.tuples(st.booleans() | st.just(True), values), max_size=40)


# ---------------------------------------------------------------- the naive way


def _numbers(held: list[Any]) -> list[Any]:
    return [
        v for v in held
        if v.__class__ is float or (v.__class__ is int and INT_MIN <= v <= INT_MAX)
    ]  # fmt: skip


def _parts(held: list[Any]) -> list[Any]:
    return [key_part(v) for v in held if v != 2**63 or v.__class__ is not int]


def _sum(held: list[Any]) -> Any:
    found = _numbers(held)
    if not found:
        return None
    if all(v.__class__ is int for v in found):
        total = sum(found)
        return total if INT_MIN <= total <= INT_MAX else None
    return _float(sum(map(Fraction, found)))


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def _avg(held: list[Any]) -> Any:
    found = _numbers(held)
    return _float(sum(map(Fraction, found)) / len(found)) if found else None


def _stddev(held: list[Any]) -> Any:
    found = [Fraction(v) for v in _numbers(held)]
    if len(found) < 2:
        return None
    try:
        return statistics.stdev(found)
    except OverflowError:
        return None


def _percentile(percent: int) -> Callable[[list[Any]], Any]:
    def naive(held: list[Any]) -> Any:
        found = sorted(map(Fraction, _numbers(held)))
        if not found:
            return None
        rank, rest = divmod((len(found) - 1) * percent, 100)
        above = found[min(rank + 1, len(found) - 1)]
        return found[rank] + (above - found[rank]) * Fraction(rest, 100)

    return naive


def _extreme(choose: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    def naive(held: list[Any]) -> Any:
        chosen = _numbers(held) or [v for v in held if v.__class__ is str]
        return choose(chosen) if chosen else None

    return naive


def _topk(held: list[Any]) -> Any:
    counts = Counter(_parts(held))
    ranked = sorted(counts, key=lambda part: (-counts[part], key_order(part, 1)))
    return [part_value(part) for part in ranked[:3]] or None


NAIVE: dict[str, Callable[[list[Any]], Any]] = {
    "count": len,
    "rate": lambda held: len(held) / 7 if held else None,
    "ratio": lambda held: sum(v is True for v in held) / len(held) if held else None,
    "sum": _sum,
    "avg": _avg,
    "stddev": _stddev,
    "min": _extreme(min),
    "max": _extreme(max),
    "median": _percentile(50),
    "percentile": _percentile(90),
    "p50": _percentile(50),
    "p95": _percentile(95),
    "p99": _percentile(99),
    "distinct": lambda held: len(set(_parts(held))),
    "first": lambda held: held[0] if held else None,
    "last": lambda held: held[-1] if held else None,
    "list": lambda held: held or None,
    "topk": _topk,
}


# ---------------------------------------------------------------- the claims


def _fresh(name: str) -> Accumulator:
    return accumulator(AGGREGATES[name], ANY, CONSTANTS.get(name, ()), WINDOW_MS)


def _same(expected: Any, found: Any) -> bool:
    """Equal; of an exact percentile the float next to it."""
    if isinstance(expected, Fraction) and found.__class__ is float:
        return float(expected) == found
    return bool(expected == found)


@pytest.mark.parametrize("name", sorted(AGGREGATES))
@given(steps=steps)
def test_running_along_is_starting_anew(name: str, steps: list[tuple[bool, Any]]) -> None:
    """After any adds and removals the result is that of the values which are in."""
    made, held = _fresh(name), []
    for is_add, value in steps:
        if is_add:
            made.add(value)
            held.append(value)
        elif held:
            made.remove(held.pop(0))
        expected, found = NAIVE[name](held), made.result()
        assert _same(expected, found), (held, expected, found)
        if name == "sum":
            assert expected.__class__ is found.__class__


@pytest.mark.parametrize("name", sorted(AGGREGATES))
@given(steps=steps, cut=st.integers(0, 40))
def test_a_saved_state_goes_on(name: str, steps: list[tuple[bool, Any]], cut: int) -> None:
    """Saved and restored at any point, an aggregate ends with the same result and state."""
    straight, held = _fresh(name), []
    _run(straight, held, steps[:cut])
    state = straight.state()
    broken = _fresh(name)
    broken.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(state)))
    _run(broken, list(held), steps[cut:])
    _run(straight, held, steps[cut:])
    assert straight.result() == broken.result()
    assert straight.state() == broken.state()


def _run(made: Accumulator, held: list[Any], steps: list[tuple[bool, Any]]) -> None:
    for is_add, value in steps:
        if is_add:
            made.add(value)
            held.append(value)
        elif held:
            made.remove(held.pop(0))


@given(st.lists(numbers.filter(lambda v: v.__class__ is float), min_size=1, max_size=30))
def test_the_sum_of_floats_is_that_of_fsum(floats: list[float]) -> None:
    """The sum is rounded once, as `math.fsum` does, and does not depend on the order."""
    made, other = _fresh("sum"), _fresh("sum")
    for value in floats:
        made.add(value)
    for value in reversed(floats):
        other.add(value)
    assert made.result() == other.result()
    assert made.state() == other.state()
    try:
        expected: float | None = math.fsum(floats)
    except OverflowError:  # also when only a partial sum is out of range
        expected = _float(sum(map(Fraction, floats)))
    assert expected == made.result()
