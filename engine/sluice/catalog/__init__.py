"""What words mean: functions, aggregates and actions, each an entry with its docs."""

from __future__ import annotations

from dataclasses import replace
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
from sluice.catalog.aggregates import accumulator, values_held_max
from sluice.catalog.catalog import Accumulator, Action, Aggregate, Catalog, Function, Parameter
from sluice.catalog.describe import Description, describe
from sluice.catalog.regex import Regex, RegexSet, compile_like, compile_regex
from sluice.catalog.time import Schedule, parse_schedule, parse_zone


@cache
def builtins() -> Catalog:
    """Return the catalog of what comes with Sluice."""
    rooms = {
        "text": text, "number": number, "choice": choice, "time": time, "network": network,
        "encoding": encoding, "place": place,
    }  # fmt: skip
    catalog = Catalog()
    for group, room in rooms.items():
        catalog = catalog.with_entries(replace(each, group=group) for each in room.functions())
    return catalog.with_entries(aggregates.aggregates()).with_entries(actions.actions())


BUILTINS: Catalog = builtins()

__all__ = [
    "BUILTINS", "Accumulator", "Action", "Aggregate", "Catalog", "Description", "Function",
    "Parameter", "Regex", "RegexSet", "Schedule", "accumulator", "builtins", "compile_like",
    "compile_regex", "describe", "parse_schedule", "parse_zone", "values_held_max",
]  # fmt: skip
