"""What words mean: functions, aggregates and actions, each an entry with its docs."""

from __future__ import annotations

from functools import cache

from sluice.catalog import (
    actions,
    aggregates,
    choice,
    encoding,
    network,
    number,
    place,
    text,
    time,
)  # fmt: skip
from sluice.catalog.aggregates import accumulator
from sluice.catalog.catalog import Accumulator, Action, Aggregate, Catalog, Function, Parameter
from sluice.catalog.regex import Regex, RegexSet, compile_like, compile_regex
from sluice.catalog.time import Schedule, parse_schedule, parse_zone


@cache
def builtins() -> Catalog:
    """Return the catalog of what comes with Sluice."""
    rooms = (text, number, choice, time, network, encoding, place)
    catalog = Catalog()
    for room in rooms:
        catalog = catalog.with_entries(room.functions())
    return catalog.with_entries(aggregates.aggregates()).with_entries(actions.actions())


BUILTINS: Catalog = builtins()

__all__ = [
    "BUILTINS", "Accumulator", "Action", "Aggregate", "Catalog", "Function", "Parameter", "Regex",
    "RegexSet", "Schedule", "accumulator", "builtins", "compile_like", "compile_regex",
    "parse_schedule", "parse_zone",
]  # fmt: skip
