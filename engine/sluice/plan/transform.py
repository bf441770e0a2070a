"""Apply a function to the expressions of a plan; the ground on which rewrites stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sluice.model import Type
from sluice.plan.exprs import Expr
from sluice.plan.nodes import Atom, ExtractPlan, Plan, RulePlan

Change = Callable[[Expr], Expr]


def transform(expr: Expr, change: Change) -> Expr:
    """Return the expression with `change` applied to every node, the lowest first."""
    changed: Expr = change(_rebuild(expr, lambda child: transform(child, change)))
    return changed


def map_exprs(node: Any, change: Change) -> Any:
    """Return a plan node with `change` applied to every whole expression in it.

    `change` sees the outermost expressions only; the node itself is returned when none changed.
    """
    return _rebuild(node, lambda child: _map_node(child, change))


def map_rules(plan: Plan, change: Callable[[RulePlan], RulePlan]) -> Plan:
    """Return the plan with every rule changed."""
    rules = tuple(change(rule) for rule in plan.rules)
    return plan if rules == plan.rules else replace(plan, rules=rules)


def map_plan(plan: Plan, change: Change) -> Plan:
    """Return the plan with `change` applied to every whole expression of rules and extracts."""
    extracts: tuple[ExtractPlan, ...] = tuple(map_exprs(e, change) for e in plan.extracts)
    rules: tuple[RulePlan, ...] = tuple(map_exprs(r, change) for r in plan.rules)
    return replace(plan, rules=rules, extracts=extracts)


def map_atoms(node: Any, change: Callable[[Atom], Atom]) -> Any:
    """Return a plan node with every test of one event in it changed."""
    if isinstance(node, Atom):
        return change(node)
    return _rebuild(node, lambda child: map_atoms(child, change), atoms_only=True)


def _map_node(node: Any, change: Change) -> Any:
    return change(node) if isinstance(node, Expr) else map_exprs(node, change)


def _rebuild(node: Any, change: Callable[[Any], Any], atoms_only: bool = False) -> Any:
    """Return the node with its parts changed; parts of no class of ours stay as they are."""
    changes = {}
    # Nodes are dataclasses with slots, which name their fields.
    for name in getattr(type(node), "__slots__", ()):
        before = getattr(node, name)
        after = _change_value(before, change, atoms_only)
        if after is not before:
            changes[name] = after
    return replace(node, **changes) if changes else node


def _change_value(value: Any, change: Callable[[Any], Any], atoms_only: bool) -> Any:
    if isinstance(value, Type) or (atoms_only and isinstance(value, Expr)):
        return value
    if isinstance(value, tuple):
        after = tuple(_change_value(item, change, atoms_only) for item in value)
        same = all(a is b for a, b in zip(after, value, strict=True))
        return value if same else after
    return change(value) if hasattr(value, "__dataclass_fields__") else value
