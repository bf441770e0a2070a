"""Ask early what speaks of one event only, where that changes no match.

A part of `having`, or of a later step's `where`, that reads a single event may be asked when that
event is taken:

* of the **last** step, which takes one event, always: an event with which `having` does not hold
  is as one that does not fit (4.4);
* of the **first** step, when it takes one event: a candidate of a bad first event never completes,
  and candidates do not disturb one another. They do under `latest`, where a bad one replaces a
  good one;
* of any step that takes one event under `all`, where each event is also passed over.

Elsewhere it does change matches: a step in the middle takes the first event that fits, and a
later one would be taken instead. Nothing moves past `unseen` (an event that fits the first step
refreshes it), into an absence's wait (only the earliest decides), into groups, or out of a
window. An `except` keeps the events for which it is unknown, which no part of an `and` can say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sluice.plan.atoms import conjunction, conjuncts
from sluice.plan.exprs import Agg, AliasField, Expr, Field, KeyValue, Now, Selected, walk
from sluice.plan.nodes import Filter, Item, Plan, RulePlan, Step
from sluice.plan.nodes import Sequence as StepSequence
from sluice.plan.transform import map_rules, transform


def push_filters(plan: Plan) -> Plan:
    """Return the plan with conditions moved to the first place that can decide them."""
    return map_rules(plan, push_in_rule)


def push_in_rule(rule: RulePlan) -> RulePlan:
    """Move the parts of `having`, then those of each step, to the steps that they speak of."""
    match rule.pattern:
        case Filter(step=step):
            return _push_having(rule, (step,))
        case StepSequence(items=items):
            return _push_wheres(_push_having(rule, items))
        case _:
            return rule


def _push_having(rule: RulePlan, items: Sequence[Item]) -> RulePlan:
    if rule.having is None or rule.having.for_ms is not None or rule.having.each:
        return rule
    kept: list[Expr] = []
    for part in conjuncts(rule.having.condition):
        place = _place_spoken_of(part, items, event_at_hand=isinstance(rule.pattern, Filter))
        if place is None or not _may_receive(rule, len(items), place):
            kept.append(part)
        else:
            items = _with_part(items, place, part)
    condition = conjunction(tuple(kept))
    having = None if condition is None else replace(rule.having, condition=condition)
    return replace(_with_items(rule, items), having=having)


def _push_wheres(rule: RulePlan) -> RulePlan:
    """Move parts of a step's `where` that speak of an earlier event only."""
    assert isinstance(rule.pattern, StepSequence)
    items: Sequence[Item] = rule.pattern.items
    for index in range(1, len(items)):
        step = items[index]
        # A step that may stay empty does not ask its condition of every match.
        if not isinstance(step, Step) or step.kind != "one" or step.minimum == 0:
            continue
        kept: list[Expr] = []
        for part in conjuncts(step.atoms[0].where):
            place = _place_spoken_of(part, items, event_at_hand=False)
            if place is None or place >= index or not _may_start_with(rule, place):
                kept.append(part)
            else:
                items = _with_part(items, place, part)
        atom = replace(step.atoms[0], where=conjunction(tuple(kept)))
        items = _with_item(items, index, replace(step, atoms=(atom,)))
    return _with_items(rule, items)


def _may_receive(rule: RulePlan, count: int, place: int) -> bool:
    """True when a part of `having` about the event of this item may be asked there."""
    if isinstance(rule.pattern, Filter):
        return rule.unseen is None
    assert isinstance(rule.pattern, StepSequence)
    if rule.pattern.trailing is not None or (place == 0 and rule.unseen is not None):
        return False
    return place == count - 1 or _may_start_with(rule, place)


def _may_start_with(rule: RulePlan, place: int) -> bool:
    """True when no match is lost or won by not beginning (or not going on) with an event."""
    assert isinstance(rule.pattern, StepSequence)
    if rule.pattern.trailing is not None or (place == 0 and rule.unseen is not None):
        return False
    overlap = rule.pattern.overlap
    return overlap == "all" or (place == 0 and overlap in ("none", "shared"))


def _place_spoken_of(part: Expr, items: Sequence[Item], event_at_hand: bool) -> int | None:
    """Return the item whose single event is all that the part reads, if there is one."""
    references = list(_references(part))
    if not references or any(isinstance(r, Agg | KeyValue | Selected | Now) for r in references):
        return None
    positions: set[int] = set()
    for reference in references:
        if isinstance(reference, AliasField):
            if reference.which not in (0, -1) or len(reference.positions) != 1:
                return None
            positions |= set(reference.positions)
        elif not event_at_hand:
            return None
    for index, item in enumerate(items):
        if isinstance(item, Step) and _takes_one(item):
            if positions <= {item.atoms[0].position}:
                return index
    return None


def _takes_one(step: Step) -> bool:
    return step.kind == "one" and step.minimum == 1 and step.maximum == 1


def _references(part: Expr) -> Iterator[Expr]:
    kinds = AliasField | Field | Agg | KeyValue | Selected | Now
    return (node for node in walk(part) if isinstance(node, kinds))


def _with_part(items: Sequence[Item], place: int, part: Expr) -> tuple[Item, ...]:
    """Return the items with a part added to what one of them asks of its event."""
    step = items[place]
    assert isinstance(step, Step)
    atom = step.atoms[0]
    where = conjunction((*conjuncts(atom.where), transform(part, _to_event)))
    return _with_item(items, place, replace(step, atoms=(replace(atom, where=where),)))


def _with_item(items: Sequence[Item], place: int, item: Item) -> tuple[Item, ...]:
    return (*items[:place], item, *items[place + 1 :])


def _with_items(rule: RulePlan, items: Sequence[Item]) -> RulePlan:
    pattern = rule.pattern
    if isinstance(pattern, Filter):
        step = items[0]
        assert isinstance(step, Step)
        return replace(rule, pattern=Filter(step))
    assert isinstance(pattern, StepSequence)
    return replace(rule, pattern=replace(pattern, items=tuple(items)))


def _to_event(node: Expr) -> Expr:
    return Field(node.path, node.type) if isinstance(node, AliasField) else node
