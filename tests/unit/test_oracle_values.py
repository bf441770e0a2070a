"""The values of the oracle, against the tables of the language page, typed in by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.oracle import spec, values
from tests.oracle.aggregates import aggregate
from tests.oracle.evaluate import Scope, judge, value_of
from tests.oracle.spec import Event, Field, Lit


def test_membership_is_an_or() -> None:
    """Of [] false; a missing item is unknown; no equality across types."""
    one = Scope(event=Event("e", "A", 0, {"x": 1, "z": None}))
    assert judge(spec.In(Field("x"), ()), one) is False
    assert judge(spec.In(Field("x"), (Lit("1"), Lit(True))), one) is False
    assert judge(spec.In(Field("x"), (Lit(1.0),)), one) is True
    assert judge(spec.In(Field("z"), (Lit(1),), True), one) is None


@pytest.mark.parametrize(
    ("function", "of", "expected"),
    [
        ("sum", [1, None, values.MISSING, 2], 3),
        ("first", [None, 4, 5], 4),
        ("last", [4, 5, values.MISSING], 5),
        ("distinct", [1, 1.0, "1", True, None], 3),
        ("distinct", [], 0),
        ("sum", [], values.MISSING),
        ("avg", [None], values.MISSING),
        ("stddev", [3], values.MISSING),
        ("stddev", [1, 3], math.sqrt(2)),
        ("list", [2, None, 1], [2, 1]),
        ("sum", [2**62, 2**62], values.MISSING),
    ],
)
def test_aggregates_skip_what_is_absent(function: str, of: list[Any], expected: Any) -> None:
    """Of nothing `count` and `distinct` are 0, the others unknown."""
    assert aggregate(function, of) == expected


def test_numbers() -> None:
    """64 bits signed, exact comparison of int with float, `/` gives float."""
    assert values.compare("==", 2**53 + 1, float(2**53)) is False
    assert values.arithmetic("+", 2**63 - 1, 1) is values.MISSING
    assert values.arithmetic("/", 4, 2) == 2.0
    assert values.arithmetic("/", 4, 0) is values.MISSING
    assert values.arithmetic("*", 1e308, 10) is values.MISSING


def test_comparison_across_types() -> None:
    """`5 == "5"` is false, `5 < "x"` unknown, `true == 1` false, `!=` asks for presence."""
    assert values.compare("==", 5, "5") is False
    assert values.compare("<", 5, "x") is None
    assert values.compare("==", True, 1) is False
    assert values.compare("!=", values.MISSING, 1) is None
    assert values.negate(values.compare("==", None, 1)) is None


def test_mod_and_length() -> None:
    """`mod` has the sign of the dividend; `length` of a number is unknown."""
    assert [values.modulo(-5, 3), values.modulo(5, -3), values.modulo(-5.5, 2)] == [-2, 2, -1.5]
    assert value_of(spec.Call("length", (Lit(12),)), Scope()) is values.MISSING


def test_durations() -> None:
    """time − time, time ± duration, duration × number, duration / duration; an int is none."""
    t, d = values.Time, values.Duration
    assert values.arithmetic("-", t(5), t(3)) == d(2)
    assert values.arithmetic("+", t(5), d(3)) == t(8)
    assert values.arithmetic("*", d(5), 3) == d(15)
    assert values.arithmetic("/", d(5), d(2)) == 2.5
    assert values.arithmetic("+", t(5), 3) is values.MISSING
