"""Put what is cheap and refuses most first; conditions have no effects, so order says nothing."""

from __future__ import annotations

from sluice.plan.exprs import (
    Agg,
    And,
    Arith,
    Cmp,
    Const,
    Exists,
    Expr,
    Func,
    InArray,
    InNetworks,
    InValues,
    IsNull,
    Lookup,
    Matches,
    Not,
    Or,
    Quantified,
    TextTest,
    Truth,
    children,
)
from sluice.plan.nodes import Plan
from sluice.plan.transform import map_plan, transform

#: What a test costs and how little it refuses, by kind; only the order of the numbers matters.
EQUALITY, PRESENCE, RANGE, MEMBERSHIP, NETWORK, TEXT, ARRAY, REGEX = 10, 15, 20, 30, 35, 40, 50, 60
_SEVERAL, _FUNCTION, _LOOKUP, _AGGREGATE = 4, 25, 30, 45


def order_conditions(plan: Plan) -> Plan:
    """Return the plan with the parts of every `and` and `or` in order of `cost`."""
    return map_plan(plan, lambda expr: transform(expr, _order))


def cost(expr: Expr) -> int:
    """Return a rank: equality < range < membership < string tests < regular expressions."""
    return _own_cost(expr) + sum(cost(child) for child in children(expr))


def _order(node: Expr) -> Expr:
    if not isinstance(node, And | Or):
        return node
    items = tuple(sorted(node.items, key=cost))
    return node if items == node.items else type(node)(items)


def _own_cost(expr: Expr) -> int:
    match expr:
        case Cmp(op=op):
            return (EQUALITY if op == "==" else RANGE) + (_FUNCTION if expr.fold else 0)
        case Exists() | IsNull() | Truth():
            return PRESENCE
        case Not() | Arith():
            return 3
        case InValues() | InNetworks():
            kind = MEMBERSHIP if isinstance(expr, InValues) else NETWORK
            return kind + (_FUNCTION if isinstance(expr, InValues) and expr.fold else 0)
        case InArray() | Quantified():
            return ARRAY
        case (
            TextTest(patterns=patterns, list_name=name) | Matches(regexes=patterns, list_name=name)
        ):
            several = _SEVERAL if name is not None or len(patterns) > 1 else 0
            return (TEXT if isinstance(expr, TextTest) else REGEX) + several
        case Func():
            return _FUNCTION
        case Lookup():
            return _LOOKUP
        case Agg():
            return _AGGREGATE
        case Const():
            return 0
        case _:
            return 1
