"""Say what the entries of a catalog take, give and do, as plain values for pages and commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sluice.catalog.catalog import Action, Aggregate, Catalog, Function, Parameter
from sluice.model import Type


@dataclass(frozen=True, slots=True)
class Description:
    """What people read about an entry: `result` is None for what gives no value.

    `value` is what `example` gives, as Sluice text; None where that is a clause.
    """

    name: str
    kind: Literal["function", "aggregate", "action"]
    group: str
    signature: str
    result: str | None
    doc: str
    example: str
    value: str | None = None


#: What compares a window with those before it: an aggregate of an aggregate, which no entry can be.
_HISTORY = (
    Description(
        "baseline", "aggregate", "aggregates", "baseline(aggregate, windows)", "float",
        "Return the mean of an aggregate over so many tumbling windows before; unknown until the "
        "key is as old as they are.",
        "having count() > 3 * baseline(count(), 12)",
    ),
    Description(
        "zscore", "aggregate", "aggregates", "zscore(aggregate, windows)", "float",
        "Return how many standard deviations an aggregate lies above its mean over so many "
        "tumbling windows before; unknown until the key is as old as they are, and while they are "
        "all equal.",
        "having zscore(count(), 12) > 3",
    ),
)  # fmt: skip


def describe(catalog: Catalog) -> tuple[Description, ...]:
    """Return what there is to read about a catalog, in the order of groups, then of names."""
    functions: dict[str, list[Description]] = {}
    for function in catalog.functions.values():
        functions.setdefault(function.group, []).append(_of_function(function))
    aggregates = [*map(_of_aggregate, catalog.aggregates.values()), *_HISTORY]
    actions = map(_of_action, catalog.actions.values())
    groups = (*functions.values(), aggregates, actions)
    return tuple(each for group in groups for each in sorted(group, key=lambda d: d.name))


def _signature(entry: Function | Aggregate | Action) -> str:
    """Return how an entry is called: `round(x: float, [digits: int])`."""
    inside = list(map(_param, entry.params))
    if isinstance(entry, Aggregate) and entry.argument != "none":
        inside.insert(0, {"value": "x", "condition": "condition"}[entry.argument])
    return f"{entry.name}({', '.join(inside)})"


def _param(param: Parameter) -> str:
    kind = "" if param.type.kind == "any" else f": {param.type}"
    text = f"{param.name}{kind}{' …' if param.variadic else ''}"
    return f"[{text}]" if param.optional else text


def _result(entry: Function | Aggregate) -> str:
    return str(entry.result) if isinstance(entry.result, Type) else "of the type of what it takes"


def _of_function(entry: Function) -> Description:
    return Description(
        entry.name,
        "function",
        entry.group,
        _signature(entry),
        _result(entry),
        entry.doc,
        *entry.example,
    )


def _of_aggregate(entry: Aggregate) -> Description:
    of_nothing = "" if entry.empty is None else f" Of nothing it is {entry.empty}."
    return Description(
        entry.name, "aggregate", "aggregates", _signature(entry), _result(entry),
        entry.doc + of_nothing, *entry.example,
    )  # fmt: skip


def _of_action(entry: Action) -> Description:
    back = " It can be taken back." if entry.reversible else " It cannot be taken back."
    return Description(
        entry.name, "action", "actions", _signature(entry), None, entry.doc + back, entry.example
    )
