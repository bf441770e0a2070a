"""Functions that choose between values."""

from __future__ import annotations

from typing import Any

from sluice.catalog.catalog import Function, Parameter
from sluice.catalog.signatures import common_type, takes
from sluice.model import ANY, BOOL, Type, is_known


def functions() -> tuple[Function, ...]:
    """Return the entries."""
    return (
        Function(
            "coalesce", (Parameter("values", variadic=True),), common_type, coalesce,
            "Return the first value that is neither missing nor null nor unknown.",
            ('coalesce(int("four"), 4)', "4"), lenient=True,
        ),
        Function(
            "if", takes(("condition", BOOL), ("then", ANY), ("else", ANY)), _branch_type, choose,
            "Return the second argument when the condition is true, else (false or unknown, as "
            "CASE in SQL) the third.",
            ('if(true, "in", "out")', '"in"'), lenient=True, conditions=(0,),
        ),
    )  # fmt: skip


def coalesce(*values: Any) -> Any:
    """Return the first known value."""
    for value in values:
        if is_known(value):
            return value
    return None


def choose(condition: bool | None, then: Any, other: Any) -> Any:
    """Return `then` when the condition is true, else `other`."""
    value = then if condition is True else other
    return value if is_known(value) else None


def _branch_type(types: tuple[Type, ...]) -> Type:
    return common_type(types[1:])
