"""Compute what is constant and flatten conditions, in three values.

Exact rewrites keep true, false and unknown apart. Only a condition as a whole (`where`, `having`,
`except`, the filter of an aggregate) acts on true alone: there unknown may become false, and so
`x and not x` may, which is never true. Nothing is folded that the engine counts (a comparison
across types), and no `x == x`: of a missing x it is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sluice.model import BOOL, INT_MAX, INT_MIN
from sluice.plan.exprs import (
    FALSE,
    TRUE,
    Agg,
    And,
    Arith,
    Cmp,
    Const,
    Exists,
    Expr,
    InValues,
    IsNull,
    Neg,
    Not,
    Or,
    Truth,
)
from sluice.plan.identity import fingerprint
from sluice.plan.nodes import Atom, Filter, Plan, RulePlan, Sequence
from sluice.plan.transform import map_atoms, map_plan, map_rules, transform

UNKNOWN = Const(None, BOOL)

#: Integers up to here are exact as floats, so every backend computes the same with them.
_EXACT_MAX = 2**53

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def fold_constants(plan: Plan) -> Plan:
    """Return the plan with every condition and value folded as far as it is constant."""
    return map_rules(map_plan(plan, fold), _fold_conditions)


def fold(expr: Expr) -> Expr:
    """Return an expression with the same value, unknown included."""
    return transform(expr, _fold_node)


def fold_condition(condition: Expr) -> Expr:
    """Return a condition that is true exactly when this one is."""
    return _only_true(fold(condition))


def _fold_conditions(rule: RulePlan) -> RulePlan:
    """Fold the conditions of a rule that act on true only."""
    rule = map_atoms(rule, _fold_atom)
    excepts = tuple(fold_condition(condition) for condition in rule.excepts)
    having = rule.having
    if having is not None:
        having = replace(having, condition=fold_condition(having.condition))
        # An aggregate rule is judged by `having`, even by one that is always true.
        if having.condition == TRUE and isinstance(rule.pattern, Filter | Sequence):
            having = None
    return replace(rule, excepts=tuple(c for c in excepts if c != FALSE), having=having)


def _fold_atom(atom: Atom) -> Atom:
    if atom.where is None:
        return atom
    where = fold_condition(atom.where)
    return replace(atom, where=None if where == TRUE else where)


def _fold_node(node: Expr) -> Expr:
    match node:
        case And():
            return _flatten(node, FALSE, TRUE)
        case Or():
            return _flatten(node, TRUE, FALSE)
        case Not(operand=operand):
            return _fold_not(operand) or node
        case Truth(operand=Const(value=bool() | None as value)):
            return Const(value, BOOL)
        case Exists(operand=Const(value=value)):
            return FALSE if value is None else TRUE
        case IsNull(operand=Const(value=value)) if value is not None:
            return FALSE
        case Cmp(left=Const(), right=Const()):
            return _fold_comparison(node) or node
        case InValues(item=Const(), list_name=None, fold=False):
            return _fold_membership(node) or node
        case Arith(left=Const(), right=Const()):
            return _fold_arithmetic(node) or node
        case Neg(operand=Const(value=value)) if _is_number(value) and value != INT_MIN:
            return Const(-value, node.type)
        case Agg(where=condition) if condition is not None:
            return _fold_filter(node, condition)
        case _:
            return node


def _flatten(node: And | Or, decides: Const, neutral: Const) -> Expr:
    """Join nested conditions of one kind; `decides` settles the whole, `neutral` says nothing."""
    kind = type(node)
    items: dict[str, Expr] = {}
    for item in node.items:
        for part in item.items if isinstance(item, And | Or) and type(item) is kind else (item,):
            if part == decides:
                return decides
            if part != neutral:
                # Not the part itself: Python finds 1, 1.0 and True equal.
                items.setdefault(repr(part), part)
    parts = tuple(items.values())
    if len(parts) <= 1:
        return parts[0] if parts else neutral
    return node if parts == node.items else kind(parts)


def _fold_not(operand: Expr) -> Expr | None:
    match operand:
        case Not(operand=inner):
            return inner
        case Const(value=bool() as value):
            return Const(not value, BOOL)
        case Const(value=None):
            return UNKNOWN
        case _:
            return None


def _fold_comparison(node: Cmp) -> Expr | None:
    assert isinstance(node.left, Const) and isinstance(node.right, Const)
    left, right = node.left.value, node.right.value
    if left is None or right is None:
        return UNKNOWN
    if _is_number(left) and _is_number(right):
        # Python compares an int with a float exactly, also above 2^53.
        numbers = node.left.type.is_number and node.right.type.is_number
        same_scale = numbers or node.left.type.kind == node.right.type.kind
        return Const(_COMPARE[node.op](left, right), BOOL) if same_scale else None
    if isinstance(left, bool) and isinstance(right, bool):
        return Const(left == right, BOOL) if node.op == "==" else None
    if node.left.type.is_text and node.right.type.is_text and not node.fold:
        return Const(_COMPARE[node.op](left, right), BOOL)
    return None


def _fold_membership(node: InValues) -> Expr | None:
    """Fold where all values have the item's kind, so that no comparison crosses types."""
    assert isinstance(node.item, Const)
    item = node.item.value
    is_text = node.item.type.is_text and all(isinstance(v, str) for v in node.values)
    is_number = node.item.type.is_number and all(map(_is_number, node.values))
    if item is None or not node.values or not (is_text or is_number):
        return None
    return Const(item in node.values, BOOL)


def _fold_arithmetic(node: Arith) -> Expr | None:
    """Fold finite numbers; what would be unknown stays, it has no constant of its own."""
    assert isinstance(node.left, Const) and isinstance(node.right, Const)
    left, right = node.left.value, node.right.value
    if not (_is_number(left) and _is_number(right)):
        return None
    if isinstance(left, int) and isinstance(right, int) and node.op != "/":
        value: int | float = _compute(node.op, left, right)
        return Const(value, node.type) if INT_MIN <= value <= INT_MAX else None
    # How a duration is rounded is the engine's affair.
    plain = node.left.type.is_number and node.right.type.is_number and node.type.is_number
    if not plain or any(isinstance(v, int) and abs(v) > _EXACT_MAX for v in (left, right)):
        return None
    if node.op == "/" and right == 0:
        return None
    value = _compute(node.op, float(left), float(right))
    return Const(value, node.type) if math.isfinite(value) else None


def _compute(op: Any, left: Any, right: Any) -> Any:
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return left / right


def _fold_filter(node: Agg, condition: Expr) -> Agg:
    folded = _only_true(condition)
    return replace(node, where=None if folded == TRUE else folded)


def _only_true(condition: Expr) -> Expr:
    """Return what is true exactly when an already folded condition is."""
    match condition:
        case Const(value=None):
            return FALSE
        case And(items=items):
            parts = tuple(_only_true(item) for item in items)
            known = {fingerprint(part) for part in parts}
            if any(isinstance(p, Not) and fingerprint(p.operand) in known for p in parts):
                return FALSE
            return _flatten(And(parts), FALSE, TRUE)
        case Or(items=items):
            return _flatten(Or(tuple(_only_true(item) for item in items)), TRUE, FALSE)
        case _:
            return condition


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
