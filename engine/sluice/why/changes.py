"""A rule changed in one place: what a trial asks of the engine instead of guessing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from sluice.plan import (
    Absent,
    Aggregate,
    Atom,
    Entry,
    Expr,
    Filter,
    Item,
    Pattern,
    Repeat,
    RulePlan,
    Sequence,
    Silence,
    Step,
    conjunction,
    conjuncts,
)  # fmt: skip
from sluice.plan import exprs as x

Change = Callable[[RulePlan], RulePlan]

_LOWER: dict[str, Literal["==", "<", "<=", ">", ">="]] = {
    ">": ">=",
    ">=": ">=",
    "<": "<=",
    "<=": "<=",
    "==": "==",
}


def with_pattern(rule: RulePlan, **parts: Any) -> RulePlan:
    """Return the rule with parts of its pattern replaced."""
    pattern: Pattern = replace(rule.pattern, **parts)
    return replace(rule, pattern=pattern)


def map_steps(rule: RulePlan, position: int, change: Callable[[Step], Step]) -> RulePlan:
    """Return the rule with the step changed that has a branch at this position."""
    pattern = rule.pattern
    match pattern:
        case Filter(step) | Aggregate(step):
            return with_pattern(rule, step=change(step)) if _is_at(step, position) else rule
        case Sequence(items):
            return with_pattern(rule, items=tuple(_mapped(i, position, change) for i in items))
        case Silence():
            return rule


def map_entries(rule: RulePlan, position: int, change: Callable[[Entry], Entry]) -> RulePlan:
    """Return the rule with what must hold before the events of a step changed.

    What a group asks of its events is asked of those of the step too.
    """
    pattern = rule.pattern
    if not isinstance(pattern, Sequence):
        return rule
    return with_pattern(rule, items=tuple(_entered(i, position, change) for i in pattern.items))


def without_gap(rule: RulePlan, position: int) -> RulePlan:
    """Return the rule without a longest gap before the events of a step."""
    return map_entries(rule, position, lambda entry: replace(entry, gap_ms=None))


def with_gap(rule: RulePlan, position: int, gap_ms: int) -> RulePlan:
    """Return the rule with a gap before the events of a step that is at least so long."""
    return map_entries(
        rule, position,
        lambda e: e if e.gap_ms is None else replace(e, gap_ms=max(e.gap_ms, gap_ms)),
    )  # fmt: skip


def without_without(rule: RulePlan, position: int, atom: Atom) -> RulePlan:
    """Return the rule with one `without` before the events of a step dropped."""

    def dropped(entry: Entry) -> Entry:
        return replace(entry, withouts=tuple(a for a in entry.withouts if a is not atom))

    return map_entries(rule, position, dropped)


def without_immediately(rule: RulePlan, position: int) -> RulePlan:
    """Return the rule with anything allowed before the events of a step."""
    return map_entries(rule, position, lambda entry: replace(entry, immediately=False))


def without_until(rule: RulePlan) -> RulePlan:
    """Return the rule that nothing ends."""
    return replace(rule, until=None)


def without_part(rule: RulePlan, atom: Atom, part: Expr) -> RulePlan:
    """Return the rule with one part of the condition of a step's branch dropped."""

    def dropped(step: Step) -> Step:
        atoms = tuple(_dropped(a, part) if a.position == atom.position else a for a in step.atoms)
        return replace(step, atoms=atoms)

    return map_steps(rule, atom.position, dropped)


def without_key(rule: RulePlan, index: int) -> RulePlan:
    """Return the rule with one part of its key dropped, from every atom too."""

    def cut(atom: Atom) -> Atom:
        return replace(atom, key=(*atom.key[:index], *atom.key[index + 1 :]))

    pattern, until = rule.pattern, rule.until
    if isinstance(pattern, Sequence):
        changed = replace(
            pattern,
            items=tuple(_each_atom(item, cut) for item in pattern.items),
            leading=_absent(pattern.leading, cut),
            trailing=_absent(pattern.trailing, cut),
        )
        rule = replace(rule, pattern=changed)
    keys = (*rule.keys[:index], *rule.keys[index + 1 :])
    return replace(
        rule, keys=keys, until=None if until is None else cut(until), having=None, select=()
    )


def with_condition(rule: RulePlan, condition: Expr) -> RulePlan:
    """Return the rule with another `having` condition."""
    assert rule.having is not None
    return replace(rule, having=replace(rule.having, condition=condition))


def eased(part: Expr, left: Any, right: Any) -> Expr | None:
    """Return a comparison of numbers that its values just meet, by another constant, if any."""
    if not isinstance(part, x.Cmp):
        return None
    op = _LOWER[part.op]
    if isinstance(part.right, x.Const) and _is_number(left):
        return replace(part, op=op, right=replace(part.right, value=left))
    if isinstance(part.left, x.Const) and _is_number(right):
        return replace(part, op=op, left=replace(part.left, value=right))
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def inlined(expr: Expr, rule: RulePlan) -> Expr:
    """Return an expression with the rule's `select` names replaced by what they stand for."""
    if isinstance(expr, x.Selected):
        return inlined(rule.select[expr.index][1], rule)
    changes: dict[str, Any] = {}
    for name in type(expr).__slots__:
        held = getattr(expr, name)
        after = _inlined_value(held, rule)
        if after is not held:
            changes[name] = after
    return replace(expr, **changes) if changes else expr


def _inlined_value(held: Any, rule: RulePlan) -> Any:
    if isinstance(held, Expr):
        return inlined(held, rule)
    if isinstance(held, tuple) and any(isinstance(item, Expr) for item in held):
        after = tuple(_inlined_value(item, rule) for item in held)
        return held if all(a is b for a, b in zip(after, held, strict=True)) else after
    return held


def _dropped(atom: Atom, part: Expr) -> Atom:
    return replace(atom, where=conjunction(tuple(p for p in conjuncts(atom.where) if p != part)))


def _is_at(step: Step, position: int) -> bool:
    return any(atom.position == position for atom in step.atoms)


def holds_position(item: Item, position: int) -> bool:
    """Say whether a step or group has a branch at a position."""
    if isinstance(item, Step):
        return _is_at(item, position)
    return any(holds_position(inner, position) for inner in item.items)


def _mapped(item: Item, position: int, change: Callable[[Step], Step]) -> Item:
    if isinstance(item, Step):
        return change(item) if _is_at(item, position) else item
    return replace(item, items=tuple(_mapped(i, position, change) for i in item.items))


def _entered(item: Item, position: int, change: Callable[[Entry], Entry]) -> Item:
    if not holds_position(item, position):
        return item
    if isinstance(item, Repeat):
        inner = tuple(_entered(i, position, change) for i in item.items)
        item = replace(item, items=inner)
    return replace(item, entry=change(item.entry))


def _each_atom(item: Item, cut: Callable[[Atom], Atom]) -> Item:
    entry = replace(item.entry, withouts=tuple(map(cut, item.entry.withouts)))
    if isinstance(item, Step):
        return replace(item, atoms=tuple(map(cut, item.atoms)), entry=entry)
    inner = tuple(_each_atom(i, cut) for i in item.items)
    return replace(item, items=inner, entry=entry)


def _absent(absent: Absent | None, cut: Callable[[Atom], Atom]) -> Absent | None:
    return None if absent is None else replace(absent, atom=cut(absent.atom))
