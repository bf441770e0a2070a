"""Every aggregate of the catalog: its example, its limits, its types."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest

from sluice.catalog import BUILTINS, Accumulator, accumulator, populations, running
from sluice.model import ANY, DURATION, FLOAT, INT, INT_MAX, RATIO, STRING, TIME, Type
from sluice.timing import parse_duration

AGGREGATES = BUILTINS.aggregates
SECTION_5 = set(
    "count sum avg min max distinct stddev median percentile p50 p95 p99 first last rate list "
    "topk ratio".split()
)
_EXAMPLE = re.compile(r"(\w+)\((?:x(?:, (\d+))?)?\)(?: within (\w+))? of (\[.*\])")


def _made(name: str, values: list[Any], *constants: Any, window_ms: int = 0) -> Accumulator:
    made = accumulator(AGGREGATES[name], ANY, constants, window_ms)
    for value in values:
        made.add(value)
    return made


def _of(name: str, values: list[Any], *constants: Any) -> Any:
    return _made(name, values, *constants).result()


@pytest.mark.parametrize("name", sorted(AGGREGATES))
def test_the_example_is_true(name: str) -> None:
    """The example on the page of an aggregate gives what the page says."""
    expression, expected = AGGREGATES[name].example
    found = _EXAMPLE.fullmatch(expression)
    assert found is not None
    of, constant, window, values = found.groups()
    assert name == of
    constants = (json.loads(constant),) if constant else ()
    assert len(constants) == len(AGGREGATES[name].params)
    window_ms = parse_duration(window or "") or 0
    made = _made(name, json.loads(values), *constants, window_ms=window_ms)
    assert json.loads(expected) == made.result()


def test_all_of_section_5_is_there() -> None:
    """The catalog has the aggregates of the language, and no others."""
    assert set(AGGREGATES) == SECTION_5


@pytest.mark.parametrize("name", sorted(AGGREGATES))
def test_over_nothing(name: str) -> None:
    """Of nothing count and distinct are 0, all others unknown."""
    constants = (1,) if AGGREGATES[name].params else ()
    expected = 0 if name in ("count", "distinct") else None
    assert expected == _of(name, [], *constants)
    assert expected == AGGREGATES[name].empty


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("sum", [1, 2], 3),
        ("sum", [1, 2.0], 3.0),
        ("sum", [INT_MAX, 1], None),
        ("sum", [INT_MAX, 1, -1], INT_MAX),
        ("sum", [1e308, 1e308], None),
        ("sum", [1e308, 1e308, -1e308], 1e308),
        ("sum", [1e100, 1, -1e100], 1.0),
        ("sum", [0.1] * 10, 1.0),
        ("sum", [5e-324, 5e-324], 1e-323),
        ("sum", [True, "1", [1], INT_MAX + 1, 2], 2),
        ("sum", [True], None),
        ("avg", [INT_MAX, INT_MAX], float(INT_MAX)),
        ("avg", [1e308, 1e308], 1e308),
        ("stddev", [1], None),
        ("stddev", [5, 5, 5], 0.0),
        ("stddev", [1e9 + 1, 1e9 + 2, 1e9 + 3], 1.0),
        ("stddev", [2, 4, 4, 4, 5, 5, 7, 9, "x"], math.sqrt(32 / 7)),
        ("min", ["b", 5, "a", 3, True], 3),
        ("max", ["b", "a", True], "b"),
        ("max", [True, [1]], None),
        ("min", [1.0], 1),
        ("median", [1, 3], 2.0),
        ("median", [INT_MAX, INT_MAX - 1], float(INT_MAX)),
        ("p95", ["x", 7], 7),
        ("distinct", [1, True, "1", 1.0, [1], [1.0], {"a": 1}, {"a": 1}], 6),
        ("first", ["x", 1], "x"),
        ("last", ["x", 1], 1),
        ("list", list(range(200)), list(range(100))),
        ("ratio", [None, None], 0.0),
    ],
)
def test_the_case_is_decided(name: str, values: list[Any], expected: Any) -> None:
    """What an aggregate does at its edges."""
    found = _of(name, values)
    assert expected == found
    assert expected.__class__ is found.__class__


def test_a_percentile_means_the_decimal_number() -> None:
    """99.9 of 1,001 values is one of them, not a hair beside it."""
    assert 999 == _of("percentile", list(range(1001)), 99.9)
    assert _of("percentile", [1], 101) is None


def test_ties_of_topk_are_decided_by_value() -> None:
    """Equal counts: booleans, then numbers, then strings, each by value."""
    values = ["b", "a", 2, 1.0, True, 1e300]
    assert [True, 1, 2, 1e300, "a", "b"] == _of("topk", values, 10)


def test_times_and_durations_are_whole() -> None:
    """Over milliseconds a mean is whole milliseconds, rounded down."""
    for type in (TIME, DURATION):
        made = accumulator(AGGREGATES["avg"], type)
        for value in (-1, -2):
            made.add(value)
        assert -2 == made.result()
        other = accumulator(AGGREGATES["avg"], type)
        other.restore(made.state())
        made.remove(-1)
        assert (-2, -2) == (made.result(), other.result())
    assert accumulator(AGGREGATES["avg"], DURATION).result() is None


def test_results_have_types() -> None:
    """What goes in decides what comes out, where that is so."""
    assert INT == AGGREGATES["sum"].result_type(INT)
    assert FLOAT == AGGREGATES["avg"].result_type(INT)
    assert DURATION == AGGREGATES["p95"].result_type(DURATION)
    assert DURATION == AGGREGATES["stddev"].result_type(TIME)
    assert STRING == AGGREGATES["max"].result_type(STRING)
    assert Type("list", item=IP_LIST) == AGGREGATES["topk"].result_type(IP_LIST)
    assert RATIO == AGGREGATES["ratio"].result_type(ANY)


IP_LIST = Type("ip")


def test_distinct_is_exact_up_to_its_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it counting stops without the package for sketches, and the result says so."""
    monkeypatch.setattr(populations, "DISTINCT_EXACT_MAX", 3)
    monkeypatch.setattr(populations, "new_sketch", lambda: None)
    made = populations.Distinct()
    for value in (1, 2, 3, 1.0):
        made.add(value)
    assert (3, False) == (made.result(), made.approximate)
    made.add(4)
    assert (3, True) == (made.result(), made.approximate)
    other = populations.Distinct()
    other.restore(made.state())
    for value in (1, 2, 3, 1, 4):
        assert other.approximate
        other.remove(value)
    assert (0, False) == (other.result(), other.approximate)


def test_distinct_goes_on_as_a_sketch() -> None:
    """With the package for sketches the number beyond the maximum is an estimate."""
    pytest.importorskip("datasketches")
    made = populations.Distinct()
    for value in range(30_000):
        made.add(value)
        made.add(float(value))
    assert made.approximate
    assert abs(made.result() - 30_000) < 1_500
    other = populations.Distinct()
    other.restore(made.state())
    assert made.result() == other.result()


@pytest.mark.parametrize(("maximum", "made", "result"), [
    ("TOPK_VALUES_MAX", populations.TopK(1), [5]),
    ("PERCENTILE_VALUES_MAX", populations.Percentile(50), 5),
])  # fmt: skip
def test_too_many_values_are_unknown(
    maximum: str, made: populations.TopK | populations.Percentile, result: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """An aggregate gives up beyond its maximum, until the window is empty again."""
    monkeypatch.setattr(populations, maximum, 2)
    for value in (1, 2, 3):
        made.add(value)
    assert made.result() is None
    for value in (1, 2, 3):
        made.remove(value)
    made.add(5)
    assert result == made.result()


def test_held_values_have_a_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes beyond it is not shown, and what is held stays in order."""
    monkeypatch.setattr(running, "HELD_VALUES_MAX", 2)
    made = running.Listing()
    for value in (1, 2, 3):
        made.add(value)
    assert [1, 2] == made.result()
    made.remove(1)
    assert [2] == made.result()
    monkeypatch.setattr(populations, "EXTREME_VALUES_MAX", 2)
    least = populations.Extreme(is_max=False)
    for value in (1, 2, 3):
        least.add(value)
    least.remove(1)
    assert 2 == least.result()
