"""Hold a function against its promises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sluice.catalog import Catalog, Function
from sluice.model import BOOL, TIME, Type, coerce
from sluice.plugins import FAILED, is_plain
from sluice.testing.kit.odd import drawn
from sluice.testing.kit.watched import Watched, shown_call
from sluice.testing.kit.words import errors_in
from sluice.testing.simulation import simulate
from sluice.timing import parse_instant

#: The time at which examples are computed: 2026-01-01T00:00:00Z.
NOW = 1_767_225_600_000

#: How many arguments are tried where any number is allowed.
MANY = 3


def check_function(entry: Function, catalog: Catalog, watched: Watched) -> list[str]:
    """Return what is wrong with what a function computes; the calls are noted by `watched`."""
    for args in _arguments(entry):
        _try(entry, args, watched)
    return [*_check_example(entry, catalog), *_check_missing(entry, catalog)]


def _arguments(entry: Function) -> Iterator[list[Any]]:
    """Yield arguments, with all numbers of them that are allowed."""
    params = entry.params
    least = sum(not (param.optional or param.variadic) for param in params)
    most = len(params) + (MANY if params and params[-1].variadic else 0)
    for seed, count in enumerate(range(least, most + 1)):
        types = [params[min(place, len(params) - 1)].type for place in range(count)]
        for place in entry.conditions:
            if place < count:
                types[place] = BOOL
        yield from drawn(types, seed, has_null=entry.lenient)


def _try(entry: Function, args: list[Any], watched: Watched) -> None:
    # A condition arrives as True, False or None, whatever the rule says.
    for place in entry.conditions:
        if place < len(args) and args[place] is not None:
            args[place] = args[place] is True
    now = [NOW] if entry.needs_now else []
    found = watched.call(entry.call, [*now, *args])
    if found is None or found is FAILED:
        return
    shown = shown_call(entry.name, args)
    if not is_plain(found):
        watched.note("value", f"{shown} gives {found!r:.60}, which is no value of an event")
    elif isinstance(entry.result, Type) and coerce(found, entry.result) is None:
        watched.note("type", f"{shown} gives {found!r:.60}, and promises {entry.result}")
    if repr(watched.call(entry.call, [*now, *args])) != repr(found):
        watched.note("same", f"{shown} gives something else when it is called again")


def _check_example(entry: Function, catalog: Catalog) -> list[str]:
    """Let the engine compute the example and what it is said to be."""
    expression, expected = entry.example
    text = f"rule example {{ when sample\nselect found = {expression}, wanted = {expected}\n}}"
    wrong = errors_in(text, catalog)
    if wrong:
        return wrong
    select = _selected(text, catalog)
    found, wanted = select["found"], select["wanted"]
    if entry.result == TIME and isinstance(found, str) and isinstance(wanted, str):
        found, wanted = parse_instant(found), parse_instant(wanted)
    if json.dumps(found) != json.dumps(wanted):
        return [f"the example {expression} is {json.dumps(found)}, not {expected}"]
    return []


def _check_missing(entry: Function, catalog: Catalog) -> list[str]:
    """Let the engine call it with a field that is not there."""
    needed = sum(not (param.optional or param.variadic) for param in entry.params)
    if not needed or entry.lenient:
        return []
    args = ", ".join(f"nothing_{place}" for place in range(needed))
    text = f"rule example {{ when sample\nselect found = {entry.name}({args})\n}}"
    wrong = errors_in(text, catalog)
    if wrong:
        return wrong
    found = _selected(text, catalog)["found"]
    return [] if found is None else [f"of missing values it gives {found!r}, not a missing one"]


def _selected(text: str, catalog: Catalog) -> Any:
    (record,) = simulate(text, [{"@type": "sample", "@time": NOW}], catalog=catalog)
    return record["select"]
