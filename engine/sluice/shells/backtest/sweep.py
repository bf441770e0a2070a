"""Sweeps: the same events, decided with one value after another of a param or a clause."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from sluice.errors import ConfigError
from sluice.lang import RuleSet, declarations, suggest
from sluice.model import Counted, Match
from sluice.plan import Aggregate, Item, Plan, RulePlan, Step, conjuncts
from sluice.plan import Sequence as Steps
from sluice.plan import exprs as x
from sluice.shells.backtest.engine import decide_all
from sluice.shells.backtest.request import Chosen, Count, Job, Read, Taker
from sluice.timing import Duration, parse_duration

#: How many values (of several sweeps: how many together) are tried at most.
VALUES_MAX = 200

#: The clauses of a rule that can be swept without a param.
CLAUSES = ("threshold", "within")

_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)\Z")

#: Compiles the rules with these values of params, by full name.
Compile = Callable[[Mapping[str, str]], Plan]


@dataclass(frozen=True, slots=True)
class Axis:
    """What is swept: the full name of a param, or a clause; and its values as text."""

    name: str
    values: tuple[str, ...]

    @property
    def is_clause(self) -> bool:
        """True for a clause, which has no dot."""
        return "." not in self.name


@dataclass(slots=True)
class Point:
    """The values that were tried together, and the matches by rule."""

    values: dict[str, str]
    matches: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep found, what was read, and which engine did it."""

    points: tuple[Point, ...]
    read: Read
    chosen: Chosen
    seconds: float


def axis_of(text: str, ruleset: RuleSet, plan: Plan, rules: Iterable[str]) -> Axis:
    """Read `NAME=3..20` or `NAME=1m,5m,10m`; ConfigError says what is wrong with it.

    A name is that of a param (`auth.guessing_tries`, or its last word) or a clause of the rules.
    """
    name, equals, held = text.partition("=")
    if not equals or not held:
        raise ConfigError(f"'{text}' is no sweep; write NAME=3..20 or NAME=1m,5m,10m")
    return Axis(_named(name.strip(), ruleset, plan, rules), tuple(_values(held, text)))


def _values(held: str, text: str) -> list[str]:
    found = _RANGE.match(held)
    if found is None:
        return [value.strip() for value in held.split(",") if value.strip()]
    low, high = int(found[1]), int(found[2])
    if low > high or high - low >= VALUES_MAX:
        raise ConfigError(f"'{text}': a range goes up, over {VALUES_MAX} values at most")
    return list(map(str, range(low, high + 1)))


def _named(name: str, ruleset: RuleSet, plan: Plan, rules: Iterable[str]) -> str:
    params = sorted({
        declared.full_name
        for unit in ruleset.units.values()
        for declared in unit.names.values()
        if isinstance(declared.decl, declarations.Param)
    })  # fmt: skip
    found = [param for param in params if param == name or param.rpartition(".")[2] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(f"'{name}' is {' or '.join(found)}: say which")
    held = frozenset(rules)
    clauses = [c for c in CLAUSES if any(_has(r, c) for r in plan.rules if r.name in held)]
    if name in clauses:
        return name
    known = [*clauses, *params]
    near = suggest(name, [*known, *(param.rpartition(".")[2] for param in params)])
    hint = f", did you mean {near}?" if near else f"; there are {', '.join(known) or 'none'}"
    what = "the rules have no clause" if name in CLAUSES else "there is no param or clause"
    raise ConfigError(f"{what} '{name}'{hint}")


def run_sweep(job: Job, axes: Sequence[Axis], compiled: Compile, engine: str) -> Sweep:
    """Decide the events of a job once for each combination of values, in one pass where SQL can.

    RuleError when a value is none of its param's type.
    """
    started = time.perf_counter()
    combinations = list(product(*(axis.values for axis in axes)))
    if len(combinations) > VALUES_MAX:
        raise ConfigError(f"{len(combinations)} values are too many; {VALUES_MAX} are the most")
    points, plans = [], []
    for combination in combinations:
        held = dict(zip((axis.name for axis in axes), combination, strict=True))
        params = {name: value for name, value in held.items() if "." in name}
        plan = compiled(params) if params else job.plan
        kept = {rule.name for rule in job.plan.rules}
        plan = replace(plan, rules=tuple(rule for rule in plan.rules if rule.name in kept))
        for name, value in held.items():
            if "." not in name:
                plan = _with_clause(plan, job.rules, name, value)
        points.append(Point(held, dict.fromkeys(sorted(job.rules), 0)))
        plans.append(plan)
    takers = [Taker(_counter(point), is_by_day=True) for point in points]
    read, chosen = decide_all(job, list(zip(plans, takers, strict=True)), engine)
    return Sweep(tuple(points), read, chosen, time.perf_counter() - started)


def _counter(point: Point) -> Count:
    def count(found: Match | Counted) -> None:
        point.matches[found.rule] += found.count if isinstance(found, Counted) else 1

    return count


# ---------------------------------------------------------------- clauses


def _has(rule: RulePlan, clause: str) -> bool:
    pattern = rule.pattern
    if clause == "within":
        is_sliding = isinstance(pattern, Aggregate) and pattern.window.kind == "sliding"
        return is_sliding or (isinstance(pattern, Steps) and pattern.within_ms is not None)
    return _threshold_of(rule) is not None or _counted_step(rule) is not None


def _with_clause(plan: Plan, rules: frozenset[str], clause: str, value: str) -> Plan:
    change = _within if clause == "within" else _threshold
    return replace(
        plan,
        rules=tuple(
            change(rule, value) if rule.name in rules and _has(rule, clause) else rule
            for rule in plan.rules
        ),
    )


def _within(rule: RulePlan, value: str) -> RulePlan:
    duration: Duration | None = parse_duration(value)
    if not duration:
        raise ConfigError(f"within={value}: '{value}' is no duration; write 30s or 5m")
    pattern = rule.pattern
    if isinstance(pattern, Aggregate):
        window = replace(pattern.window, size=duration)
        return replace(rule, pattern=replace(pattern, window=window))
    assert isinstance(pattern, Steps)
    return replace(rule, pattern=replace(pattern, within_ms=duration))


def _threshold(rule: RulePlan, value: str) -> RulePlan:
    """Put a number in the place of the one that `having` asks for, or of how often a step comes."""
    try:
        number = int(value)
    except ValueError:
        raise ConfigError(f"threshold={value}: '{value}' is no whole number") from None
    found = _threshold_of(rule)
    if found is not None and rule.having is not None:
        new = replace(found, right=x.Const(number, found.right.type))
        condition = _replaced(rule.having.condition, found, new)
        return replace(rule, having=replace(rule.having, condition=condition))
    step = _counted_step(rule)
    assert step is not None and isinstance(rule.pattern, Steps)
    if number < 1:
        raise ConfigError(f"threshold={value}: a step comes once at least")
    maximum = number if step.maximum == step.minimum else step.maximum
    if maximum is not None:
        maximum = max(maximum, number)
    new_step = replace(step, minimum=number, maximum=maximum)
    items: tuple[Item, ...] = tuple(
        new_step if item is step else item for item in rule.pattern.items
    )
    return replace(rule, pattern=replace(rule.pattern, items=items))


def _threshold_of(rule: RulePlan) -> x.Cmp | None:
    """Return the first `aggregate > number` of a rule's `having`."""
    if rule.having is None:
        return None
    for part in conjuncts(rule.having.condition):
        if isinstance(part, x.Cmp) and isinstance(part.left, x.Agg):
            if part.op in (">", ">=") and isinstance(part.right, x.Const):
                return part
    return None


def _counted_step(rule: RulePlan) -> Step | None:
    """Return the first step that has to come more than once."""
    if not isinstance(rule.pattern, Steps):
        return None
    return next(_counted(rule.pattern.items), None)


def _counted(items: Iterable[Item]) -> Iterator[Step]:
    return (item for item in items if isinstance(item, Step) and item.minimum > 1)


def _replaced(node: x.Expr, old: x.Expr, new: x.Expr) -> x.Expr:
    if node is old:
        return new
    if isinstance(node, x.And):
        return replace(node, items=tuple(_replaced(item, old, new) for item in node.items))
    return node
