"""Change an expression in one place: a literal, an operator, a part of a condition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from sluice.lang import short
from sluice.lang import syntax as tree
from sluice.testing.mutation.change import Change, Variant, gone, parts, with_part, without_part
from sluice.testing.mutation.literals import changed_literal

#: For each comparison where the edge is moved, and where its sense is turned round.
_COMPARISONS = {
    "==": ("!=",), "!=": ("==",), "==~": ("!=~", "=="), "!=~": ("==~", "!="),
    "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
}  # fmt: skip
_JOINING: dict[str, Literal["and", "or"]] = {"and": "or", "or": "and"}
_ARITHMETIC: dict[str, Literal["+", "-", "*", "/"]] = {"+": "-", "-": "+", "*": "/", "/": "*"}
_AGGREGATES = {
    "sum": "avg", "avg": "max", "max": "min", "min": "max", "median": "max", "stddev": "avg",
    "first": "last", "last": "first", "p50": "p95", "p95": "p50", "p99": "p50",
    "distinct": "count", "exists": "missing",
}  # fmt: skip
_WIDER: dict[str, Literal["contains"]] = {"starts with": "contains", "ends with": "contains"}

#: Changes below these are shown with them, when they are short: `count() >= 6`.
_SHOWN = tree.Compare | tree.In | tree.StringTest
_SHOWN_MAX = 60

#: A name is no literal, and where a node stands is no part of it.
_SKIPPED = frozenset({"span", "name_spans"})


def expressions(node: tree.Expr) -> Iterator[Variant]:
    """Yield an expression with one change, for each change of it."""
    yield from _own(node)
    for name, place, below in parts(node, _SKIPPED):
        if isinstance(below, tree.Argument):
            for change, new in expressions(below.value):
                yield change, with_part(node, name, place, replace(below, value=new))
            continue
        for change, new in expressions(below):
            whole = with_part(node, name, place, new)
            yield _shown(node, whole, change), whole


def _shown(node: tree.Expr, new: tree.Expr, change: Change) -> Change:
    """Show a change of a side of a comparison as one of the comparison."""
    if not isinstance(node, _SHOWN) or node.span.end_line != node.span.line:
        return change
    if (
        node.span.end_column - node.span.column > _SHOWN_MAX
        or change.after is None
        or change.before
    ):
        return change
    return Change(node.span, short(new))


def _own(node: tree.Expr) -> Iterator[Variant]:
    """Yield the changes of the node itself, not of what is below it."""
    for new in (*changed_literal(node), *_operators(node)):
        yield Change(node.span, short(new)), new
    match node:
        case tree.Binary(op="and" | "or" as op, left=left, right=right):
            other = _JOINING[op]
            text = short(right)
            yield Change(right.span, f"{other} {text}", f"{op} {text}"), replace(node, op=other)
            # A chain leans to the left: its other parts are taken away further down.
            if not (isinstance(left, tree.Binary) and left.op == node.op):
                yield gone(left), right
            yield gone(right), left
        case tree.ListLiteral(items=items) if len(items) > 1:
            for place, item in enumerate(items):
                yield gone(item), without_part(node, "items", place)
        case tree.Unary(op="not", operand=operand) | tree.Unary(op="-", operand=operand):
            yield Change(node.span, short(operand)), operand
        case tree.Call(where=where) if where is not None:
            yield gone(where), replace(node, where=None)
        case _:
            pass


def _operators(node: tree.Expr) -> Iterator[tree.Expr]:
    match node:
        case tree.Binary(op="+" | "-" | "*" | "/" as op):
            yield replace(node, op=_ARITHMETIC[op])
        case tree.Compare(ops=ops):
            for place, sign in enumerate(ops):
                for new in _COMPARISONS[sign]:
                    yield replace(node, ops=(*ops[:place], new, *ops[place + 1 :]))
        case tree.In() | tree.StringTest():
            yield from _tests(node)
        case tree.Presence(kind=kind):
            yield replace(node, kind="missing" if kind == "exists" else "exists")
        case tree.Quantified(kind=kind):
            yield replace(node, kind="all" if kind == "any" else "any")
        case tree.Call(name=name) if name in _AGGREGATES:
            args = () if name == "distinct" else node.args
            yield replace(node, name=_AGGREGATES[name], args=args)
        case _:
            pass


def _tests(node: tree.In | tree.StringTest) -> Iterator[tree.Expr]:
    yield replace(node, negated=not node.negated)
    if node.fold:
        yield replace(node, fold=False)
    if isinstance(node, tree.StringTest):
        if node.op in _WIDER:
            yield replace(node, op=_WIDER[node.op])
        if node.mode is not None:
            yield replace(node, mode="all" if node.mode == "any" else "any")
