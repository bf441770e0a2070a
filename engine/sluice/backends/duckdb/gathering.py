"""Gathering: where in time enough events of a key lie together for a match.

A rule that is bounded in time, and for a match needs certain events, looks in vain at events of a
key that has not enough of them near by. Dropping those changes no match: a match needs all of its
events within the bound, so around each of them, and around everything that lies between, there
are enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sluice.backends.duckdb.conditions import Conditions
from sluice.backends.duckdb.fields import TIME, as_double
from sluice.backends.duckdb.sqltext import FALSE, all_of, any_of, text
from sluice.lang import covers
from sluice.plan import Aggregate, Atom, Plan, Repeat, RulePlan, Step, atoms_of, conjuncts
from sluice.plan import exprs as x
from sluice.plan import nodes as p

#: Aggregates that say how many events there are at least: a window has as many or more.
_COUNTS = frozenset({"count", "distinct"})


@dataclass(frozen=True, slots=True)
class Gathering:
    """What must be near an event of a rule: so many of each of the `required` events within
    `radius_ms` before or after it, all of one key.

    All is SQL over the columns: `own` holds for every event of the rule, `keys` are values that are
    the same for events of one key.
    """

    own: str
    required: tuple[tuple[str, int], ...]
    keys: tuple[str, ...]
    radius_ms: int


def gathering(
    rule: RulePlan, plan: Plan, conditions: Conditions, own: str,
    write: Callable[[Iterable[Atom]], str],
) -> Gathering | None:  # fmt: skip
    """Return what must be near the events of a rule; None where nothing is known.

    `own` holds for every event of the rule, `write` writes what holds for every event that fits
    one of some atoms.
    """
    atoms = tuple(atoms_of(rule))
    if rule.unseen is not None or len({atom.key for atom in atoms}) != 1:
        return None
    if any(covers(t, made, True) for a in atoms for t in a.types for made in _made(plan)):
        return None  # what is derived is no row that SQL could count
    needed = _needed(rule)
    if needed is None:
        return None
    required, radius_ms = needed
    keys = tuple(_key(expr, conditions) for expr in atoms[0].key)
    written = tuple((write(each), count) for each, count in required)
    held = tuple(key for key in keys if key is not None)
    return Gathering(own, written, held, radius_ms)


def _made(plan: Plan) -> set[str]:
    made = {extract.type for extract in plan.extracts}
    for rule in plan.rules:
        made |= {f"match.{rule.name}", f"clear.{rule.name}"}
        made |= {e.type for e in rule.effects if isinstance(e, p.EmitEffect)}
    return made


_Needed = tuple[tuple[tuple[tuple[Atom, ...], int], ...], int]


def _needed(rule: RulePlan) -> _Needed | None:
    """Return which events a match needs, and within which time all that decides it lies."""
    match rule.pattern:
        case p.Sequence(items=items, within_ms=within_ms, leading=leading, trailing=trailing):
            if within_ms is None and not _is_one_event(items):
                return None
            absent = (each.duration_ms for each in (leading, trailing) if each is not None)
            return tuple(_required(items)), (within_ms or 0) + sum(absent)
        case Aggregate(step=step, window=window) if rule.having is not None:
            is_fixed = window.kind in ("sliding", "tumbling", "hopping")
            count = count_needed(rule.having.condition)
            if not is_fixed or count < 2 or rule.until is not None or _asks_history(rule):
                return None
            return ((step.atoms, count),), window.size
        case _:
            return None


def _is_one_event(items: tuple[p.Item, ...]) -> bool:
    """True when a match takes one event, so that it needs no bound; `all of` takes several."""
    first = items[0]
    return (
        len(items) == 1
        and isinstance(first, Step)
        and first.maximum == 1
        and first.kind != "all_of"
    )


def _required(items: tuple[p.Item, ...]) -> Iterator[tuple[tuple[Atom, ...], int]]:
    for item in items:
        if not item.minimum:
            continue
        if isinstance(item, Repeat):
            yield from _required(item.items)
        elif item.kind == "all_of":
            yield from (((atom,), 1) for atom in item.atoms)
        else:
            yield item.atoms, item.minimum


def count_needed(condition: x.Expr) -> int:
    """Return how many events a window has at least where a condition on it is true."""
    match condition:
        case x.And():
            return max(map(count_needed, conjuncts(condition)), default=0)
        case x.Or(items):
            return min(map(count_needed, items), default=0)
        case x.Cmp(op, x.Agg(name=name, over="window", inner=None), x.Const(value)):
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            if name not in _COUNTS or not is_whole:
                return 0
            return value + 1 if op == ">" else value if op in (">=", "==") else 0
        case _:
            return 0


def _asks_history(rule: RulePlan) -> bool:
    asked = [rule.having.condition] if rule.having is not None else []
    asked += [expr for _, expr in rule.select]
    return any(isinstance(n, x.Agg) and n.inner is not None for e in asked for n in x.walk(e))


def _key(expr: x.Expr, conditions: Conditions) -> str | None:
    """Write what is the same for all events of a key: not more, it may be for others too.

    A number and a text that looks like it fall together, as do all lists and objects, and all
    addresses of IPv6, which can be written in many ways. None: it is the same for all.
    """
    kind = expr.type.kind
    value = conditions.text_of(expr)
    if value is None or kind in ("time", "duration", "network", "list", "object"):
        return None
    if kind == "ip":
        return f"CASE WHEN contains({value}, ':') THEN ':' ELSE {value} END"
    number = as_double(value)
    return (
        f"CASE WHEN {number} IS NOT NULL THEN CAST({number} AS VARCHAR) "
        f"WHEN starts_with({value}, {text('{')}) OR starts_with({value}, {text('[')}) THEN '[' "
        f"ELSE {value} END"
    )


# ---------------------------------------------------------------- as columns and windows


def marks(gatherings: Iterable[Gathering], plain: str, doubtful: str) -> str:
    """Write the columns that `gathered` looks at.

    `plain` holds for events that are needed in any case, `doubtful` for those of which SQL may
    have read the wrong value.
    """
    columns = [f"{plain} AS is_plain", f"{doubtful} AS is_doubtful"]
    for number, each in enumerate(gatherings):
        columns.append(f"{each.own} AS own_{number}")
        tests = enumerate(test for test, _ in each.required)
        columns += [f"{test} AS needed_{number}_{place}" for place, test in tests]
        if each.keys:
            # Keys that fall together let through more, and one number is sorted soonest.
            columns.append(f"hash({', '.join(each.keys)}) AS key_{number}")
    return ", ".join(columns)


def gathered(
    gatherings: Sequence[Gathering], rows: str, columns: Iterable[str], may_doubt: bool
) -> str:
    """Write the SELECT of the rows, with `marks`, that are needed or have enough near by.

    `may_doubt`: SQL may have read wrong values; where it has, all rows are needed.
    """
    told = ", ".join(columns)
    if not gatherings:
        return f"SELECT {told} FROM ({rows})"
    windows = [
        f"near_{number} AS ({_partition(number, each)}ORDER BY {TIME} "
        f"RANGE BETWEEN {each.radius_ms} PRECEDING AND {each.radius_ms} FOLLOWING)"
        for number, each in enumerate(gatherings)
    ]
    tests = [
        all_of([f"own_{number}", *_enough(number, each)]) for number, each in enumerate(gatherings)
    ]
    doubt = "bool_or(is_doubtful) OVER ()" if may_doubt else FALSE
    return (
        f"SELECT {told} FROM (SELECT *, {any_of(['is_plain', *tests])} AS is_near, "
        f"{doubt} AS has_doubtful FROM ({rows}) WINDOW {', '.join(windows)}) "
        "WHERE is_near OR has_doubtful"
    )


def _partition(number: int, each: Gathering) -> str:
    return f"PARTITION BY key_{number} " if each.keys else ""


def _enough(number: int, each: Gathering) -> Iterator[str]:
    for place, (_, count) in enumerate(each.required):
        yield f"count(*) FILTER (WHERE needed_{number}_{place}) OVER near_{number} >= {count}"
